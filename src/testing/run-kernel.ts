import { expect } from 'vitest';
import type { Kernel } from '../gpu/kernel';
import type { LedgerBuffer } from '../gpu/ledger';
import { Program } from '../gpu/program';
import { readBuffer } from '../gpu/readback';
import { Recording } from '../gpu/recording';
import { StepBuffer } from '../gpu/step-buffer';
import { fromHalf, toHalf } from './half';
import { testDevice } from './test-device';

export type TestArray = Float32Array | Uint32Array | Int32Array | Uint8Array;

export interface KernelRun {
  params: Record<string, number>;
  buffers: Record<string, TestArray | number>;
  overrides?: Record<string, number | undefined>;
  elem?: readonly string[];
}

/** Bytes before and after every buffer, filled with a pattern that must survive. */
const GUARD = 256;
const PATTERN = 0xa5;

/** Runs one dispatch between guard bands and returns every f32 (or Elem) binding that was written, as f32; u32 bindings as they are. */
export async function runKernel(
  kernel: Kernel,
  run: KernelRun,
  features: { f16: boolean; subgroups: boolean },
): Promise<Record<string, Float32Array | Uint32Array>> {
  const gpu = await testDevice(features);
  const contents = new Map(
    Object.keys(kernel.bindings).map((name) => [name, toBytes(run.buffers[name], run.elem?.includes(name) ?? false)]),
  );
  const buffers = new Map<string, LedgerBuffer>();
  for (const [name, bytes] of contents) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = gpu.ledger.allocate(`${kernel.id}.${name}`, guarded(bytes).byteLength, 'scratch', usage);
    gpu.device.queue.writeBuffer(buffer.buffer, 0, guarded(bytes));
    buffers.set(name, buffer);
  }
  const recording = new Recording();
  const bound = Object.fromEntries(
    [...buffers].map(([name, buffer]) => [
      name,
      { buffer, offset: GUARD, size: round4(contents.get(name)!.byteLength) },
    ]),
  );
  recording.add(kernel.id, kernel, {
    buffers: bound,
    params: run.params,
    overrides: run.overrides as Record<string, number>,
  });
  using step = new StepBuffer(gpu, 'test step', {}, 1);
  gpu.device.pushErrorScope('validation');
  const program = await Program.create(gpu, kernel.id, recording, step, run.elem?.length ? 'f16' : 'f32');
  program.submit({ rows: 0, position: 0 });
  const error = await gpu.device.popErrorScope();
  expect(error?.message ?? null, `${kernel.id}: validation error`).toBeNull();
  const results: Record<string, Float32Array | Uint32Array> = {};
  for (const [name, buffer] of buffers) {
    const before = contents.get(name)!;
    const after = new Uint8Array(await readBuffer(gpu, buffer, guarded(before).byteLength));
    checkGuards(`${kernel.id}.${name}`, after, before, kernel.bindings[name] === 'read');
    results[name] = fromBytes(
      after.slice(GUARD, GUARD + before.byteLength),
      run.buffers[name],
      run.elem?.includes(name) ?? false,
    );
    buffer.destroy();
  }
  return results;
}

function toBytes(values: TestArray | number, half: boolean): Uint8Array<ArrayBuffer> {
  const array = typeof values === 'number' ? new Float32Array(values).fill(Number.NaN) : values;
  if (half) return new Uint8Array(Uint16Array.from(array as Float32Array, toHalf).buffer);
  return new Uint8Array(array.slice().buffer, 0, array.byteLength);
}

function fromBytes(
  bytes: Uint8Array<ArrayBuffer>,
  like: TestArray | number,
  half: boolean,
): Float32Array | Uint32Array {
  if (half) return Float32Array.from(new Uint16Array(bytes.buffer), fromHalf);
  if (like instanceof Uint32Array || like instanceof Int32Array) return new Uint32Array(bytes.buffer);
  if (like instanceof Uint8Array) return Uint32Array.from(bytes);
  return new Float32Array(bytes.buffer);
}

/** Guard, contents padded to whole words with the pattern, guard. */
function guarded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(GUARD + round4(bytes.byteLength) + GUARD).fill(PATTERN);
  all.set(bytes, GUARD);
  return all;
}

function checkGuards(label: string, after: Uint8Array, before: Uint8Array, readOnly: boolean): void {
  const want = guarded(before);
  const end = GUARD + before.byteLength;
  const same = (from: number, to: number) => after.subarray(from, to).every((byte, i) => byte === want[from + i]);
  expect(same(0, GUARD), `${label}: guard band before the buffer`).toBe(true);
  expect(same(GUARD + round4(before.byteLength), after.length), `${label}: guard band after the buffer`).toBe(true);
  if (readOnly) expect(same(GUARD, end), `${label}: a read-only binding changed`).toBe(true);
}

function round4(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 4) * 4);
}
