import * as v from 'valibot';
import { FlamingoError } from '../../core/errors';
import type { GenerateOptions } from '../../session/types';

/** Temperatures of the Prompt API's sampling modes; the first is greedy. */
const MODES = { 'most-predictable': 0, predictable: 0.4, balanced: 0.7, creative: 1, 'most-creative': 1.3 } as const;
/** Most tokens that take part in a draw, as in core/sampling. */
const MAX_TOP_K = 256;
const MAX_TEMPERATURE = 2;

/** Languages are not checked: what a model reads depends on its checkpoint. */
const expected = v.array(v.object({ type: v.picklist(['text', 'image', 'audio']) }));
const core = v.object({
  expectedInputs: v.optional(expected, []),
  expectedOutputs: v.optional(expected, []),
  tools: v.optional(v.array(v.unknown()), []),
  samplingMode: v.optional(v.picklist(['most-predictable', 'predictable', 'balanced', 'creative', 'most-creative'])),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_TEMPERATURE))),
  topK: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_TOP_K))),
});

export type Sampling = Pick<GenerateOptions, 'temperature' | 'topK'>;

/**
 * How answers are chosen, from the options of `create`. Greedy unless asked otherwise. Throws `invalid-option`, and `unsupported` for tools, audio, and
 * outputs that are not text.
 */
export function readCreateOptions(options: unknown): Required<Sampling> {
  const result = v.safeParse(core, options);
  if (!result.success) {
    const [issue] = result.issues;
    throw new FlamingoError(
      'invalid-option',
      `${v.getDotPath(issue) ?? 'options'} is ${issue.received}; ${issue.expected ?? issue.message} is expected.`,
      { hint: 'See LanguageModelCreateOptions of the Prompt API.' },
    );
  }
  const { expectedInputs, expectedOutputs, tools, samplingMode, temperature, topK } = result.output;
  if (tools.length > 0) throw unsupported(`${tools.length} tools were given; these models call none.`);
  if (expectedInputs.some(({ type }) => type === 'audio'))
    throw unsupported('Audio is expected as input; text and images can be read.');
  const other = expectedOutputs.find(({ type }) => type !== 'text');
  if (other) throw unsupported(`Output of type "${other.type}" is expected; these models write text.`);
  if (samplingMode && (temperature !== undefined || topK !== undefined)) {
    throw new FlamingoError('invalid-option', 'samplingMode was given together with temperature or topK.', {
      hint: 'Give one of them.',
    });
  }
  const chosen = samplingMode ? MODES[samplingMode] : (temperature ?? 0);
  return { temperature: chosen, topK: topK ?? MAX_TOP_K };
}

export const PARAMS = {
  defaultTopK: MAX_TOP_K,
  maxTopK: MAX_TOP_K,
  defaultTemperature: 0,
  maxTemperature: MAX_TEMPERATURE,
} as const;

function unsupported(message: string): FlamingoError {
  return new FlamingoError('unsupported', message, { hint: 'Leave it out.' });
}
