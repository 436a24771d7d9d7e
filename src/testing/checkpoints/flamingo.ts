import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlamingoConfig } from '../../format/config';
import type { WeightValues } from '../../reference/model/math';
import type { ReferenceVision } from '../../reference/model/vision';
import { type ClipSpec, clipCheckpoint } from './clip';
import type { Family } from './families';
import { type FileKind, safetensors, writeJson, writeWeights } from './files';
import type { LanguageCheckpoint, LanguageSpec } from './language';
import { letterTokenizer } from './letter-tokenizer';
import { type Canonical, exact, rowsOf, type StoredType, TensorMaker, type Tensors } from './tensors';
import { writeTorch } from './torch-writer';

export interface FlamingoSpec {
  family: Family;
  seed: number;
  clip: ClipSpec;
  clipKind: FileKind;
  language: LanguageSpec;
  languageKind: FileKind;
  /** Tokens of the tokenizer; the last two are `<|endofchunk|>` and `<image>`. */
  tokens: number;
  resampler: { layers: number; latents: number; heads: number; headDim: number; inner: number; frames: number | null };
  gated: { every: number; heads: number; headDim: number; inner: number };
  delta: {
    type: StoredType;
    file: 'checkpoint.pt' | 'checkpoint.safetensors';
    /** Key of the dictionary that holds the tensors, as in training checkpoints. */
    wrapper?: string;
    /** In front of every name. */
    prefix?: string;
    /** Where the gated layers stand: under the decoder, in a list, or both. */
    gatedUnder: 'blocks' | 'list' | 'both';
    embedding: boolean;
    head: boolean;
  };
  settings?: Record<string, unknown>;
}

/** A checkpoint on disk, and what is in it by the references' names. */
export interface FlamingoCheckpoint {
  folder: string;
  language: LanguageCheckpoint;
  delta: Tensors;
  clip: Tensors;
  config: FlamingoConfig;
  vision: ReferenceVision;
  values: WeightValues;
}

/** Writes a Flamingo of any family and size as its authors would publish it. */
export async function writeFlamingo(folder: string, spec: FlamingoSpec): Promise<FlamingoCheckpoint> {
  const clip = clipCheckpoint(spec.clip, spec.seed);
  const language = spec.family(spec.language, spec.seed + 100);
  const { tensors: delta, canonical, vocab } = deltaOf(spec, language);
  const config = configOf(spec, language, vocab);
  const isOpen = spec.clip.layout !== 'hugging face';
  await writeClip(folder, spec, clip.tensors);
  await writeJson(join(folder, 'clip', isOpen ? 'open_clip_config.json' : 'config.json'), clip.config);
  await writeWeights(join(folder, 'lm'), language.tensors, spec.languageKind);
  await writeJson(join(folder, 'lm', 'config.json'), language.config);
  await writeDelta(folder, spec, delta);
  await writeJson(join(folder, 'tokenizer.json'), letterTokenizer(spec.tokens));
  const { resampler: r, gated: g } = spec;
  await writeJson(join(folder, 'flamingo.json'), {
    vision: 'clip',
    language: 'lm',
    flamingo: spec.delta.file,
    ...(r.headDim === 64 ? {} : { perceiver: { heads: r.heads, dim_head: r.headDim } }),
    ...(g.headDim === 64 ? {} : { cross_attention: { heads: g.heads, dim_head: g.headDim } }),
    ...spec.settings,
  });
  const all: Canonical = new Map([...clip.canonical, ...language.canonical, ...canonical]);
  return { folder, language, delta, clip: clip.tensors, config, vision: clip.reference, values: valuesOf(all) };
}

/** Looks values up by name. Throws for a name that there is not. */
export function valuesOf(all: Canonical): WeightValues {
  return (name) => {
    const found = all.get(name);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  };
}

export async function writeClip(folder: string, { clip, clipKind }: FlamingoSpec, tensors: Tensors): Promise<void> {
  await writeWeights(join(folder, 'clip'), tensors, clipKind, clip.layout === 'hugging face' ? '' : 'open_clip_');
}

/** The tensors that OpenFlamingo adds, as their file has them. */
export async function writeDelta(
  folder: string,
  { delta: spec }: Pick<FlamingoSpec, 'delta'>,
  delta: Tensors,
): Promise<void> {
  const named: Tensors = new Map([...delta].map(([name, tensor]) => [`${spec.prefix ?? ''}${name}`, tensor]));
  const bytes = spec.file.endsWith('.pt') ? await writeTorch(named, spec.wrapper) : safetensors(named);
  await writeFile(join(folder, spec.file), bytes);
}

