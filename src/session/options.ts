import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import type { AddMediaOptions, ClassifyOptions, GenerateOptions, ScoreOptions } from './types';

/** Most alternatives that `topLogprobs` lists. */
export const MAX_TOP_LOGPROBS = 20;

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const visualStrength = v.optional(share, 1);

const generateOptions = v.object({
  maxNewTokens: v.optional(whole(1), 256),
  temperature: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0),
  topK: v.optional(whole(0), 0),
  topP: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
  minP: v.optional(share, 0),
  repetitionPenalty: v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0)), 1),
  noRepeatNgramSize: v.optional(whole(0), 0),
  seed: v.optional(whole(0), 0),
  stop: v.optional(v.array(v.pipe(v.string(), v.nonEmpty('a stop string that is not empty'))), []),
  logprobs: v.optional(v.boolean(), false),
  topLogprobs: v.optional(whole(0, MAX_TOP_LOGPROBS), 0),
  numBeams: v.optional(whole(1, 128), 1),
  lengthPenalty: v.optional(v.pipe(v.number(), v.finite()), 1),
  visualStrength,
  attention: v.optional(v.boolean(), false),
  responseConstraint: v.optional(v.union([v.instance(RegExp), v.record(v.string(), v.unknown())])),
});

/** The options of an answer with nothing left open. */
export type CheckedGenerate = v.InferOutput<typeof generateOptions>;

/** Checks an answer's options once, before the first token. Throws `invalid-option` naming the option, its range and what came. */
export function validateGenerate(options: GenerateOptions): CheckedGenerate {
  const checked = check('generate', generateOptions, options);
  const { numBeams, temperature, topLogprobs, logprobs } = checked;
  if (numBeams > 1 && temperature > 0) {
    throw invalid(
      'numBeams',
      `generate: ${numBeams} beams came with a temperature of ${temperature}; beams need 0.`,
      'Beam search does not draw: leave temperature out, or numBeams.',
    );
  }
  if (topLogprobs > 0 && !logprobs) {
    throw invalid(
      'topLogprobs',
      `generate: topLogprobs is ${topLogprobs}, but logprobs is false; true is expected.`,
      'Set logprobs too.',
    );
  }
  return checked;
}

const addMediaOptions = v.object({ rollout: v.optional(v.boolean(), false) });

/** Checks the options of `addMedia`. Throws `invalid-option`. */
export function validateAddMedia(options: AddMediaOptions): v.InferOutput<typeof addMediaOptions> {
  return check('addMedia', addMediaOptions, options);
}

const classifyOptions = v.object({ visualStrength, by: v.optional(v.picklist(['sum', 'mean']), 'sum') });

/** Checks the options of `score` and `classify`. Throws `invalid-option`. */
export function validateClassify(options: ScoreOptions | ClassifyOptions): v.InferOutput<typeof classifyOptions> {
  return check('score', classifyOptions, options);
}

function check<S extends v.GenericSchema>(call: string, schema: S, options: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, options);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const name = v.getDotPath(issue) ?? 'options';
  throw invalid(
    name,
    `${call}: ${name} is ${issue.received}; ${issue.expected ?? 'another value'} is expected.`,
    issue.message,
    issue.received,
  );
}

function invalid(option: string, message: string, hint: string, received?: string): FlamingoError {
  return new FlamingoError('invalid-option', message, { hint, details: { option, received } });
}
