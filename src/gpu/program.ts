import type { GpuDevice } from './device';
import type { Workgroups } from './kernel';
import type { TimedSubmit } from './profiler';
import type { Bindable, BufferSlice, Dispatch, Recording, StepValues } from './recording';
import { resolveParams, type StepBuffer } from './step-buffer';

/** A copy within a submit, from a result to a buffer that can be mapped or bound. */
export interface Copy {
  from: Bindable;
  size: number;
  to: GPUBuffer;
  toOffset?: number;
  /** Number of dispatches that come before the copy; the default is all. Anything else splits the pass: for taps, never for decoding. */
  after?: number;
}

interface Command {
  dispatch: Dispatch;
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
}

/** A recording made ready: pipelines compiled, bind groups made, params laid out. Submitting it creates nothing. */
export class Program {
  private constructor(
    private readonly gpu: GpuDevice,
    private readonly step: StepBuffer,
    private readonly commands: readonly Command[],
    readonly label: string,
  ) {}

  /** Waits for the pipelines of a recording. Throws `internal` when a shader does not compile. */
  static async create(
    gpu: GpuDevice,
    label: string,
    recording: Recording,
    step: StepBuffer,
    elem: 'f32' | 'f16' = 'f32',
  ): Promise<Program> {
    const pipelines = await Promise.all(
      recording.dispatches.map(({ kernel, overrides }) => gpu.pipelines.get({ kernel, overrides, elem })),
    );
    const params = step.layOut(recording.dispatches);
    const commands = recording.dispatches.map((dispatch, i) => ({
      dispatch,
      pipeline: pipelines[i],
      bindGroup: bindGroup(gpu, dispatch, params[i]),
    }));
    return new Program(gpu, step, commands, label);
  }

  get dispatchCount(): number {
    return this.commands.length;
  }

  /** One write, one pass, one submit. `inputs` are the u32 inputs of the step buffer. */
  submit(step: StepValues, inputs: Record<string, ArrayLike<number>> = {}, copies: readonly Copy[] = []): void {
    const { device, counters } = this.gpu;
    this.step.write(step, inputs);
    const encoder = device.createCommandEncoder({ label: this.label });
    const end = this.commands.length;
    const timed = this.gpu.profiler?.begin(end);
    const ran: (Dispatch | undefined)[] = [];
    const stops = [...new Set(copies.map(({ after = end }) => after)), end].sort((a, b) => a - b);
    let from = 0;
    for (const stop of new Set(stops)) {
      if (timed) ran.push(...this.encodeTimed(encoder, step, from, stop, timed));
      else this.encodePass(encoder, step, from, stop);
      for (const copy of copies) if ((copy.after ?? end) === stop) encodeCopy(encoder, copy);
      from = stop;
    }
    timed?.resolve(encoder);
    device.queue.submit([encoder.finish()]);
    timed?.read(ran);
    counters.submits++;
  }

  private encodePass(encoder: GPUCommandEncoder, step: StepValues, from: number, to: number): void {
    if (from === to) return;
    const pass = encoder.beginComputePass({ label: this.label });
    for (const command of this.commands.slice(from, to)) this.encode(pass, command, step);
    pass.end();
  }

  /** A pass per dispatch, with timestamps around it. Gives the dispatches that have any work. */
  private encodeTimed(
    encoder: GPUCommandEncoder,
    step: StepValues,
    from: number,
    to: number,
    timed: TimedSubmit,
  ): (Dispatch | undefined)[] {
    return this.commands.slice(from, to).map((command, i) => {
      const pass = encoder.beginComputePass({ label: command.dispatch.label, timestampWrites: timed.writes(from + i) });
      const ran = this.encode(pass, command, step);
      pass.end();
      return ran ? command.dispatch : undefined;
    });
  }

  /** False for a dispatch without work. */
  private encode(pass: GPUComputePassEncoder, { dispatch, pipeline, bindGroup }: Command, step: StepValues): boolean {
    const [x, y, z] = workgroups(dispatch, step);
    if (x * y * z === 0) return false;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y, z);
    this.gpu.counters.dispatches++;
    return true;
  }
}

function encodeCopy(encoder: GPUCommandEncoder, { from, size, to, toOffset = 0 }: Copy): void {
  const { buffer, offset } = asSlice(from);
  encoder.copyBufferToBuffer(buffer.buffer, offset, to, toOffset, Math.ceil(size / 4) * 4);
}

function workgroups({ kernel, params, overrides }: Dispatch, step: StepValues): Workgroups {
  return kernel.workgroups(resolveParams(params, step), overrides);
}

function asSlice(bindable: Bindable): BufferSlice {
  return 'offset' in bindable
    ? bindable
    : { buffer: bindable, offset: 0, size: Math.max(16, Math.ceil(bindable.size / 4) * 4) };
}

function bindGroup(gpu: GpuDevice, { kernel, label, buffers }: Dispatch, params: BufferSlice): GPUBindGroup {
  const resources = [...Object.keys(kernel.bindings).map((name) => asSlice(buffers[name])), params];
  gpu.counters.bindGroups++;
  return gpu.device.createBindGroup({
    label,
    layout: gpu.pipelines.layout(kernel),
    entries: resources.map(({ buffer, offset, size }, binding) => ({
      binding,
      resource: { buffer: buffer.buffer, offset, size },
    })),
  });
}
