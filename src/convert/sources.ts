import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlamingoError } from '../core/errors';
import { openFile } from '../format/file-node';
import { openSafetensors } from '../format/safetensors';
import { joinSources, type TensorSource } from '../format/tensor-source';
import { openTorch } from '../format/torch-zip';

/** A model's weights and, where its folder has one, its configuration. */
export interface ModelFolder {
  path: string;
  source: TensorSource;
  config: Record<string, unknown>;
}

/** Weight files by preference: safetensors before pickles, whole before sharded. */
const WEIGHTS = [
  'model.safetensors',
  'open_clip_model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'open_clip_pytorch_model.bin',
  'pytorch_model.bin.index.json',
];
const CONFIGS = ['config.json', 'open_clip_config.json'];

/** Opens a folder with weights and config, or one weight file. Throws `not-found` naming what was looked for. */
export async function openModel(flag: string, path: string): Promise<ModelFolder> {
  refuseHub(flag, path);
  const info = await stat(path).catch(() => {
    throw new FlamingoError('not-found', `${flag}: ${path} does not exist.`, {
      hint: 'Check the path.',
      details: { flag, path },
    });
  });
  if (info.isFile()) return { path, source: await openWeights(path), config: {} };
  const files = new Set(await readdir(path));
  const weights = WEIGHTS.find((name) => files.has(name));
  if (!weights) {
    throw new FlamingoError('not-found', `${flag}: ${path} holds no weights; looked for ${WEIGHTS.join(', ')}.`, {
      hint: 'Give the folder that the model was downloaded to, or the weight file itself.',
      details: { flag, path, files: [...files] },
    });
  }
  const config = CONFIGS.find((name) => files.has(name));
  return {
    path,
    source: await openWeights(join(path, weights)),
    config: config ? await readJson(join(path, config)) : {},
  };
}

/** One weight file, or the index of a sharded one. */
export async function openWeights(path: string): Promise<TensorSource> {
  if (path.endsWith('.index.json')) return await openShards(path);
  const access = await openFile(path);
  if (path.endsWith('.safetensors')) return await openSafetensors(access);
  return (await openTorch(access)).source;
}

/** A JSON object. Throws `bad-file` naming the file. */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new FlamingoError('not-found', `${path} does not exist.`, { hint: 'Check the path.', details: { path } });
  });
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the same answer
  }
  throw new FlamingoError('bad-file', `${path} is not a JSON object.`, {
    hint: 'Get the file again.',
    details: { path },
  });
}

async function openShards(path: string): Promise<TensorSource> {
  const { weight_map: map } = await readJson(path);
  if (typeof map !== 'object' || map === null) throw new FlamingoError('bad-file', `${path} has no weight_map.`);
  const files = [...new Set(Object.values(map as Record<string, string>))].sort();
  const sources: TensorSource[] = [];
  for (const file of files) sources.push(await openWeights(join(path, '..', file)));
  const joined = joinSources(path, sources);
  const missing = Object.keys(map).filter((name) => !joined.tensors.has(name));
  if (missing.length === 0) return joined;
  throw new FlamingoError(
    'bad-file',
    `${path} lists ${missing.length} tensors that its shards do not hold, first ${missing[0]}.`,
    {
      hint: 'A shard is of another version: get all of them again.',
      details: { missing },
    },
  );
}

function refuseHub(flag: string, path: string): void {
  if (!path.startsWith('hf:')) return;
  throw new FlamingoError(
    'unsupported',
    `${flag}: ${path} is an address on a model hub, which this version does not read.`,
    {
      hint: 'Download the repository, and give its folder.',
      details: { flag, path },
    },
  );
}

/** Views a source through other names; tensors for which `rename` gives undefined are hidden. */
export function renamed(source: TensorSource, rename: (name: string) => string | undefined): TensorSource {
  const originals = new Map<string, string>();
  for (const name of source.tensors.keys()) {
    const other = rename(name);
    if (other !== undefined) originals.set(other, name);
  }
  const tensors = new Map([...originals].map(([name, original]) => [name, { ...source.tensors.get(original)!, name }]));
  return {
    label: source.label,
    tensors,
    read: (name) => source.read(originals.get(name) ?? name),
    readRows: (name, start, end) => source.readRows(originals.get(name) ?? name, start, end),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
