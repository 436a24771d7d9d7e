import { FlamingoError } from '../../core/errors';
import type { Activation, DecoderConfig } from '../../format/config';
import type { TensorSource } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';

/** What a language model's files say about it. */
export interface LanguageModel {
  width: number;
  contextLength: number;
  decoder: DecoderConfig;
  /** Names of the input table, and of the head where it is not the same table. */
  embedding: string;
  head: string | null;
  /** Path of the blocks under `lang_encoder.` in a Flamingo checkpoint. */
  blocksPath: string;
  source: TensorSource;
  /** Puts everything but embedding and head into the book. */
  fill(book: RecipeBook): void;
  /** Why a tensor that nothing uses may be left out; undefined when there is no reason. */
  ignore(name: string): string | undefined;
}

/** A field of config.json by any of its names. Throws `bad-file` when it is missing or not a number. */
export function numberField({ config, path }: ModelFolder, ...names: string[]): number {
  const value = names.map((name) => config[name]).find((candidate) => candidate !== undefined && candidate !== null);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new FlamingoError('bad-file', `${path}: config.json has no number ${names.join(' or ')}.`, {
    hint: 'Give the folder with the model’s own config.json.',
    details: { path, names },
  });
}

export function optionalNumber({ config }: ModelFolder, name: string, otherwise: number): number {
  const value = config[name];
  return typeof value === 'number' ? value : otherwise;
}

/** Number of blocks in the weights, which must be what config.json says. */
export function countBlocks({ source, path }: ModelFolder, pattern: RegExp, configured: number): number {
  let count = 0;
  for (const name of source.tensors.keys()) {
    const match = pattern.exec(name);
    if (match) count = Math.max(count, Number(match[1]) + 1);
  }
  if (count === configured) return count;
  throw new FlamingoError('bad-file', `${path}: the weights have ${count} blocks, config.json says ${configured}.`, {
    hint: 'A shard is missing, or config.json belongs to another model.',
    details: { path, count, configured },
  });
}

const ACTIVATION_NAMES: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
};

export function activationOf({ config, path }: ModelFolder, name: string, otherwise: string): Activation {
  const value = String(config[name] ?? otherwise);
  const activation = ACTIVATION_NAMES[value];
  if (activation) return activation;
  throw new FlamingoError(
    'unsupported',
    `${path}: the activation ${value} is not one of ${Object.keys(ACTIVATION_NAMES).join(', ')}.`,
  );
}

export const NO_BIAS = { qkv: false, out: false, head: false };
