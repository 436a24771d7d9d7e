import { FlamingoError } from '../core/errors';
import type { Activation, FlamingoConfig } from '../format/config';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import { fillGatedLayer, fillResampler } from './delta-tensors';
import type { LanguageModel } from './families/language';
import type { RecipeBook } from './recipe';
import { renamed } from './renamed';

/** Head sizes as flamingo.json may give them; upstream's are 8 heads (or whatever the width says) of 64. */
export interface HeadSizes {
  heads?: number | null;
  dim_head?: number | null;
}

export interface DeltaSettings {
  perceiver?: HeadSizes | null;
  cross_attention?: HeadSizes | null;
  cross_attn_every_n_layers?: number | null;
  max_num_frames?: number | null;
  decoder_layers?: string | null;
  /** false: a token attends to all pictures so far, not to the last one only. */
  only_attend_immediate_media?: boolean | null;
  /** Whether the gated layers stand before blocks n - 1, 2n - 1, … as in OpenFlamingo (default), or 0, n, 2n, …. */
  first_block?: 'last-of-n' | 'first-of-n';
  /** Activations of the feed-forwards; OpenFlamingo's is the exact gelu. */
  activations?: { perceiver: Activation; cross_attention: Activation };
}

/** Upstream's head size where nothing else is said. open_flamingo/src/helpers.py. */
const DIM_HEAD = 64;

/** Takes training wrappers off: `model_state_dict/`, `state_dict/`, `module.`, `model.` before the known parts. */
export function unwrapDelta(source: TensorSource): TensorSource {
  return renamed(source, (name) =>
    name.replace(/^(?:(?:(?:model_)?state_dict|model|module)[/.])+(?=(?:perceiver|lang_encoder|vision_encoder)\.)/, ''),
  );
}

export interface Delta {
  source: TensorSource;
  resampler: FlamingoConfig['resampler'];
  gated: FlamingoConfig['gated'];
  visionWidth: number;
  fill(book: RecipeBook): void;
  ignore(name: string): string | undefined;
}

/** The tensors OpenFlamingo adds to its frozen parts: resampler and gated layers. Source: open_flamingo/src/{flamingo,flamingo_lm,helpers}.py. */
export function openFlamingoDelta(original: TensorSource, language: LanguageModel, settings: DeltaSettings): Delta {
  const source = unwrapDelta(original);
  checkBlocksPath(language, settings.decoder_layers);
  const shape = (name: string) => tensorOf(source, name).shape;
  const layers = indices(source, /^perceiver\.layers\.(\d+)\./);
  const prefix = gatedPrefix(source, language.blocksPath);
  const before = indices(source, new RegExp(`^${escapeRegExp(prefix.start)}(\\d+)${escapeRegExp(prefix.end)}`));
  checkPlacement(source.label, before, language.decoder.layers, settings);
  const first = `${prefix.start}${before[0]}${prefix.end}`;
  checkWidth(source, `${first}attn.norm.weight`, language);
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const mlp = (up: string, activation: Activation = 'gelu') =>
    ({ inner: shape(up)[0], activation, gated: false, bias: false }) as const;
  const [latents, visionWidth] = shape('perceiver.latents');
  return {
    source,
    visionWidth,
    resampler: {
      layers: layers.length,
      latents,
      ...headSizes(source.label, 'perceiver', shape('perceiver.layers.0.0.to_q.weight')[0], settings.perceiver),
      norm,
      feedForward: mlp('perceiver.layers.0.1.1.weight', settings.activations?.perceiver),
      maxFrames: maxFrames(source, settings),
    },
    gated: {
      before,
      ...headSizes(source.label, 'cross_attention', shape(`${first}attn.to_q.weight`)[0], settings.cross_attention),
      norm,
      feedForward: mlp(`${first}ff.1.weight`, settings.activations?.cross_attention),
      gate: 'scalar',
      ...(settings.only_attend_immediate_media === false ? { sees: 'all' } : {}),
    },
    fill(book) {
      fillResampler(book, source, layers.length);
      before.forEach((block, k) => {
        fillGatedLayer(book, source, `gated.${k}`, `${prefix.start}${block}${prefix.end}`);
      });
    },
    ignore: (name) => ignoredReason(name, language),
  };
}

function checkBlocksPath({ blocksPath, source }: LanguageModel, said: string | null | undefined): void {
  if (said === undefined || said === null || said === blocksPath) return;
  throw new FlamingoError(
    'unsupported',
    `flamingo.json: decoder_layers is "${said}", but ${source.label} has its blocks under ${blocksPath}.`,
    {
      hint: 'Give the language model that flamingo.json was written for, or correct it.',
      details: { decoder_layers: said, blocksPath },
    },
  );
}

/** Gated layers stand under the decoder's own path; a plain list of them may be there as well, or instead. */
function gatedPrefix(source: TensorSource, blocksPath: string): { start: string; end: string } {
  const candidates = [
    { start: `lang_encoder.${blocksPath}.`, end: '.gated_cross_attn_layer.' },
    { start: 'lang_encoder.gated_cross_attn_layers.', end: '.' },
  ];
  const found = candidates.find(
    ({ start, end }) => indices(source, new RegExp(`^${escapeRegExp(start)}(\\d+)${escapeRegExp(end)}`)).length > 0,
  );
  if (found) return found;
  throw new FlamingoError(
    'bad-file',
    `${source.label} has no gated cross-attention layers under lang_encoder.${blocksPath}.`,
    {
      hint: 'Give the Flamingo checkpoint as --flamingo, and the language model it was trained with as --language.',
      details: { blocksPath },
    },
  );
}

