import { concatFloats } from '../core/concat';
import type { EncodedMedia } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import { type FlamingoConfig, latentWidth } from '../format/config';
import type { WritableTensor } from '../format/safetensors-writer';
import type { Choice } from '../session/choose';
import type { LoadedParts } from '../session/load-with';
import type { MediaRollout } from '../session/rollout';
import type { MediaHandle } from '../session/types';
import type { RunOutput, RunRequest } from './requests';
import { addResamplerAttention, addRollouts } from './run-rollout';

/** A picture or clip of a request at every stage. */
export interface VisualEntry {
  pixels: MediaPixels;
  features: Float32Array;
  handle: MediaHandle;
  media: EncodedMedia;
}

/** What a request's prompt gave. */
export interface RunTensors {
  ids: number[];
  visual: VisualEntry[];
  /** Per token: the range of media that it sees. */
  mediaIndex: number[];
  mediaFirst: number[];
  logits: Float32Array;
  taps: Map<string, Float32Array>;
  /** Of each of `visual`, where they were asked for. */
  rollouts: MediaRollout[];
  /** The steps of the answer. */
  generated: Choice[];
}

export type Add = (name: string, shape: number[], values: Float32Array | Int32Array) => void;

/** The tensors that a request asked for, under the names and in the shapes of e2e/goldens/README.md. */
export async function tensorsOf(model: LoadedParts, request: RunRequest, got: RunTensors): Promise<WritableTensor[]> {
  const { config } = model.manifest;
  const [M, T] = [got.visual.length, got.ids.length];
  const tensors: WritableTensor[] = [];
  const add: Add = (name, shape, values) => tensors.push({ name: `${request.id}/${name}`, shape, values });
  const wants = (output: RunOutput) => request.outputs.includes(output);
  if (wants('input_ids')) add('input_ids', [T], Int32Array.from(got.ids));
  if (M > 0) await addVisual(add, config, wants, got, request.frames);
  if (M > 0 && wants('resampler_attention')) await addResamplerAttention(add, model, got.visual);
  if (got.rollouts.length > 0) addRollouts(add, config, got);
  for (const [name, values] of got.taps) {
    const isHidden = name.startsWith('hidden.');
    if (isHidden || wants('attention'))
      add(name, isHidden ? [T, config.width] : [config.gated.heads, T, M * config.resampler.latents], values);
  }
  if (wants('logits')) add('logits', [T, config.vocab], got.logits);
  return tensors;
}

async function addVisual(
  add: Add,
  config: FlamingoConfig,
  wants: (output: RunOutput) => boolean,
  { visual, ...tokens }: RunTensors,
  frames: number,
): Promise<void> {
  const M = visual.length;
  const { imageSize: S, patches, width: Dv, tiles } = config.vision;
  const pixelShape = tiles === undefined ? [M * frames] : [M, tiles];
  if (wants('pixels')) add('pixels', [...pixelShape, 3, S, S], concatFloats(visual.map(({ pixels }) => pixels.values)));
  if (wants('features'))
    add('features', [M, tiles ?? frames, patches, Dv], concatFloats(visual.map(({ features }) => features)));
  if (wants('latents')) {
    const latents = await Promise.all(visual.map(({ media }) => media.latents()));
    add('latents', [M, config.resampler.latents, latentWidth(config)], concatFloats(latents));
  }
  // With the ids, because nobody can read which tiles a token sees from them.
  const wantsTiles = wants('input_ids') || wants('aspect_ratio_ids') || wants('cross_attention_mask');
  if (tiles !== undefined && wantsTiles) addTiles(add, visual, tiles, tokens);
}

/** Of pictures cut into tiles: how each is arranged, and which tiles every token sees, [T, M, tiles]. */
function addTiles(
  add: Add,
  visual: readonly VisualEntry[],
  tiles: number,
  { mediaIndex, mediaFirst }: Pick<RunTensors, 'mediaIndex' | 'mediaFirst'>,
): void {
  const M = visual.length;
  const cut = visual.map(({ pixels }) => pixels.tiles ?? { arrangement: 0, filled: 0 });
  const mask = new Int32Array(mediaIndex.length * M * tiles);
  for (const [t, last] of mediaIndex.entries()) {
    for (let m = mediaFirst[t]; m >= 0 && m <= last; m++)
      mask.fill(1, (t * M + m) * tiles, (t * M + m) * tiles + cut[m].filled);
  }
  add(
    'aspect_ratio_ids',
    [M],
    Int32Array.from(cut, ({ arrangement }) => arrangement),
  );
  add('cross_attention_mask', [mediaIndex.length, M, tiles], mask);
}
