/**
 * WebGPU in Node: Dawn, from the npm package `webgpu`, on whatever Vulkan, Metal or D3D device there is (VK_DRIVER_FILES picks one).
 *
 * Workaround: objects of that package crash the process when they are garbage-collected while in use (webgpu 0.6.2, measured with vitest
 * and lavapipe), so the instance, and every adapter and device asked from it, stay on globalThis. Delete when the package
 * holds references itself.
 */
interface Kept {
  flamingoWebGpu?: GPU;
  flamingoKept?: unknown[];
}

/** Dawn's entry point, with WebGPU's constants (`GPUBufferUsage` …) put on globalThis. */
export async function dawnGpu(): Promise<GPU> {
  const kept = globalThis as Kept;
  if (kept.flamingoWebGpu) return kept.flamingoWebGpu;
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]) as GPU;
  kept.flamingoKept = [];
  keepResults(gpu, 'requestAdapter', (adapter: GPUAdapter | null) => {
    if (adapter) keepResults(adapter, 'requestDevice', () => undefined);
  });
  kept.flamingoWebGpu = gpu;
  return gpu;
}

/** Wraps an async method so that what it returns is never collected. */
function keepResults<T>(owner: object, method: string, then: (result: T) => void): void {
  const methods = owner as Record<string, (...args: unknown[]) => Promise<T>>;
  const original = methods[method].bind(owner);
  Object.defineProperty(owner, method, {
    value: async (...args: unknown[]) => {
      const result = await original(...args);
      (globalThis as Kept).flamingoKept?.push(result, owner);
      then(result);
      return result;
    },
  });
}
