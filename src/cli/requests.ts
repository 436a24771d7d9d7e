import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { FlamingoError } from '../core/errors';

const OUTPUTS = [
  'input_ids',
  'pixels',
  'features',
  'latents',
  'hidden',
  'attention',
  'logits',
  'aspect_ratio_ids',
  'cross_attention_mask',
] as const;
const whole = v.pipe(v.number(), v.integer(), v.minValue(1));

/** One request of `run`: see README. Paths are relative to the requests file. */
const request = v.object({
  id: v.pipe(v.string(), v.regex(/^[\w.-]+$/)),
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
      seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
    }),
  ),
  beams: v.optional(v.object({ num_beams: whole, max_new_tokens: whole, length_penalty: v.optional(v.number(), 1) })),
  candidates: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
});

export type RunRequest = v.InferOutput<typeof request>;
export type RunOutput = (typeof OUTPUTS)[number];

/** Reads a requests file. Throws `not-found` or `invalid-option` naming the request and the field. */
export async function readRequests(
  path: string,
): Promise<{ requests: RunRequest[]; resolve: (image: string) => string }> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new FlamingoError('not-found', `${path} does not exist.`, {
      hint: 'Give the requests file: {"requests": [{"id", "prompt", "images"}]}.',
    });
  });
  const result = v.safeParse(v.object({ requests: v.array(request) }), parse(path, text));
  if (!result.success) {
    const [issue] = result.issues;
    throw new FlamingoError('invalid-option', `${path}: ${v.getDotPath(issue) ?? 'root'}: ${issue.message}.`, {
      hint: `A request is {"id", "prompt", "images": [..], "frames", "outputs": [${OUTPUTS.join(', ')}], "generate", "beams", "candidates"}.`,
      details: { path, field: v.getDotPath(issue) },
    });
  }
  const { requests } = result.output;
  const twice = requests.find(({ id }, i) => requests.findIndex((other) => other.id === id) !== i);
  if (twice)
    throw new FlamingoError('invalid-option', `${path}: the id ${twice.id} is there twice.`, {
      hint: 'Give every request its own id.',
    });
  return { requests, resolve: (image) => resolve(dirname(path), image) };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlamingoError('invalid-option', `${path} is not JSON: ${(cause as Error).message}`, {
      hint: 'Correct the file.',
    });
  }
}
