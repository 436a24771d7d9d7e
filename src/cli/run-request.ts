import { basename } from 'node:path';
import { FlamingoError } from '../core/errors';
import { checkClip } from '../format/clip-limit';
import type { Manifest } from '../format/manifest';
import type { WritableTensor } from '../format/safetensors-writer';
import { animatedFrames, countFrames, refuseVideo } from '../media/animation-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { scoreCandidates } from '../session/candidates';
import { type Choice, choose } from '../session/choose';
import { TokenContext } from '../session/context';
import { defaultCapacity } from '../session/default-capacity';
import { encodeFeatures } from '../session/encode-media';
import type { LoadedParts } from '../session/load-with';
import { mediaContent } from '../session/media-content';
import { validateGenerate } from '../session/options';
import { ContextRunner } from '../session/runner';
import type { GenerateOptions } from '../session/types';
import { withBegin } from '../text/begin';
import { firstMedia, lastMedia } from '../text/media-positions';
import type { RunEnds, RunOutput, RunRequest } from './requests';
import { readPicture } from './requests-file';
import { makeRollouts } from './run-rollout';
import { type Stats, snapshot, statsSince } from './run-stats';
import { tensorsOf, type VisualEntry } from './run-tensors';

/** What `results.json` holds for one request. */
export interface RunResult {
  prompt: string;
  images: string[];
  frames: number;
  greedy_ids?: number[];
  greedy_text?: string;
  [beams: `beam${number}_${'ids' | 'text'}`]: number[] | string;
  candidates?: { text: string; ids: number[]; sum: number; mean: number }[];
  stats: Stats;
}

/** Pictures that requests of one run share: read once by path, encoded once by what they show. */
export class VisualCache implements Disposable {
  private readonly read = new Map<string, Promise<VisualEntry>>();
  private readonly features = new Map<string, Promise<Float32Array>>();

  constructor(private readonly model: LoadedParts) {}

  /** Of one picture per frame, or of one animated file for all. */
  get(paths: readonly string[], frames: number): Promise<VisualEntry> {
    const key = [frames, ...paths].join('\n');
    const known = this.read.get(key) ?? this.encode(paths, frames);
    this.read.set(key, known);
    return known;
  }

  [Symbol.dispose](): void {
    const { media } = this.model.parts;
    for (const entry of this.read.values())
      void entry.then(({ handle }) => media.release(handle)).catch(() => undefined);
  }

  private async encode(paths: readonly string[], frames: number): Promise<VisualEntry> {
    const { manifest, vision, engine, parts } = this.model;
    checkClip(manifest.config, frames);
    const files = await Promise.all(paths.map(async (path) => new File([await readPicture(path)], basename(path))));
    const pictures = files.length < frames ? await animatedFrames(files[0], frames) : files;
    const pixels = await mediaPixels(pictures, manifest.image, decodeImage);
    const content = await mediaContent(pixels.values, frames);
    const known = this.features.get(content);
    const features = known ?? vision.encode(pixels.values, pixels.frames, pixels.tiles?.arrangement);
    this.features.set(content, features);
    const handle = await parts.media.obtain(content, frames, async () =>
      encodeFeatures(engine, manifest.config, await features, pixels),
    );
    return { pixels, features: await features, handle, media: parts.media.get(handle) };
  }
}

