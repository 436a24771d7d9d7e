import { expect, it } from 'vitest';
import { MemoryFolder, storageOf } from '../testing/memory-folder';
import { clearKeptMedia, openMediaShelf } from './media-shelf';

const SUM = 32;
const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

async function shelfOf(maxBytes: number, quota = 10_000) {
  const root = new MemoryFolder(quota, true);
  const shelf = (await openMediaShelf(maxBytes, storageOf(root)))!;
  const [folder] = root.folders.values();
  return { root, shelf, folder };
}

it('gives back what was put, also to the next visit, until it is emptied', async () => {
  const { root, shelf, folder } = await shelfOf(1000);
  await shelf.put('a', bytes(10));
  const again = (await openMediaShelf(1000, storageOf(root)))!;
  expect(await again.get('a')).toEqual(bytes(10));
  expect(await again.get('b')).toBeUndefined();
  await clearKeptMedia(storageOf(root));
  expect(folder.files.size).toBe(0);
  expect(await shelf.get('a')).toBeUndefined();
  await shelf.put('a', bytes(11));
  expect(await shelf.get('a')).toEqual(bytes(11));
});

it.each<[string, (file: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>]>([
  ['cut short', (file) => file.slice(0, -1)],
  ['empty', () => new Uint8Array()],
  ['a checksum alone', (file) => file.slice(0, SUM)],
  ['longer', (file) => new Uint8Array([...file, 0])],
  ['changed', (file) => file.map((byte, i) => (i === SUM + 3 ? byte ^ 1 : byte))],
])('a file that is %s is not there, is removed, and can be written again', async (_, damage) => {
  const { shelf, folder } = await shelfOf(1000);
  await shelf.put('a', bytes(10));
  folder.files.set('a', damage(folder.files.get('a')!));
  expect(await shelf.get('a')).toBeUndefined();
  expect(folder.files.has('a')).toBe(false);
  await shelf.put('a', bytes(10, 8));
  expect(await shelf.get('a')).toEqual(bytes(10, 8));
});

it('a sound file under another name is not there', async () => {
  const { shelf, folder } = await shelfOf(1000);
  await shelf.put('a', bytes(10));
  folder.files.set('b', folder.files.get('a')!);
  expect(await shelf.get('b')).toBeUndefined();
  expect(await shelf.get('a')).toEqual(bytes(10));
});

it('what was written first leaves when the bytes are used up; what is larger than all of them is not kept', async () => {
  const { shelf, folder } = await shelfOf(3 * (SUM + 10));
  for (const name of ['a', 'b', 'c']) await shelf.put(name, bytes(10));
  await shelf.put('a', bytes(10)); // again: now it is the youngest
  await shelf.put('d', bytes(10));
  expect([...folder.files.keys()].sort()).toEqual(['a', 'c', 'd']);
  await shelf.put('e', bytes(3 * (SUM + 10)));
  expect([...folder.files.keys()].sort()).toEqual(['a', 'c', 'd']);
  await shelf.put('f', bytes(20)); // takes the room of two
  expect([...folder.files.keys()].sort()).toEqual(['d', 'f']);
});

it('a full disk costs the shelf, not the caller; a file that cannot be removed is an error of clearing', async () => {
  const { root, shelf, folder } = await shelfOf(1000, SUM + 10);
  await shelf.put('a', bytes(10));
  await shelf.put('b', bytes(10));
  expect([...folder.files.keys()]).toEqual(['a']);
  folder.locked = true;
  await expect(clearKeptMedia(storageOf(root))).rejects.toMatchObject({
    code: 'storage',
    hint: expect.stringContaining('tabs'),
  });
});

it('without a file system there is no shelf, and nothing to clear', async () => {
  expect(await openMediaShelf(1000, undefined)).toBeUndefined();
  await clearKeptMedia(undefined);
});
