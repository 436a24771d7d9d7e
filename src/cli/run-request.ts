import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { FlamingoError } from '../core/errors';
import type { AppendStep, EncodedMedia, Sequence } from '../core/executor';
import { sampleToken } from '../core/sampling';
import { checkClip } from '../format/clip-limit';
import type { WritableTensor } from '../format/safetensors-writer';
import { animatedFrames, countFrames, refuseVideo } from '../media/animation-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { beamSearch } from '../sampling/beam-search';
import type { LoadedParts } from '../session/load-with';
import { logProbabilities } from '../session/log-probabilities';
import { firstMedia, mediaPositions } from '../text/media-positions';
import type { RunOutput, RunRequest } from './requests';
import { type Stats, snapshot, statsSince } from './run-stats';

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

/** Pictures that requests of one run share: encoded once, by path. */
export class VisualCache implements Disposable {
  private readonly media = new Map<string, Promise<VisualEntry>>();

  constructor(private readonly model: LoadedParts) {}

  /** Of one picture per frame, or of one animated file for all. */
  get(paths: readonly string[], frames: number): Promise<VisualEntry> {
    const key = [frames, ...paths].join('\n');
    const known = this.media.get(key) ?? this.encode(paths, frames);
    this.media.set(key, known);
    return known;
  }

  [Symbol.dispose](): void {
    for (const entry of this.media.values())
      void entry.then(({ media }) => media[Symbol.dispose]()).catch(() => undefined);
  }

  private async encode(paths: readonly string[], frames: number): Promise<VisualEntry> {
    const { manifest, vision, engine } = this.model;
    checkClip(manifest.config, frames);
    const files = await Promise.all(paths.map(async (path) => new File([await readPicture(path)], basename(path))));
    const pictures = files.length < frames ? await animatedFrames(files[0], frames) : files;
    const pixels = await mediaPixels(pictures, manifest.image, decodeImage);
    const features = await vision.encode(pixels, frames);
    return { pixels, features, media: await engine.encodeMedia(features, frames) };
  }
}

interface VisualEntry {
  pixels: Float32Array;
  features: Float32Array;
  media: EncodedMedia;
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
  const ids = tokenizer.encodePrompt(request.prompt);
  const mediaIndex = mediaPositions(ids, manifest.prompt.imageTokenId);
  const mediaFirst = firstMedia(
    ids.map((id) => id === manifest.prompt.imageTokenId),
    manifest.config.gated.sees,
  );
  const clips = await group(request, (mediaIndex.at(-1) ?? -1) + 1, resolvePath);
  const visual = await Promise.all(clips.map((clip) => cache.get(clip, request.frames)));
  const media = visual.map((entry) => entry.media);
  using sequence = await engine.createSequence(manifest.config.contextLength);
  const wants = (output: RunOutput) => request.outputs.includes(output);
  const { decoder, gated } = manifest.config;
  const taps = [
    ...(wants('hidden') ? Array.from({ length: decoder.layers }, (_, i) => `hidden.${i}`) : []),
    ...(wants('attention') && media.length > 0 ? gated.before.map((_, k) => `attention.${k}`) : []),
  ];
  const step = await sequence.append({
    ids,
    mediaIndex,
    mediaFirst,
    media,
    logits: wants('logits') ? 'all' : 'last',
    taps,
  });
  const { vocab } = manifest.config;
  const last = step.logits!.slice(-vocab);
  const seen = { index: mediaIndex.at(-1) ?? -1, first: mediaFirst.at(-1) ?? -1 };
  const next = (ids_: readonly number[]) => ({
    ids: ids_,
    mediaIndex: ids_.map(() => seen.index),
    mediaFirst: ids_.map(() => seen.first),
    media,
  });
  const context: Context = { model, sequence, next, promptLength: ids.length, last };
  const result: RunResult = {
    prompt: request.prompt,
    images: request.images,
    frames: request.frames,
    stats: statsSince(model, before),
  };
  if (request.candidates) result.candidates = await score(context, request.candidates);
  if (request.beams) await beams(context, request.beams, result);
  if (request.generate) await greedy(context, request.generate, result);
  result.stats = statsSince(model, before);
  return { result, tensors: await tensorsOf(model, request, { ids, visual, logits: step.logits!, taps: step.taps }) };
}

interface Context {
  model: LoadedParts;
  sequence: Sequence;
  /** A step over tokens behind the prompt, which see what its last token sees. */
  next(ids: readonly number[]): Pick<AppendStep, 'ids' | 'mediaIndex' | 'mediaFirst' | 'media'>;
  promptLength: number;
  last: Float32Array;
}

