import { FlamingoError } from '../core/errors';
import type { FlamingoConfig } from '../format/config';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import type { LanguageModel } from './families/language';
import type { RecipeBook } from './recipe';
import { renamed } from './sources';

/** Head sizes as flamingo.json may give them; upstream's are 8 heads (or whatever the width says) of 64. */
export interface HeadSizes {
  heads?: number;
  dim_head?: number;
}

export interface DeltaSettings {
  perceiver?: HeadSizes;
  cross_attention?: HeadSizes;
  cross_attn_every_n_layers?: number;
}

/** Upstream's head size where nothing else is said. open_flamingo/src/helpers.py. */
const DIM_HEAD = 64;

/** Takes training wrappers off: `model_state_dict`, `state_dict`, `module.`, `model.` before the known parts. */
export function unwrapDelta(source: TensorSource): TensorSource {
  return renamed(source, (name) => {
    const known = /(?:^|[/.])((?:perceiver|lang_encoder)\..+)$/.exec(name);
    if (
      known &&
      /^((model_state_dict|state_dict|model)\/)?((module|model)\.)*$/.test(name.slice(0, name.length - known[1].length))
    )
      return known[1];
    return name;
  });
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
  const shape = (name: string) => tensorOf(source, name).shape;
  const layers = indices(source, /^perceiver\.layers\.(\d+)\./);
  const prefix = gatedPrefix(source, language.blocksPath);
  const before = indices(source, new RegExp(`^${escapeRegExp(prefix.start)}(\\d+)${escapeRegExp(prefix.end)}`));
  checkPlacement(source.label, before, language.decoder.layers, settings.cross_attn_every_n_layers);
  const first = `${prefix.start}${before[0]}${prefix.end}`;
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const mlp = (up: string) => ({ inner: shape(up)[0], activation: 'gelu', gated: false, bias: false }) as const;
  const [latents, visionWidth] = shape('perceiver.latents');
  return {
    source,
    visionWidth,
    resampler: {
      layers: layers.length,
      latents,
      ...headSizes(source.label, 'perceiver', shape('perceiver.layers.0.0.to_q.weight')[0], settings.perceiver),
      norm,
      feedForward: mlp('perceiver.layers.0.1.1.weight'),
      maxFrames: source.tensors.has('perceiver.frame_embs') ? shape('perceiver.frame_embs')[0] : null,
    },
    gated: {
      before,
      ...headSizes(source.label, 'cross_attention', shape(`${first}attn.to_q.weight`)[0], settings.cross_attention),
      norm,
      feedForward: mlp(`${first}ff.1.weight`),
      gate: 'scalar',
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

function checkPlacement(file: string, before: number[], blocks: number, every: number | undefined): void {
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
  if (every === undefined) return;
  const expected = Array.from({ length: blocks }, (_, i) => i).filter((i) => (i + 1) % every === 0);
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

function headSizes(
  file: string,
  part: string,
  inner: number,
  { heads, dim_head }: HeadSizes = {},
): { heads: number; headDim: number } {
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

function fillResampler(book: RecipeBook, source: TensorSource, layers: number): void {
  const copy = (target: string, name: string) => book.set(target, book.whole(source, name));
  copy('resampler.latents', 'perceiver.latents');
  if (source.tensors.has('perceiver.frame_embs')) copy('resampler.frame_embeddings', 'perceiver.frame_embs');
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`perceiver.layers.${i}`, `resampler.layers.${i}`];
    for (const part of ['weight', 'bias']) {
      copy(`${to}.norm_media.${part}`, `${from}.0.norm_media.${part}`);
      copy(`${to}.norm_latents.${part}`, `${from}.0.norm_latents.${part}`);
      copy(`${to}.ff.norm.${part}`, `${from}.1.0.${part}`);
    }
    for (const matrix of ['to_q', 'to_kv', 'to_out']) copy(`${to}.${matrix}.weight`, `${from}.0.${matrix}.weight`);
    copy(`${to}.ff.up.weight`, `${from}.1.1.weight`);
    copy(`${to}.ff.down.weight`, `${from}.1.3.weight`);
  }
  for (const part of ['weight', 'bias']) copy(`resampler.norm.${part}`, `perceiver.norm.${part}`);
}

function fillGatedLayer(book: RecipeBook, source: TensorSource, to: string, from: string): void {
  const copy = (target: string, name: string) => book.set(`${to}.${target}`, book.whole(source, `${from}${name}`));
  for (const part of ['weight', 'bias']) {
    copy(`norm.${part}`, `attn.norm.${part}`);
    copy(`ff.norm.${part}`, `ff.0.${part}`);
  }
  for (const matrix of ['to_q', 'to_kv', 'to_out']) copy(`${matrix}.weight`, `attn.${matrix}.weight`);
  copy('ff.up.weight', 'ff.1.weight');
  copy('ff.down.weight', 'ff.3.weight');
  copy('attn_gate', 'attn_gate');
  copy('ff_gate', 'ff_gate');
}

/** Embedding and head of a delta win over the language model's, because only they have rows for the added tokens. */
export function fillTables(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  notes: string[],
): { vocab: number } {
  const trained = `lang_encoder.${language.embedding}`;
  const inDelta = delta.tensors.has(trained);
  const embedding = inDelta ? book.whole(delta, trained) : book.whole(language.source, language.embedding);
  if (inDelta) book.markUsed(language.source, language.embedding);
  const vocab = 'zeros' in embedding ? embedding.zeros : embedding.end;
  book.set('embed.weight', embedding);
  if (language.head === null) return { vocab };
  const head = `lang_encoder.${language.head}`;
  if (delta.tensors.has(head)) {
    book.set('head.weight', book.whole(delta, head));
    book.markUsed(language.source, language.head);
    return { vocab };
  }
  const rows = tensorOf(language.source, language.head).shape[0];
  const added = vocab - rows;
  if (added < 0) {
    throw new FlamingoError('shape-mismatch', `The head has ${rows} rows, the embedding table only ${vocab}.`, {
      hint: 'The checkpoint belongs to another language model.',
    });
  }
  book.set('head.weight', book.whole(language.source, language.head), ...(added > 0 ? [{ zeros: added }] : []));
  if (added > 0) {
    notes.push(
      `The checkpoint has no ${head}: the head's rows of the ${added} added tokens are lost upstream and are zeros here, so the model will hardly emit them.`,
    );
  }
  return { vocab };
}

function ignoredReason(name: string, language: LanguageModel): string | undefined {
  if (name.startsWith('lang_encoder.gated_cross_attn_layers.'))
    return 'the same tensor again, under the list of gated layers';
  if (name.includes('.old_decoder_blocks.')) return 'the same tensor again, under the list of blocks';
  if (/^(optimizer_state_dict|lr_scheduler_state_dict)\//.test(name)) return 'state of the training, not of the model';
  if (/^(vision_encoder)\./.test(name)) return 'the frozen vision encoder, taken from --vision';
  if (name.startsWith('lang_encoder.'))
    return language.ignore(name.slice('lang_encoder.'.length)) ?? frozenReason(name, language);
  return undefined;
}

/** Checkpoints may carry frozen tensors of the language model, such as OPT's positions. */
function frozenReason(name: string, language: LanguageModel): string | undefined {
  return language.source.tensors.has(name.slice('lang_encoder.'.length))
    ? 'a frozen tensor, taken from --language'
    : undefined;
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
