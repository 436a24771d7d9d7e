import { describe, expect, it } from 'vitest';
import { chooseExecutor, executorReason } from './choose-executor';

/** A browser's WebGPU as far as choosing goes: adapters with names, no hardware. */
function browserWith(info: Partial<GPUAdapterInfo>, requestDevice?: () => Promise<GPUDevice>) {
  const opened = { destroyed: false };
  const device = { lost: new Promise(() => undefined), destroy: () => (opened.destroyed = true) };
  const adapter = { info, limits: {}, features: new Set(), requestDevice: requestDevice ?? (async () => device) };
  return { opened, gpu: { requestAdapter: async () => adapter } as unknown as GPU };
}

const HARDWARE = { vendor: 'nvidia', architecture: 'ampere', description: 'RTX 3060' };
const SOFTWARE = { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader Device' };

describe('auto', () => {
  it('takes a hardware adapter', async () => {
    const { gpu, opened } = browserWith(HARDWARE);
    const choice = await chooseExecutor('auto', gpu);
    expect(choice.kind).toBe('webgpu');
    expect(opened.destroyed).toBe(false);
    expect(executorReason(choice, 'nvidia ampere RTX 3060')).toBe('It runs on the GPU (nvidia ampere RTX 3060).');
  });

  it.each([
    ['SwiftShader', SOFTWARE],
    ['lavapipe', { vendor: 'mesa', architecture: '', description: 'llvmpipe (LLVM 19.1.7, 256 bits)' }],
    ['Windows', { vendor: 'microsoft', architecture: '', description: 'Microsoft Basic Render Driver' }],
    ['any that says so', { ...HARDWARE, isFallbackAdapter: true }],
  ])('takes the CPU rather than software: %s', async (_, info) => {
    const { gpu, opened } = browserWith(info);
    const choice = await chooseExecutor('auto', gpu);
    expect(choice.kind).toBe('wasm');
    expect(opened.destroyed).toBe(true);
    const reason = executorReason(choice, 'CPU (wasm, 2 threads)');
    expect(reason).toContain(`It runs on the CPU (wasm, 2 threads): the only WebGPU adapter here (${info.vendor}`);
  });

  it('takes the CPU where there is no WebGPU, no adapter, or a broken one, and says which', async () => {
    const none = await chooseExecutor('auto', undefined);
    expect(executorReason(none, 'CPU (wasm, 1 thread)')).toBe(
      'It runs on the CPU (wasm, 1 thread): this browser has no WebGPU.',
    );
    const noAdapter = await chooseExecutor('auto', { requestAdapter: async () => null } as unknown as GPU);
    expect(noAdapter).toMatchObject({ kind: 'wasm', because: expect.stringMatching(/no adapter/) });
    const { gpu } = browserWith(HARDWARE, () => Promise.reject(new DOMException('driver says no', 'OperationError')));
    const broken = await chooseExecutor('auto', gpu);
    expect(broken).toMatchObject({ kind: 'wasm', because: expect.stringMatching(/driver says no/) });
  });
});

describe('asked for', () => {
  it('wasm looks at no adapter', async () => {
    const gpu = { requestAdapter: () => Promise.reject(new Error('was asked')) } as unknown as GPU;
    const choice = await chooseExecutor('wasm', gpu);
    expect(executorReason(choice, 'CPU (wasm, 1 thread)')).toBe('It runs on the CPU (wasm, 1 thread), as asked for.');
  });

  it('webgpu takes a software adapter, and says that it is slow; without any it fails', async () => {
    const choice = await chooseExecutor('webgpu', browserWith(SOFTWARE).gpu);
    expect(choice).toMatchObject({
      kind: 'webgpu',
      because: expect.stringMatching(/as asked for, a software adapter/),
    });
    await expect(chooseExecutor('webgpu', undefined)).rejects.toMatchObject({ code: 'device' });
  });
});
