import { describe, expect, it } from 'vitest';
import type { WorkerModel } from '../worker/client';
import { MemoryModel } from '../worker/testing/memory-model';
import { FlamingoModel } from './flamingo-model';
import { validateLoad } from './options';

const load = () => FlamingoModel.load('model/', {}, async () => new MemoryModel() as unknown as WorkerModel);

describe('load options', () => {
  it('takes an address, a URL or files', () => {
    const files = new Map([['model.json', new Blob()]]);
    expect(validateLoad('a/b', {}).source).toEqual({ url: 'a/b' });
    expect(validateLoad(new URL('https://example.test/m/'), {}).source).toEqual({ url: 'https://example.test/m/' });
    expect(validateLoad({ url: 'a' }, {}).source).toEqual({ url: 'a' });
    expect(validateLoad(files, {}).source).toEqual({ files });
    expect(validateLoad({ files }, {}).source).toEqual({ files });
  });

  it.each([
    ['an empty address', '', {}, /^source is/],
    ['a number', 7, {}, /^source is 7; /],
    ['an unknown executor', 'a', { executor: 'quantum' }, /^options\.executor is "quantum"; .*"wasm"/],
    ['an unknown option', 'a', { executr: 'wasm' }, /^options\.executr is "executr"/],
    ['a signal that is none', 'a', { signal: {} }, /^options\.signal is Object; AbortSignal is expected/],
    ['a callback that is none', 'a', { onProgress: 1 }, /^options\.onProgress is 1/],
  ])('refuses %s', (_name, source, options, message) => {
    expect(() => validateLoad(source, options)).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) }),
    );
  });
});

describe('FlamingoModel', () => {
  it('gives the facts of the model and its sessions', async () => {
    const model = await load();
    expect(model).toMatchObject({ executor: 'wasm', executorReason: 'This is a test.', contextLength: 8 });
    expect(await (await model.createSession({ capacity: 8 })).position()).toBe(0);
  });

  it.each([0, 9, 1.5])('refuses a capacity of %s where the context has 8', async (capacity) => {
    const model = await load();
    await expect(model.createSession({ capacity })).rejects.toMatchObject({ code: 'invalid-option' });
  });
});