/** Runs one request and gives its results and the tensors it asked for. Throws `media-count` when pictures and image tokens differ. */
export async function runRequest(
  model: LoadedParts,
  cache: VisualCache,
  request: RunRequest,
  resolvePath: (image: string) => string,
): Promise<{ result: RunResult; tensors: WritableTensor[] }> {
  const before = snapshot(model);
  const { engine, tokenizer, manifest } = model;
  const { imageToken, begin } = manifest.prompt;
  const ids = tokenizer.encodePrompt(withBegin(request.prompt, imageToken, begin));
  const isMedium = ids.map((id) => isImageToken(manifest, id));
  const mediaIndex = lastMedia(isMedium);
  const mediaFirst = firstMedia(isMedium, manifest.config.gated.sees);
  const clips = await group(request, (mediaIndex.at(-1) ?? -1) + 1, resolvePath);
  const visual = await Promise.all(clips.map((clip) => cache.get(clip, request.frames)));
  const media = visual.map((entry) => entry.media);
  using sequence = await engine.createSequence(defaultCapacity(manifest.config.contextLength, ids.length));
  const wants = (output: RunOutput) => request.outputs.includes(output);
  const { decoder, gated } = manifest.config;
  const rollouts = wants('rollout') ? await makeRollouts(model, visual) : [];
  const wantsAttention = (wants('attention') && media.length > 0) || rollouts.length > 0;
  const taps = [
    ...(wants('hidden') ? Array.from({ length: decoder.layers }, (_, i) => `hidden.${i}`) : []),
    ...(wantsAttention ? gated.before.map((_, k) => `attention.${k}`) : []),
  ];
  const step = await sequence.append({
    ids,
    mediaIndex,
    mediaFirst,
    media,
    logits: wants('logits') ? 'all' : 'last',
    taps,
  });
  const runner = new ContextRunner(model.parts, sequence, contextOf(model, ids, visual));
  const result: RunResult = {
    prompt: request.prompt,
    images: request.images,
    frames: request.frames,
    stats: statsSince(model, before),
  };
  if (request.candidates) result.candidates = await scoreCandidates(runner, request.candidates);
  if (request.beams) {
    const { num_beams, max_new_tokens, length_penalty, ends } = request.beams;
    const sizes = { numBeams: num_beams, maxNewTokens: max_new_tokens, lengthPenalty: length_penalty };
    const beams = { ...sizes, ...penaltiesOf(request.beams) };
    const chosen = (await generated(runner, beams, ends)).map(({ id }) => id);
    result[`beam${num_beams}_ids`] = chosen;
    result[`beam${num_beams}_text`] = tokenizer.decode(chosen);
  }
  let steps: Choice[] = [];
  if (request.generate) {
    const { max_new_tokens, temperature, top_k, top_p, min_p, seed, ends } = request.generate;
    const draws = { maxNewTokens: max_new_tokens, temperature, topK: top_k, topP: top_p, minP: min_p, seed };
    const options = { ...draws, ...penaltiesOf(request.generate) };
    steps = await generated(runner, { ...options, attention: rollouts.length > 0 }, ends);
    result.greedy_ids = steps.map(({ id }) => id);
    result.greedy_text = tokenizer.decode(result.greedy_ids);
  }
  result.stats = statsSince(model, before);
  return {
    result,
    tensors: await tensorsOf(model, request, {
      ids,
      visual,
      mediaIndex,
      mediaFirst,
      logits: step.logits!,
      taps: step.taps,
      rollouts,
      generated: steps,
    }),
  };
}

function isImageToken({ prompt }: Manifest, id: number): boolean {
  return id === prompt.imageTokenId || id === prompt.imageTokenAfterSpace;
}

/** The prompt as a session's context. */
function contextOf({ manifest }: LoadedParts, ids: readonly number[], visual: readonly VisualEntry[]): TokenContext {
  const context = new TokenContext(manifest.config.gated);
  let seen = 0;
  for (const id of ids) {
    if (isImageToken(manifest, id)) context.pushMedia(id, visual[seen++].handle);
    else context.pushTokens([id]);
  }
  return context;
}

/** Under the names that sessions have for them. */
function penaltiesOf(asked: { repetition_penalty: number; no_repeat_ngram_size: number }) {
  return { repetitionPenalty: asked.repetition_penalty, noRepeatNgramSize: asked.no_repeat_ngram_size };
}

/** Tokens of an answer, the one that ends it included; the context is left as it was. */
async function generated(runner: ContextRunner, options: GenerateOptions, until: RunEnds): Promise<Choice[]> {
  const { length } = runner;
  const chosen: Choice[] = [];
  const { endOfChunkId, stopIds } = runner.parts.manifest.prompt;
  const ends = until === 'answer' ? [endOfChunkId, ...stopIds] : [endOfChunkId];
  for await (const choice of choose(runner, validateGenerate(options), ends, undefined)) chosen.push(choice);
  runner.forgetFrom(length);
  return chosen;
}

/** Paths of the pictures of each clip, or of the one animated file that has them all. Throws `media-count` when the prompt has another number of image tokens. */
async function group(
  { id, images, frames }: RunRequest,
  tokens: number,
  resolvePath: (image: string) => string,
): Promise<string[][]> {
  const paths = images.map(resolvePath);
  if (images.length === tokens * frames)
    return Array.from({ length: tokens }, (_, m) => paths.slice(m * frames, (m + 1) * frames));
  if (images.length === tokens && (await areAnimated(paths))) return paths.map((path) => [path]);
  const clips = frames > 1 ? ` in clips of ${frames}` : '';
  throw new FlamingoError(
    'media-count',
    `${id}: the prompt has ${tokens} image tokens but ${images.length} images were given${clips}.`,
    {
      hint: 'Add the missing images, or remove the extra image tokens.',
      details: { id, tokens, images: images.length, frames },
    },
  );
}

/** Throws `media-unreadable` for a video, which says why. */
async function areAnimated(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    const bytes = await readPicture(path);
    refuseVideo(basename(path), bytes);
    if (countFrames(bytes) < 2) return false;
  }
  return true;
}
