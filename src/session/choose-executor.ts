import { FlamingoError } from '../core/errors';
import { type GpuDevice, openDevice } from '../gpu/device';

export type Choice = { kind: 'webgpu'; gpu: GpuDevice; reason: string } | { kind: 'wasm'; reason: string };

/**
 * Decides what runs the model, and says why. `auto` takes WebGPU only on a hardware adapter: in software, WGSL is tens of times slower than
 * onnxruntime-web on wasm (measured: 0.9 against 34 GFLOP/s). `webgpu` takes any adapter and throws `device` when there is none.
 */
export async function chooseExecutor(
  asked: 'auto' | 'webgpu' | 'wasm',
  gpu: GPU | undefined,
  openGpu: typeof openDevice = openDevice,
): Promise<Choice> {
  if (asked === 'wasm') return { kind: 'wasm', reason: 'It runs on the CPU, as asked for.' };
  if (asked === 'webgpu') {
    const device = await openGpu(gpu);
    const software = device.software ? ', a software adapter: expect it to be slow' : '';
    return { kind: 'webgpu', gpu: device, reason: `It runs on the GPU (${device.adapter}), as asked for${software}.` };
  }
  try {
    const device = await openGpu(gpu);
    if (!device.software) return { kind: 'webgpu', gpu: device, reason: `It runs on your GPU (${device.adapter}).` };
    device[Symbol.dispose]();
    return {
      kind: 'wasm',
      reason: `It runs on the CPU: the only WebGPU adapter here (${device.adapter}) is software, and slower.`,
    };
  } catch (error) {
    if (!(error instanceof FlamingoError) || error.code !== 'device') throw error;
    return { kind: 'wasm', reason: `It runs on the CPU: ${error.message}` };
  }
}
