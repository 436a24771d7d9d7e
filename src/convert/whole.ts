import { access } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FlamingoError } from '../core/errors';
import { idefics } from './families/idefics';
import { mini } from './families/mini';
import { mllama } from './families/mllama';
import { otter } from './families/otter';
import { readWholeSettings } from './settings';
import type { SourceModel } from './source-model';
import { type ModelFolder, openModel, readJson } from './sources';
import { readTokenizer } from './tokenizer';
import { preprocessorOf } from './vision-source';
import type { WholeFamily } from './whole-family';

/** In the order in which they are asked. */
const FAMILIES: readonly WholeFamily[] = [idefics, mini, mllama, otter];

/** Whether a folder is one checkpoint: it has a config.json, and no flamingo.json that names parts. */
export async function isWholeFolder(folder: string): Promise<boolean> {
  const [config, settings] = [join(folder, 'config.json'), join(folder, 'flamingo.json')];
  if (!(await exists(config))) return false;
  return !(await exists(settings)) || (await readJson(settings)).vision === undefined;
}

/** Throws `unsupported` for a folder of no known family. Nothing stays open when it throws. */
export async function openWhole(path: string, given: { vision?: string; tokenizer?: string }): Promise<SourceModel> {
  const { settings, notes } = await readWholeSettings(join(path, 'flamingo.json'));
  const folder = await openModel('--model', path);
  try {
    const family = familyOf(folder);
    if (given.vision !== undefined && !family.takesVision) throw hasItsOwn(path, given.vision);
    const beside = join(dirname(folder.configFile), settings.tokenizer ?? 'tokenizer.json');
    const tokenizer = await readTokenizer(given.tokenizer ?? beside);
    const preprocessor = await preprocessorOf(folder);
    const model = await family.open({ folder, preprocessor, tokenizer, settings, visionPath: given.vision });
    const close = async () => {
      await model.vision[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    };
    const name = basename(resolve(path));
    return { ...model, name, baseModels: [], notes: [...notes, ...model.plan.notes], [Symbol.asyncDispose]: close };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

function familyOf(folder: ModelFolder): WholeFamily {
  const family = FAMILIES.find((candidate) => candidate.recognises(folder));
  if (family) return family;
  const type = JSON.stringify(folder.config.model_type ?? null);
  throw new FlamingoError(
    'unsupported',
    `--model: ${folder.configFile} says model_type ${type}; whole models are known of ${FAMILIES.map(({ name }) => name).join(', ')}.`,
    {
      hint: 'Give the parts of an OpenFlamingo model as --vision, --language and --flamingo, or name them in a flamingo.json.',
      details: { file: folder.configFile, type: folder.config.model_type },
    },
  );
}

function hasItsOwn(path: string, vision: string): FlamingoError {
  return new FlamingoError(
    'invalid-option',
    `--vision ${vision} does not go with --model ${path}, which holds its own tower.`,
    { hint: 'Leave --vision out.', details: { vision, model: path } },
  );
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