/** Upstream puts a gated layer before every n-th block; another pattern means that some are missing. */
function checkPlacement(
  file: string,
  before: number[],
  blocks: number,
  { cross_attn_every_n_layers: given, first_block }: DeltaSettings,
): void {
  const outside = before.find((block) => block >= blocks);
  if (outside !== undefined) {
    throw new FlamingoError(
      'shape-mismatch',
      `${file} has a gated layer before block ${outside}, the language model has ${blocks} blocks.`,
      {
        hint: 'The checkpoint belongs to another language model.',
        details: { before, blocks },
      },
    );
  }
  const every = given ?? before[0] + 1;
  const start = first_block === 'first-of-n' ? 0 : 1;
  const expected = Array.from({ length: blocks }, (_, i) => i).filter((i) => (i + start) % every === 0);
  if (expected.join() === before.join()) return;
  throw new FlamingoError(
    'shape-mismatch',
    `${file} has gated layers before blocks ${before.join(', ')}; every ${every} of ${blocks} would be ${expected.join(', ')}.`,
    {
      hint: 'Correct cross_attn_every_n_layers in flamingo.json, or get the whole checkpoint.',
      details: { before, expected },
    },
  );
}

function checkWidth(source: TensorSource, name: string, language: LanguageModel): void {
  const { file, shape } = tensorOf(source, name);
  if (shape[0] === language.width) return;
  throw new FlamingoError(
    'shape-mismatch',
    `${file}: ${name} is [${shape.join(', ')}], the language model ${language.source.label} has a width of ${language.width}.`,
    {
      hint: 'Give the language model that the checkpoint was trained with as --language.',
      details: { name, shape, width: language.width },
    },
  );
}

/** Frames of a clip, or null without embeddings for them. flamingo.json may say it too, and must be right then. */
function maxFrames(source: TensorSource, settings: DeltaSettings): number | null {
  if (source.tensors.has('perceiver.media_time_embs')) {
    throw new FlamingoError(
      'unsupported',
      `${source.label} has perceiver.media_time_embs: its pictures look different at each place of a prompt, so none can be encoded once and reused.`,
      {
        hint: 'Use a checkpoint without them, as all published ones are.',
        details: { file: source.label, tensor: 'perceiver.media_time_embs' },
      },
    );
  }
  const rows = source.tensors.get('perceiver.frame_embs')?.shape[0] ?? null;
  const said = settings.max_num_frames ?? rows;
  if (said === rows) return rows;
  throw new FlamingoError(
    'shape-mismatch',
    `${source.label} has ${rows ?? 'no'} rows of perceiver.frame_embs, flamingo.json says ${said} (max_num_frames).`,
    {
      hint: 'Correct max_num_frames in flamingo.json, or get the whole checkpoint.',
      details: { rows, max_num_frames: said },
    },
  );
}

function headSizes(
  file: string,
  part: string,
  inner: number,
  sizes: HeadSizes | null | undefined,
): { heads: number; headDim: number } {
  const { heads, dim_head } = sizes ?? {};
  const headDim = dim_head ?? (heads ? inner / heads : DIM_HEAD);
  const count = heads ?? inner / headDim;
  if (Number.isInteger(count) && Number.isInteger(headDim) && count * headDim === inner)
    return { heads: count, headDim };
  throw new FlamingoError(
    'shape-mismatch',
    `${file}: ${part} projects to ${inner}, which is not ${count} heads of ${headDim}.`,
    {
      hint: `Give "${part}": {"heads": …, "dim_head": …} in flamingo.json.`,
      details: { part, inner, heads: count, dim_head: headDim },
    },
  );
}

function ignoredReason(name: string, language: LanguageModel): string | undefined {
  if (name.startsWith('lang_encoder.gated_cross_attn_layers.'))
    return 'the same tensor again, under the list of gated layers';
  if (name.includes('.old_decoder_blocks.')) return 'the same tensor again, under the list of blocks';
  if (/^(optimizer|lr_scheduler|scheduler|scaler)\w*\//.test(name)) return 'state of the training, not of the model';
  if (name.startsWith('vision_encoder.')) return 'the frozen vision encoder, taken from --vision';
  const own = languageName(name, language);
  if (own === undefined) return undefined;
  return language.source.tensors.has(own) ? 'a frozen tensor, taken from --language' : language.ignore(own);
}

/** The language model's own name of a tensor that a Flamingo checkpoint repeats; undefined for others. */
export function languageName(name: string, language: LanguageModel): string | undefined {
  if (!name.startsWith('lang_encoder.')) return undefined;
  return language.ownName(name.slice('lang_encoder.'.length).replace('.decoder_layer.', '.'));
}

function indices(source: TensorSource, pattern: RegExp): number[] {
  const found = new Set<number>();
  for (const name of source.tensors.keys()) {
    const match = pattern.exec(name);
    if (match) found.add(Number(match[1]));
  }
  return [...found].sort((a, b) => a - b);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
