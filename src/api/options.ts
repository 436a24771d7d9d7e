import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import type { LoadOptions, LoadProgress, ModelSource } from '../session/load-types';

export type FlamingoModelOptions = LoadOptions;

const loadOptions = v.strictObject({
  executor: v.optional(v.picklist(['auto', 'webgpu', 'wasm'])),
  profile: v.optional(v.boolean()),
  tap: v.optional(v.string()),
  keepMedia: v.optional(v.union([v.boolean(), v.pipe(v.number(), v.integer(), v.minValue(1))])),
  signal: v.optional(v.instance(AbortSignal)),
  onProgress: v.optional(
    v.custom<(progress: LoadProgress) => void>((value) => typeof value === 'function', 'a function'),
  ),
});

const address = v.pipe(v.string(), v.nonEmpty('an address that is not empty'));
const files = v.map(v.string(), v.instance(Blob));
const source = v.union([
  v.pipe(
    address,
    v.transform((url): ModelSource => ({ url })),
  ),
  v.pipe(
    v.instance(URL),
    v.transform(({ href }): ModelSource => ({ url: href })),
  ),
  v.pipe(
    files,
    v.transform((each): ModelSource => ({ files: each })),
  ),
  v.strictObject({ url: address }),
  v.strictObject({ files }),
]);

/** What `load` was given, in one form. Throws `invalid-option` naming what is wrong. */
export function validateLoad(from: unknown, options: unknown): { source: ModelSource; options: LoadOptions } {
  return { source: check('source', source, from), options: check('options', loadOptions, options) };
}

/** Throws `invalid-option` for a capacity that is no whole number from 1 to what the model can hold. */
export function validateSession(options: unknown, contextLength: number): { capacity?: number } {
  const capacity = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(contextLength)));
  return check('options', v.strictObject({ capacity }), options);
}

function check<S extends v.GenericSchema>(name: string, schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = [name, v.getDotPath(issue)].filter(Boolean).join('.');
  throw new FlamingoError(
    'invalid-option',
    `${path} is ${issue.received}; ${issue.expected ?? issue.message} is expected.`,
    { hint: 'See the documentation of FlamingoModel.', details: { option: path, received: issue.received } },
  );
}
