import { type Entry, Reader, ZipReader } from '@zip.js/zip.js';
import { FlamingoError } from '../core/errors';
import { readPickle } from './pickle';
import type { PickleStorage } from './pickle-values';
import type { RandomAccess } from './random-access';
import { openLegacyTorch } from './torch-legacy';
import { damaged, type StoredBytes, storedBytes, type TorchFile, torchSource } from './torch-views';

/** Largest `data.pkl` that is read; published ones have a few MB. */
const MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/**
 * A checkpoint as torch.save writes it: a zip (zip64 too) of one pickle and one stored entry per storage, or the bare pickles of torch before 1.6; or a
 * TorchScript archive, whose attributes are read as such a checkpoint's and whose code is not looked at.
 * Only pickles are read at once; tensors are read from where they lie, whatever their strides. Throws `bad-file`; `unsupported` for big-endian files.
 */
export async function openTorch(access: RandomAccess): Promise<TorchFile> {
  const magic = access.size >= 4 ? await access.read(0, 4) : new Uint8Array(4);
  if (magic[0] === 0x80) return await openLegacyTorch(access);
  if (String.fromCharCode(...magic) !== 'PK\x03\x04') {
    throw damaged(access.name, `it begins with ${JSON.stringify([...magic])}, a zip archive [80,75,3,4] is expected`);
  }
  const entries = await readDirectory(access);
  const pickle = [...entries.keys()].find((path) => path === 'data.pkl' || /^[^/]+\/data\.pkl$/.test(path));
  if (!pickle) throw damaged(access.name, 'it holds no data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  await checkByteOrder(access, entries.get(`${folder}byteorder`));
  const { start, size } = entries.get(pickle)!;
  if (size > MAX_PICKLE_BYTES) {
    throw damaged(access.name, `its data.pkl has ${size} bytes, at most ${MAX_PICKLE_BYTES} are read`);
  }
  const root = readPickle(access.name, await access.read(start, size));
  const isScript = entries.has(`${folder}constants.pkl`);
  const place = ({ key }: PickleStorage) => entries.get(`${folder}data/${key}`);
  return { root, source: torchSource(access, root, place, isScript) };
}

async function checkByteOrder(access: RandomAccess, entry: StoredBytes | undefined): Promise<void> {
  if (!entry || entry.size > 16) return;
  const order = new TextDecoder().decode(await access.read(entry.start, entry.size));
  if (order !== 'big') return;
  throw new FlamingoError('unsupported', `${access.name} was saved on a big-endian machine.`, {
    hint: 'Load it in PyTorch on another machine and save it again.',
    details: { file: access.name },
  });
}

/** The code of a TorchScript archive, which may be compressed. */
const SOURCE_CODE = /^[^/]+\/(code\/|.*\.debug_pkl$)/;

/** Name -> place of every entry but code. Entries must be stored: torch compresses nothing, and random access needs it. */
async function readDirectory(access: RandomAccess): Promise<Map<string, StoredBytes>> {
  const reader = new ZipReader(new AccessReader(access), { useWebWorkers: false });
  let listed: Entry[];
  try {
    listed = await reader.getEntries();
  } catch (cause) {
    throw damaged(access.name, `its zip directory cannot be read (${(cause as Error).message})`);
  }
  const entries = new Map<string, StoredBytes>();
  for (const { filename, compressionMethod, encrypted, compressedSize, uncompressedSize, offset } of listed) {
    if (SOURCE_CODE.test(filename)) continue;
    if (compressionMethod !== 0 || encrypted || compressedSize !== uncompressedSize) {
      throw damaged(access.name, `${filename} is compressed or encrypted; torch stores entries as they are`);
    }
    if (entries.has(filename)) throw damaged(access.name, `it holds ${filename} twice`);
    entries.set(filename, storedBytes(access, await dataStart(access, offset), uncompressedSize));
  }
  return entries;
}

/** The data begin after the local header, whose name and extra field may be longer than the directory's. */
async function dataStart(access: RandomAccess, offset: number): Promise<number> {
  const header = new DataView((await access.read(offset, 30)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50) throw damaged(access.name, `there is no entry at byte ${offset}`);
  return offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

/** RandomAccess as zip.js reads it. */
class AccessReader extends Reader<void> {
  constructor(private readonly access: RandomAccess) {
    super();
    this.size = access.size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    return await this.access.read(offset, Math.min(length, this.access.size - offset));
  }
}
