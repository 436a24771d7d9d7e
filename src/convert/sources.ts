import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlamingoError } from '../core/errors';
import { openFile } from '../format/file-node';
import { openGguf } from '../format/gguf/gguf';
import type { RandomAccess } from '../format/random-access';
import { openSafetensors } from '../format/safetensors';
import { openShards } from '../format/shards';
import type { TensorSource } from '../format/tensor-source';
import { openTorch } from '../format/torch-zip';
import { ggufLanguage } from './gguf/language';
import { unwrapped } from './renamed';

/** A model's weights and, where its folder has one, its configuration. */
export interface ModelFolder extends AsyncDisposable {
  path: string;
  source: TensorSource;
  config: Record<string, unknown>;
  /** Where the configuration comes from, for messages; where it would be, if there is none. */
  configFile: string;
}

/** Weight files by preference: safetensors before pickles, whole before sharded. */
const WEIGHTS = [
  'model.safetensors',
  'open_clip_model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'open_clip_pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'open_clip_model.safetensors.index.json',
  'open_clip_pytorch_model.bin.index.json',
];
/** Without one of the names above, a folder's only file of these kinds is meant. */
const WEIGHT_KINDS = /\.(safetensors|bin|pt|pth|gguf)$/;
/** One of several files that an index keeps together. */
const SHARD = /-\d+-of-\d+\.\w+$/;

/** Opens a folder with weights and config, or one weight file with its config beside it. Throws `not-found` naming what was looked for. */
export async function openModel(flag: string, path: string): Promise<ModelFolder> {
  const weights = await findWeights(flag, path);
  if (weights.endsWith('.gguf')) return await openGgufModel(path, weights);
  const folder = dirname(weights);
  const files = new Set(await readdir(folder));
  const configs = ['config.json', 'open_clip_config.json'];
  if (weights.slice(folder.length).includes('open_clip')) configs.reverse(); // such a folder may describe both layouts
  const found = configs.find((name) => files.has(name));
  const configFile = join(folder, found ?? configs[0]);
  const config = found ? await readJson(configFile) : {};
  const source = unwrapped(await openWeights(weights));
  return { path, source, config, configFile, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

/** A GGUF file describes its model itself. */
async function openGgufModel(path: string, file: string): Promise<ModelFolder> {
  const gguf = await openWith(file, openGguf);
  try {
    const { config, source } = await ggufLanguage(gguf);
    return { path, source, config, configFile: file, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
  } catch (error) {
    await gguf.source[Symbol.asyncDispose]();
    throw error;
  }
}

/** The weight file (or index of shards) that a path means. Throws `not-found`. */
export async function findWeights(flag: string, path: string): Promise<string> {
  const info = await stat(path).catch(() => {
    throw new FlamingoError('not-found', `${flag}: ${path} does not exist.`, {
      hint: 'Check the path.',
      details: { flag, path },
    });
  });
  return info.isFile() ? path : join(path, chooseWeights(flag, path, await readdir(path)));
}

/** The weight file (or index of shards) among the names of a folder's files. Throws `not-found`. */
export function chooseWeights(flag: string, path: string, files: readonly string[]): string {
  const named = WEIGHTS.find((name) => files.includes(name));
  const others = files.filter((name) => WEIGHT_KINDS.test(name));
  const weights = named ?? (others.length === 1 ? others[0] : undefined);
  if (weights) return weights;
  const what = others.length > 1 ? `several weight files (${others.join(', ')})` : 'no weights';
  throw new FlamingoError('not-found', `${flag}: ${path} holds ${what}; looked for ${WEIGHTS.join(', ')}.`, {
    hint: others.some((name) => SHARD.test(name))
      ? 'Get the index of the shards, too: it ends with .index.json.'
      : 'Give the folder that the model was downloaded to, or the weight file itself.',
    details: { flag, path, files },
  });
}

/** One weight file, or the index of a sharded one. Nothing stays open when it throws. */
export async function openWeights(path: string): Promise<TensorSource> {
  if (path.endsWith('.index.json')) {
    const text = await readText(path);
    return await openShards(path, text, async (file) => {
      const shard = join(dirname(path), file);
      await stat(shard).catch((cause) => {
        throw missingShard(path, file, cause);
      });
      return await openWeights(shard);
    });
  }
  return await openWith(path, (access) => openByKind(path, access));
}

/** Opens a file and closes it again when `open` throws. */
export async function openWith<T>(path: string, open: (access: RandomAccess) => Promise<T>): Promise<T> {
  const access = await openFile(path);
  try {
    return await open(access);
  } catch (error) {
    await access[Symbol.asyncDispose]();
    throw error;
  }
}

async function openByKind(path: string, access: RandomAccess): Promise<TensorSource> {
  if (path.endsWith('.gguf')) return (await openGguf(access)).source;
  return path.endsWith('.safetensors') ? await openSafetensors(access) : (await openTorch(access)).source;
}

/** A JSON object. Throws `not-found`, and `bad-file` naming the file. */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path);
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

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause) => {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`;
    throw new FlamingoError('not-found', `${path} ${reason}.`, { hint: 'Check the path.', details: { path }, cause });
  });
}

function missingShard(index: string, file: string, cause: unknown): FlamingoError {
  return new FlamingoError('not-found', `${index} names the shard ${file}, which is not beside it.`, {
    hint: 'Get all files of the model.',
    details: { index, file },
    cause,
  });
}
