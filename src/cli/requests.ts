import * as v from 'valibot';
import { readRequestsFile, requestId } from './requests-file';

const OUTPUTS = [
  'input_ids',
  'pixels',
  'features',
  'latents',
  'hidden',
  'attention',
  'resampler_attention',
  'rollout',
  'logits',
  'aspect_ratio_ids',
  'cross_attention_mask',
] as const;
const whole = v.pipe(v.number(), v.integer(), v.minValue(1));

/** What ends an answer: the chunk-end token alone, as in upstream's `generate` and in the golden files; or any end that the package knows, as in a conversation. */
const ends = v.optional(v.picklist(['chunk', 'answer']), 'chunk');

/** As in GenerateOptions, for draws and beams alike. */
const penalties = {
  repetition_penalty: v.optional(v.pipe(v.number(), v.gtValue(0)), 1),
  no_repeat_ngram_size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
};

/** One request of `run`: see README. Paths are relative to the requests file. */
const request = v.object({
  id: requestId,
  prompt: v.string(),
  images: v.optional(v.array(v.string()), []),
  frames: v.optional(whole, 1),
  outputs: v.optional(v.array(v.picklist(OUTPUTS)), []),
  generate: v.optional(
    v.object({
      max_new_tokens: whole,
      temperature: v.optional(v.pipe(v.number(), v.minValue(0)), 0),
      top_k: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
      top_p: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
      min_p: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
      ...penalties,
      seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
      ends,
    }),
  ),
  beams: v.optional(
    v.object({
      num_beams: whole,
      max_new_tokens: whole,
      length_penalty: v.optional(v.number(), 1),
      ...penalties,
      ends,
    }),
  ),
  candidates: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
});

export type RunRequest = v.InferOutput<typeof request>;
/** `chunk`: the chunk-end token; `answer`: the package's stop tokens too. */
export type RunEnds = v.InferOutput<typeof ends>;
export type RunOutput = (typeof OUTPUTS)[number];

const SHAPE = `{"id", "prompt", "images": [..], "frames", "outputs": [${OUTPUTS.join(', ')}], "generate", "beams", "candidates"}`;

/** Reads a requests file. Throws as readRequestsFile does. */
export async function readRequests(path: string) {
  return await readRequestsFile(path, request, SHAPE);
}
