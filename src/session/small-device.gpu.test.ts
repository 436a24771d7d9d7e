import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { folderFiles } from '../format/package-files-node';
import { dawnGpu } from '../gpu/dawn-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { isDeep } from '../testing/parity';
import { loadWith } from './load-with';

const MiB = 1024 * 1024;
const picture = new Blob([readFileSync('public/samples/red-circle.webp')]);

/** The same adapter with the limits that every WebGPU device has at least. */
async function smallGpu(): Promise<GPU> {
  const gpu = await dawnGpu();
  const adapter = await gpu?.requestAdapter();
  if (!adapter) throw new Error('There is no WebGPU adapter to test with.');
  const { limits } = adapter;
  const small = {
    features: adapter.features,
    info: adapter.info,
    limits: {
      maxBufferSize: 256 * MiB,
      maxStorageBufferBindingSize: 128 * MiB,
      maxComputeWorkgroupStorageSize: Math.min(16_384, limits.maxComputeWorkgroupStorageSize),
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
    },
    requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
  };
  return { requestAdapter: async () => small } as unknown as GPU;
}

async function answer(executor: 'webgpu' | 'wasm', gpu: GPU | undefined): Promise<string> {
  const model = await loadWith(
    {
      files: folderFiles('public/models/flamingo-tiny'),
      gpu,
      pixels: (frames, { image }, signal) => mediaPixels(frames, image, decodeImage, signal),
    },
    { executor },
  );
  try {
    const session = await model.createSession();
    await session.append([
      { type: 'media', value: await session.addMedia(picture) },
      { type: 'text', value: 'Question: What colour is it? Answer:' },
    ]);
    let text = '';
    for await (const token of session.generate({ maxNewTokens: 6 })) text += token.text;
    return text;
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

// The embedded model's pipelines take a driver long to compile: a part of the deep tier.
it.runIf(isDeep())(
  'the embedded model answers on a device with 128 MiB bindings and 256 MiB buffers, as it does on the CPU',
  async () => {
    const text = await answer('webgpu', await smallGpu());
    expect(text.trim()).not.toBe('');
    expect(text).toBe(await answer('wasm', undefined));
  },
);
