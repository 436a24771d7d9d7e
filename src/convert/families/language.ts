import { FlamingoError } from '../../core/errors';
import type { DecoderConfig } from '../../format/config';
import type { TensorSource } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';

/** What a language model's files say about it. */
export interface LanguageModel {
  width: number;
  /** Of the embedding's rows, where it is not `width`. */
  embeddingWidth?: number;
  contextLength: number;
  decoder: DecoderConfig;
  /** Names of the input table, and of the head where it is not the same table. */
  embedding: string;
  head: string | null;
  /** The head's bias, where it has one: a number per token. */
  headBias?: string;
  /** Path of the blocks under `lang_encoder.` in a Flamingo checkpoint. */
  blocksPath: string;
  source: TensorSource;
  /** The name of one of the files' tensors in the loaded model, where Flamingo checkpoints repeat it under `lang_encoder.`; and back. */
  moduleName(own: string): string;
  ownName(module: string): string;
  /** Puts everything but embedding and head into the book. Throws `bad-file` for a tensor that is missing. */
  fill(book: RecipeBook): void;
  /** Why a tensor that nothing uses may be left out; undefined when there is no reason. */
  ignore(name: string): string | undefined;
}

/** Number of blocks in the weights, which must be what config.json says. */
export function countBlocks({ source, configFile }: ModelFolder, pattern: RegExp, configured: number): number {
  let count = 0;
  for (const name of source.tensors.keys()) {
    const match = pattern.exec(name);
    if (match) count = Math.max(count, Number(match[1]) + 1);
  }
  if (count === configured) return count;
  throw new FlamingoError(
    'bad-file',
    `${source.label}: the weights have ${count} blocks, ${configFile} says ${configured}.`,
    {
      hint: 'A shard is missing, or config.json belongs to another model.',
      details: { file: source.label, count, configured },
    },
  );
}

/** True when any block has such a tensor: then all must. */
export function hasAny(source: TensorSource, pattern: RegExp): boolean {
  for (const name of source.tensors.keys()) if (pattern.test(name)) return true;
  return false;
}

/** Puts weight, and bias where `bias` says so, of the named source modules under each other. */
export function stack(book: RecipeBook, source: TensorSource, target: string, names: string[], bias: boolean): void {
  for (const part of bias ? ['weight', 'bias'] : ['weight'])
    book.set(`${target}.${part}`, ...names.map((name) => book.whole(source, `${name}.${part}`)));
}

/** Like `stack`, for modules that have `from` in front of their names and are to have `to`. */
export function mover(book: RecipeBook, source: TensorSource, from: string, to: string) {
  return (target: string, bias: boolean, ...names: string[]) =>
    stack(
      book,
      source,
      `${to}.${target}`,
      names.map((name) => `${from}.${name}`),
      bias,
    );
}

/** Fields that most families leave as they are. */
type Usual = 'kvHeads' | 'qkNorm' | 'clipQkv' | 'scale' | 'parallelResidual';

/** A decoder with a key head for every head, the usual softmax scale, and one half of a block after the other, unless `own` says otherwise. */
export function plainDecoder(own: Omit<DecoderConfig, Usual> & Partial<DecoderConfig>): DecoderConfig {
  const { heads, headDim } = own;
  return { kvHeads: heads, qkNorm: null, clipQkv: null, scale: headDim ** -0.5, parallelResidual: false, ...own };
}

/** Position tables that are constants in some files: they are computed here. */
export function computedConstant(name: string): string | undefined {
  return /(rotary_emb\.(inv_freq|cos_cached|sin_cached)|attention\.(bias|masked_bias))$/.test(name)
    ? 'a constant that is computed here'
    : undefined;
}

/** Files whose names are those of the loaded model. */
export const SAME_NAMES = { moduleName: (own: string) => own, ownName: (module: string) => module };