/** open_flamingo/src/helpers.py PerceiverResampler and GatedCrossAttentionBlock. */
export function deltaOf(spec: FlamingoSpec, language: LanguageCheckpoint) {
  const make = new TensorMaker(spec.delta.type, spec.seed + 200);
  const tensors: Tensors = new Map();
  const canonical: Canonical = new Map();
  const put = (names: string[], target: string, tensor: ReturnType<TensorMaker['make']>) => {
    for (const name of names) tensors.set(name, tensor);
    canonical.set(target, exact(tensor));
  };
  const norm = (names: string[], target: string, width: number) => {
    put(
      names.map((name) => `${name}.weight`),
      `${target}.weight`,
      make.vector(width, 1),
    );
    put(
      names.map((name) => `${name}.bias`),
      `${target}.bias`,
      make.vector(width),
    );
  };
  const matrix = (names: string[], target: string, rows: number, columns: number) =>
    put(
      names.map((name) => `${name}.weight`),
      `${target}.weight`,
      make.matrix(rows, columns),
    );
  const { resampler: r, gated: g, clip, language: lm } = spec;
  const [Dv, D] = [clip.width, lm.width];
  put(['perceiver.latents'], 'resampler.latents', make.make([r.latents, Dv], -1, 1));
  if (r.frames !== null) put(['perceiver.frame_embs'], 'resampler.frame_embeddings', make.make([r.frames, Dv], -1, 1));
  norm(['perceiver.norm'], 'resampler.norm', Dv);
  for (let i = 0; i < r.layers; i++) {
    const [from, to] = [`perceiver.layers.${i}`, `resampler.layers.${i}`];
    norm([`${from}.0.norm_media`], `${to}.norm_media`, Dv);
    norm([`${from}.0.norm_latents`], `${to}.norm_latents`, Dv);
    matrix([`${from}.0.to_q`], `${to}.to_q`, r.heads * r.headDim, Dv);
    matrix([`${from}.0.to_kv`], `${to}.to_kv`, 2 * r.heads * r.headDim, Dv);
    matrix([`${from}.0.to_out`], `${to}.to_out`, Dv, r.heads * r.headDim);
    norm([`${from}.1.0`], `${to}.ff.norm`, Dv);
    matrix([`${from}.1.1`], `${to}.ff.up`, r.inner, Dv);
    matrix([`${from}.1.3`], `${to}.ff.down`, Dv, r.inner);
  }
  for (const [k, block] of gatedBlocks(spec).entries()) {
    const places = {
      blocks: [`lang_encoder.${language.blocksPath}.${block}.gated_cross_attn_layer`],
      list: [`lang_encoder.gated_cross_attn_layers.${block}`],
    };
    const from = spec.delta.gatedUnder === 'both' ? [...places.blocks, ...places.list] : places[spec.delta.gatedUnder];
    const under = (name: string) => from.map((place) => `${place}.${name}`);
    const to = `gated.${k}`;
    norm(under('attn.norm'), `${to}.norm`, D);
    matrix(under('attn.to_q'), `${to}.to_q`, g.heads * g.headDim, D);
    matrix(under('attn.to_kv'), `${to}.to_kv`, 2 * g.heads * g.headDim, Dv);
    matrix(under('attn.to_out'), `${to}.to_out`, D, g.heads * g.headDim);
    norm(under('ff.0'), `${to}.ff.norm`, D);
    matrix(under('ff.1'), `${to}.ff.up`, g.inner, D);
    matrix(under('ff.3'), `${to}.ff.down`, D, g.inner);
    put(under('attn_gate'), `${to}.attn_gate`, make.make([1], 0.4, 0.9));
    put(under('ff_gate'), `${to}.ff_gate`, make.make([1], -0.9, -0.4));
  }
  const vocab = fillTables(spec, language, make, tensors, canonical);
  return { tensors, canonical, vocab };
}

/** Tables as upstream's `resize_token_embeddings` leaves them: as long as the tokenizer. What no file holds are zeros in a package. */
function fillTables(
  { delta, tokens, language: { width: D, tableWidth: width = D, rows } }: FlamingoSpec,
  language: LanguageCheckpoint,
  make: TensorMaker,
  tensors: Tensors,
  canonical: Canonical,
): number {
  const table = (target: string, own: string, trained: boolean, spread: number) => {
    const resized = make.make([tokens, width], -spread, spread);
    if (trained) tensors.set(`lang_encoder.${own}`, resized);
    const source = language.tensors.get(own) ?? language.tensors.get(own.replace(/^model\./, ''));
    const kept = trained ? resized : rowsOf(source!, 0, Math.min(rows, tokens));
    canonical.set(
      target,
      Float64Array.from({ length: tokens * width }, (_, i) => kept.values[i] ?? 0),
    );
  };
  table('embed.weight', language.embedding, delta.embedding, 1);
  if (language.head !== null) table('head.weight', language.head, delta.head, Math.sqrt(3 / width));
  if (language.headBias !== undefined) {
    const kept = language.tensors.get(language.headBias)!;
    canonical.set(
      'head.bias',
      Float64Array.from({ length: tokens }, (_, i) => kept.values[i] ?? 0),
    );
  }
  return tokens;
}

function gatedBlocks({ gated, language }: FlamingoSpec): number[] {
  return Array.from({ length: language.layers }, (_, i) => i).filter((i) => (i + 1) % gated.every === 0);
}

export function configOf(
  spec: FlamingoSpec,
  { decoder, contextLength }: LanguageCheckpoint,
  vocab: number,
): FlamingoConfig {
  const { clip, resampler: r, gated: g } = spec;
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const mlp = (inner: number) => ({ inner, activation: 'gelu', gated: false, bias: false }) as const;
  return {
    vocab,
    width: spec.language.width,
    ...(spec.language.tableWidth === undefined ? {} : { embeddingWidth: spec.language.tableWidth }),
    contextLength,
    vision: { width: clip.width, patches: Math.floor(clip.imageSize / clip.patch) ** 2, imageSize: clip.imageSize },
    resampler: {
      layers: r.layers,
      latents: r.latents,
      heads: r.heads,
      headDim: r.headDim,
      norm,
      feedForward: mlp(r.inner),
      maxFrames: r.frames,
    },
    gated: {
      before: gatedBlocks(spec),
      heads: g.heads,
      headDim: g.headDim,
      norm,
      feedForward: mlp(g.inner),
      gate: 'scalar',
    },
    decoder,
  };
}
