import { readFile } from 'node:fs/promises';
import { convert } from '../convert/convert';
import type { WeightType } from '../core/dtypes';
import { FlamingoError } from '../core/errors';
import { clipCommand } from './clip-command';
import type { Command } from './command';
import { evalCommand } from './eval-command';
import { cacheCommand, hubOptions } from './hub';
import { inspect } from './inspect';
import { interruptible } from './interrupt';
import { EXECUTORS, oneOf } from './one-of';
import { listPresets } from './presets';
import { run } from './run';
import { scoreCommand } from './score-command';
import { bytes, table } from './text';

const DTYPES: readonly WeightType[] = ['f32', 'f16', 'q8', 'q4'];
const VISION_TOKENS = ['after-post-norm', 'before-post-norm'] as const;

const convertCommand: Command = {
  name: 'convert',
  usage:
    'convert --model FOLDER --out DIR  |  convert --vision PATH --language PATH --flamingo PATH [--tokenizer PATH] --out DIR',
  summary: 'Convert a checkpoint to a model package.',
  options: {
    model: {
      type: 'string',
      help: 'folder whose flamingo.json names its parts, a preset, or hf:owner/name[@revision], as any PATH',
    },
    vision: { type: 'string', help: 'CLIP ViT folder or file, or an exported vision.onnx with its .json' },
    language: { type: 'string', help: 'language model folder with config.json' },
    flamingo: { type: 'string', help: 'Flamingo checkpoint (.pt, .bin, .safetensors)' },
    mapper: { type: 'string', help: 'exported mapper.onnx of a visual prefix, for eval --pictures prefix' },
    tokenizer: { type: 'string', help: 'tokenizer.json; default: the language model’s' },
    out: { type: 'string', help: 'folder to write' },
    dtype: { type: 'string', help: `${DTYPES.join(', ')}; default q4` },
    'vision-tokens': {
      type: 'string',
      help: `features of CLIP: ${VISION_TOKENS.join(' (open_clip since 2.23, default), ')} (older versions)`,
    },
    name: { type: 'string', help: 'name in the manifest' },
    license: { type: 'string', help: 'licence in the manifest' },
    token: {
      type: 'string',
      help: 'token for gated repositories; better in HF_TOKEN, where other users do not see it',
    },
    presets: { type: 'boolean', help: 'list the published checkpoints that --model knows by name' },
    'no-text-tower': { type: 'boolean', help: 'leave CLIP’s text tower out, where --vision has one' },
    'dry-run': { type: 'boolean', help: 'print the plan and write nothing' },
    force: { type: 'boolean', help: 'replace an existing folder' },
  },
  positionals: [],
  async run({ text, flag, progress }) {
    if (flag('presets')) return listPresets();
    const dtype = oneOf('dtype', text('dtype') ?? 'q4', DTYPES);
    const out = text('out');
    if (out === undefined && !flag('dry-run')) {
      throw new FlamingoError('invalid-option', '--out is missing.', {
        hint: 'Name the folder to write, or use --dry-run.',
      });
    }
    const paths = {
      model: text('model'),
      vision: text('vision'),
      language: text('language'),
      flamingo: text('flamingo'),
      tokenizer: text('tokenizer'),
    };
    const tokens = text('vision-tokens');
    const names = {
      name: text('name'),
      license: text('license'),
      visionTokens: tokens === undefined ? undefined : oneOf('vision-tokens', tokens, VISION_TOKENS),
    };
    const given = {
      ...paths,
      ...names,
      mapper: text('mapper'),
      out: out ?? '',
      dtype,
      noTextTower: flag('no-text-tower'),
      dryRun: flag('dry-run'),
      force: flag('force'),
      hub: { ...hubOptions(text('token')), onProgress: progress },
    };
    const report = await interruptible((signal) => convert({ ...given, signal }));
    const lines = [
      `${report.config.decoder.layers} blocks of width ${report.config.width}, ${report.config.gated.before.length} gated layers, vocabulary ${report.config.vocab}, ${dtype}`,
      ...report.unused.map(({ name, reason }) => `not used: ${name} (${reason})`),
      ...report.notes.map((note) => `note: ${note}`),
      ...(report.errors.length > 0
        ? table(
            ['matrix', 'relative error', 'worst error in steps'],
            report.errors.map((e) => [e.name, e.relative.toFixed(5), e.worstSteps.toFixed(3)]),
          )
        : []),
      ...report.files.map(({ path, size }) => `${path}  ${bytes(size)}`),
      flag('dry-run') ? 'Nothing was written.' : `Written to ${out}.`,
    ];
    return { json: report, lines };
  },
};

const inspectCommand: Command = {
  name: 'inspect',
  usage: 'inspect PATH',
  summary: 'Show what a package or checkpoint holds.',
  options: {},
  positionals: ['PATH'],
  run: ({ positionals }) => inspect(positionals[0]),
};

const runCommand: Command = {
  name: 'run',
  usage: 'run PACKAGE REQUESTS.json --out DIR [--executor webgpu|wasm]',
  summary: 'Run requests and write results.json and tensors.safetensors.',
  options: {
    out: { type: 'string', help: 'folder for the results' },
    executor: { type: 'string', help: `${EXECUTORS.join(', ')}; default auto` },
  },
  positionals: ['PACKAGE', 'REQUESTS.json'],
  async run({ text, positionals, progress }) {
    const out = text('out');
    if (out === undefined)
      throw new FlamingoError('invalid-option', '--out is missing.', { hint: 'Name the folder for the results.' });
    const executor = oneOf('executor', text('executor') ?? 'auto', EXECUTORS);
    const onRequest = (id: string) => progress(`done: ${id}`);
    const results = await run({ package: positionals[0], requests: positionals[1], out, executor, onRequest });
    const lines = Object.entries(results).map(([id, { greedy_text }]) =>
      greedy_text === undefined ? id : `${id}: ${greedy_text}`,
    );
    return { json: results, lines: [...lines, `Written to ${out}.`] };
  },
};

export const COMMANDS: readonly Command[] = [
  convertCommand,
  inspectCommand,
  runCommand,
  scoreCommand,
  evalCommand,
  clipCommand,
  cacheCommand,
];

/** The version of this package, for --version. */
export async function version(): Promise<string> {
  const { version: number } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return number;
}
