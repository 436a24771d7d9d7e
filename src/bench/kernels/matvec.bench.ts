import { bench, describe } from 'vitest';
import type { Kernel } from '../../gpu/kernel';
import type { LedgerBuffer } from '../../gpu/ledger';
import { Program } from '../../gpu/program';
import { Recording } from '../../gpu/recording';
import { StepBuffer } from '../../gpu/step-buffer';
import { chooseMatvec } from '../../kernels/linear/choose-matvec';
import { matvec } from '../../kernels/linear/matvec';
import { matvecBlocks } from '../../kernels/linear/matvec-blocks';
import { type MatvecShape, matvecCase } from '../../testing/linear-case';
import { testDevice } from '../../testing/test-device';

// One row through the matrices of a decode step of width 512, DISPATCHES times in one submit: the times below are for all of them.
// npx vitest bench --run --project gpu src/bench/kernels
const DISPATCHES = 10;
const shapes = [
  [2048, 512],
  [512, 2048],
  [1536, 512],
  [4096, 512],
];

const gpu = await testDevice({ f16: false, subgroups: true });

async function prepare(kernel: typeof matvec, shape: MatvecShape, storage: 'f32' | 'q4', normed: boolean) {
  const lanes = chooseMatvec(gpu, storage, kernel === matvec ? 1 : 32).overrides;
  const norm = normed ? ({ kind: 'layer', bias: true } as const) : undefined;
  const test = matvecCase({ storage, activation: 'none', residual: 'none', norm, ...lanes }, shape, (x) => x);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffers = Object.fromEntries(
    Object.entries(test.buffers).map(([name, values]): [string, LedgerBuffer] => {
      const buffer = gpu.ledger.allocate(name, values.byteLength, 'scratch', usage);
      gpu.device.queue.writeBuffer(buffer.buffer, 0, values);
      return [name, buffer];
    }),
  );
  const recording = new Recording();
  for (let i = 0; i < DISPATCHES; i++) {
    recording.add(kernel.id, kernel as unknown as Kernel, { ...test, buffers });
  }
  const step = new StepBuffer(gpu, 'bench', {}, DISPATCHES);
  return await Program.create(gpu, kernel.id, recording, step);
}

for (const storage of ['f32', 'q4'] as const) {
  for (const [outputs, cols] of shapes) {
    const programs: [name: string, Program][] = [];
    for (const kernel of [matvec, matvecBlocks]) {
      for (const normed of [false, true]) {
        const program = await prepare(kernel, [1, 0, outputs, cols], storage, normed);
        programs.push([`${kernel.id}${normed ? ' with layer norm' : ''}`, program]);
      }
    }
    describe(`${DISPATCHES} x [${outputs}, ${cols}] ${storage}`, () => {
      for (const [name, program] of programs) bench(name, () => run(program), { time: 300, iterations: 5 });
    });
  }
}

async function run(program: Program): Promise<void> {
  program.submit({ rows: 1, position: 0 });
  await gpu.device.queue.onSubmittedWorkDone();
}
