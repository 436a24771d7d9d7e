import { describe, expect, it } from 'vitest';
import { MemoryFolder, storageOf } from '../testing/memory-folder';
import { clearOpfsCache, openOpfsCache } from './opfs-cache';

describe.each([
  ['in a page', false],
  ['in a worker', true],
])('%s', (_, inWorker) => {
  it('gives back what was put, also to the next visit', async () => {
    const root = new MemoryFolder(100, inWorker);
    await (await openOpfsCache(storageOf(root)))!.put('aa', Uint8Array.of(1, 2, 3));
    const again = (await openOpfsCache(storageOf(root)))!;
    expect(await again.get('aa')).toEqual(Uint8Array.of(1, 2, 3));
    expect(await again.get('bb')).toBeUndefined();
    await clearOpfsCache(storageOf(root));
    expect(root.folders.size).toBe(0);
    await clearOpfsCache(storageOf(root));
  });

  it('keeps what fits into the quota, and goes on without', async () => {
    const root = new MemoryFolder(10, inWorker);
    const cache = (await openOpfsCache(storageOf(root)))!;
    await cache.put('aa', new Uint8Array(8));
    await cache.put('bb', new Uint8Array(8));
    await cache.put('cc', new Uint8Array(1));
    const [folder] = root.folders.values();
    expect([...folder.files.keys()]).toEqual(['aa']);
    expect(await cache.get('aa')).toHaveLength(8);
  });

  it('leaves a piece to the tab that is writing it', async () => {
    const root = new MemoryFolder(100, inWorker);
    const cache = (await openOpfsCache(storageOf(root)))!;
    const [folder] = root.folders.values();
    folder.locked = true;
    await cache.put('aa', Uint8Array.of(1));
    folder.locked = false;
    await cache.put('bb', Uint8Array.of(2));
    expect(await cache.get('bb')).toEqual(Uint8Array.of(2));
  });
});

describe('without a file system', () => {
  it('there is no cache', async () => {
    expect(await openOpfsCache(undefined)).toBeUndefined();
    const refusing = { getDirectory: () => Promise.reject(new DOMException('private window', 'SecurityError')) };
    expect(await openOpfsCache(refusing)).toBeUndefined();
    await clearOpfsCache(undefined);
  });
});