async function greedy(
  { model, sequence, next, promptLength, last }: Context,
  options: NonNullable<RunRequest['generate']>,
  result: RunResult,
) {
  const { manifest, tokenizer } = model;
  const { suppressIds, endOfChunkId } = manifest.prompt;
  sequence.truncate(promptLength);
  const sample = (step: number) => ({
    temperature: options.temperature,
    topK: options.top_k,
    topP: options.top_p,
    seed: options.seed,
    step,
    suppress: suppressIds,
  });
  const ids: number[] = [];
  let token: number | undefined = sampleToken(last, sample(0));
  while (token !== undefined) {
    ids.push(token);
    if (token === endOfChunkId || ids.length >= options.max_new_tokens || sequence.length >= sequence.capacity) break;
    ({ token } = await sequence.append({ ...next([token]), sample: sample(ids.length) }));
  }
  result.greedy_ids = ids;
  result.greedy_text = tokenizer.decode(ids);
}

async function beams(
  { model, sequence, next, promptLength, last }: Context,
  options: NonNullable<RunRequest['beams']>,
  result: RunResult,
) {
  const { prompt, config } = model.manifest;
  sequence.truncate(promptLength);
  const ids = await beamSearch({
    logits: last,
    vocab: config.vocab,
    beams: options.num_beams,
    maxNewTokens: options.max_new_tokens,
    lengthPenalty: options.length_penalty,
    endId: prompt.endOfChunkId,
    suppress: prompt.suppressIds,
    sequence,
    promptLength,
    step: async (branch, token) => (await branch.append({ ...next([token]), logits: 'last' })).logits!,
  });
  result[`beam${options.num_beams}_ids`] = ids;
  result[`beam${options.num_beams}_text`] = model.tokenizer.decode(ids);
}

/** Log-likelihood of each candidate after the prompt, which is prefilled once. */
async function score({ model, sequence, next, promptLength, last }: Context, candidates: readonly string[]) {
  const { vocab } = model.manifest.config;
  const scores: NonNullable<RunResult['candidates']> = [];
  for (const text of candidates) {
    const ids = model.tokenizer.encodeText(text);
    sequence.truncate(promptLength);
    const head = ids.slice(0, -1);
    const step = head.length > 0 ? await sequence.append({ ...next(head), logits: 'all' }) : undefined;
    const rows = new Float32Array(ids.length * vocab);
    rows.set(last);
    if (step?.logits) rows.set(step.logits, vocab);
    const sum = logProbabilities(rows, ids, vocab).reduce((a, b) => a + b, 0);
    scores.push({ text, ids, sum, mean: sum / ids.length });
  }
  sequence.truncate(promptLength);
  return scores;
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

async function readPicture(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(path).catch(() => {
    throw new FlamingoError('not-found', `The picture ${path} does not exist.`, {
      hint: 'Paths are relative to the requests file.',
      details: { path },
    });
  });
  return new Uint8Array(bytes);
}

async function tensorsOf(
  { manifest: { config } }: LoadedParts,
  request: RunRequest,
  got: { ids: number[]; visual: VisualEntry[]; logits: Float32Array; taps: Map<string, Float32Array> },
): Promise<WritableTensor[]> {
  const { id, frames } = request;
  const [M, T] = [got.visual.length, got.ids.length];
  const { imageSize: S, patches, width: Dv } = config.vision;
  const tensors: WritableTensor[] = [];
  const add = (name: string, shape: number[], values: Float32Array | Int32Array) =>
    tensors.push({ name: `${id}/${name}`, shape, values });
  const wants = (output: RunOutput) => request.outputs.includes(output);
  if (wants('input_ids')) add('input_ids', [T], Int32Array.from(got.ids));
  if (wants('pixels') && M > 0) add('pixels', [M * frames, 3, S, S], join(got.visual.map(({ pixels }) => pixels)));
  if (wants('features') && M > 0)
    add('features', [M, frames, patches, Dv], join(got.visual.map(({ features }) => features)));
  if (wants('latents') && M > 0) {
    const latents = await Promise.all(got.visual.map(({ media }) => media.latents()));
    add('latents', [M, config.resampler.latents, Dv], join(latents));
  }
  for (const [name, values] of got.taps) {
    const isHidden = name.startsWith('hidden.');
    add(name, isHidden ? [T, config.width] : [config.gated.heads, T, M * config.resampler.latents], values);
  }
  if (wants('logits')) add('logits', [T, config.vocab], got.logits);
  return tensors;
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
