import { describe, expect, it } from 'vitest';
import type { Access, Kernel, ParamType } from '../gpu/kernel';
import { shaderSource } from '../gpu/shader-source';
import { BOUNDS } from './bounds';
import { roundToHalf } from './half';
import { runKernel, type TestArray } from './run-kernel';
import { testLanes } from './test-device';

/** One run of a kernel: its inputs, and what must come out. */
export interface KernelCase<P, B, O> {
  params: Record<keyof P, number>;
  /** Contents of every binding; a `write` binding is given as its length and starts as NaN. */
  buffers: Record<keyof B, TestArray | number>;
  overrides?: Partial<O>;
  /** Bindings whose element type is Elem: converted to and from f16 in the f16 lane. */
  elem?: readonly (keyof B)[];
  /** Expected contents by binding; NaN means "not compared" (unused slots). */
  expected: Partial<Record<keyof B, ArrayLike<number>>>;
}

/**
 * Runs every named case in every lane of the driver under test (subgroups on and off, f16 on and off). Checked each time: the bound
 * of testing/bounds, guard bands around every buffer unchanged, read-only bindings unchanged, outputs fully overwritten.
 * `cases` gets `round`, the identity or f16 rounding, to be applied to Elem inputs before the reference is computed.
 */
export async function describeKernel<
  P extends Record<string, ParamType>,
  B extends Record<string, Access>,
  O extends Record<string, number>,
>(
  kernel: Kernel<P, B, O>,
  cases: Record<string, (round: (values: Float32Array) => Float32Array) => KernelCase<P, B, O>>,
  options: { f16?: boolean } = {},
): Promise<void> {
  const lanes = (await testLanes()).filter(
    (lane) => (!lane.f16 || options.f16 !== false) && (lane.name !== 'subgroups' || usesSubgroups(kernel.id)),
  );
  describe(kernel.id, () => {
    for (const lane of lanes) {
      for (const [name, make] of Object.entries(cases)) {
        it(`${lane.name}: ${name}`, async () => {
          const bound = BOUNDS[kernel.id]?.[lane.f16 ? 'f16' : 'f32'];
          if (!bound) throw new Error(`testing/bounds has no bound for ${kernel.id}`);
          const test = make(lane.f16 ? roundToHalf : (values) => values);
          const elem = lane.f16 ? (test.elem as readonly string[]) : [];
          const got = await runKernel(kernel as unknown as Kernel, { ...test, elem }, lane);
          for (const [binding, want] of Object.entries(test.expected) as [string, ArrayLike<number>][]) {
            expectClose(`${kernel.id}.${binding}`, got[binding], want, bound);
          }
        });
      }
    }
  });
}

/** False where the shader is the same text with and without subgroups: one lane less to compile. */
function usesSubgroups(id: string): boolean {
  const [off, on] = [false, true].map((subgroups) => shaderSource(id, { elem: 'f32', subgroups }));
  return off !== on;
}

/** Fails with the worst element when |got - want| > abs + rel * max|want|, or where `got` is not a number. */
export function expectClose(
  label: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { abs, rel }: { abs: number; rel: number },
): void {
  expect(got.length, `${label}: length`).toBe(want.length);
  let largest = 0;
  for (let i = 0; i < want.length; i++) if (Number.isFinite(want[i])) largest = Math.max(largest, Math.abs(want[i]));
  const allowed = abs + rel * largest;
  let worst = { i: -1, error: 0 };
  for (let i = 0; i < want.length; i++) {
    if (Number.isNaN(want[i]) || Object.is(got[i], want[i])) continue;
    const error = Math.abs(got[i] - want[i]);
    if (!(error <= worst.error)) worst = { i, error };
    if (Number.isNaN(error)) break;
  }
  const { i, error } = worst;
  expect(error <= allowed, `${label}[${i}]: got ${got[i]}, want ${want[i]}; error ${error} > ${allowed}`).toBe(true);
}
