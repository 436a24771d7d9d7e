/** WebGPU calls of this page, whoever makes them. */
export interface GpuCalls {
  submits: number;
  dispatches: number;
  bindGroups: number;
  buffers: number;
}

/**
 * Counts calls by wrapping WebGPU's own methods, so that every library is counted in the same way. Call it before any device is made;
 * gives the numbers so far.
 */
export function countGpuCalls(): () => GpuCalls {
  const calls: GpuCalls = { submits: 0, dispatches: 0, bindGroups: 0, buffers: 0 };
  wrap(GPUQueue.prototype, 'submit', () => calls.submits++);
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => calls.dispatches++);
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => calls.dispatches++);
  wrap(GPUDevice.prototype, 'createBindGroup', () => calls.bindGroups++);
  wrap(GPUDevice.prototype, 'createBuffer', () => calls.buffers++);
  return () => ({ ...calls });
}

function wrap(prototype: object, method: string, count: () => void): void {
  const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  Reflect.set(prototype, method, function (this: unknown, ...args: unknown[]) {
    count();
    return original.apply(this, args);
  });
}
