import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import type { GenerateOptions } from './types';

const generateOptions = v.object({
  maxNewTokens: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 256),
  temperature: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0),
  topK: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  topP: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
});

/** Checks an answer's options once, before the first token. Throws `invalid-option` naming the option, its range and what came. */
export function validateGenerate(options: GenerateOptions): v.InferOutput<typeof generateOptions> {
  const result = v.safeParse(generateOptions, options);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const name = v.getDotPath(issue) ?? 'options';
  throw new FlamingoError(
    'invalid-option',
    `generate: ${name} is ${issue.received}; ${issue.expected ?? 'another value'} is expected.`,
    {
      hint: issue.message,
      details: { option: name, received: issue.received },
    },
  );
}
