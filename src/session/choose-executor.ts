import { FlamingoError, isFlamingoError } from '../core/errors';
import { type DeviceOptions, type GpuDevice, openDevice } from '../gpu/device';

/** What runs the model, and why: `because` follows "It runs on the CPU (wasm, 2 threads)" or "It runs on the GPU (its name)". */
export type Choice = { kind: 'webgpu'; gpu: GpuDevice; because: string } | { kind: 'wasm'; because: string };

/**
 * Decides what runs the model, and says why. `auto` takes WebGPU only on a hardware adapter: in software, WGSL is tens of times slower than
 * onnxruntime-web on wasm (measured: 0.9 against 34 GFLOP/s). `webgpu` takes any adapter and throws `device` when there is none.
 */
export async function chooseExecutor(
  asked: 'auto' | 'webgpu' | 'wasm',
  gpu: GPU | undefined,
  options: DeviceOptions = {},
): Promise<Choice> {
  if (asked === 'wasm') return { kind: 'wasm', because: ', as asked for' };
  if (asked === 'webgpu') {
    const device = await openDevice(gpu, options);
    const software = device.software ? ', a software adapter: expect it to be slow' : '';
    return { kind: 'webgpu', gpu: device, because: `, as asked for${software}` };
  }
  try {
    const device = await openDevice(gpu, options);
    if (!device.software) return { kind: 'webgpu', gpu: device, because: '' };
    device[Symbol.dispose]();
    return { kind: 'wasm', because: `: the only WebGPU adapter here (${device.adapter}) is software, and slower` };
  } catch (error) {
    // Whatever is wrong with the GPU (none, a driver that refuses its own limits), `auto` still has the CPU.
    return { kind: 'wasm', because: `: ${reasonOf(error)}` };
  }
}

/** "It runs on the CPU (wasm, 2 threads): this browser has no WebGPU." */
export function executorReason({ kind, because }: Choice, adapter: string): string {
  return `It runs on the ${kind === 'wasm' ? adapter : `GPU (${adapter})`}${because}.`;
}

function reasonOf(error: unknown): string {
  const { message } = isFlamingoError(error) ? error : new FlamingoError('device', `WebGPU failed (${String(error)}).`);
  return message.replace(/\.$/, '').replace(/^This/, 'this');
}
