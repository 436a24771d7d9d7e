import { FlamingoError, isFlamingoError } from '../core/errors';
import { byteCursor } from './byte-cursor';
import { readNextPickle } from './pickle';
import type { PickleStorage, PickleValue } from './pickle-values';
import type { RandomAccess } from './random-access';
import { SOURCE_BYTES } from './tensor-source';
import { damaged, STORAGE_TYPES, type StoredBytes, storedBytes, type TorchFile, torchSource } from './torch-views';

/** First pickle of the file. torch/serialization.py, MAGIC_NUMBER. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** The pickles are read in a window that grows until they fit. */
const FIRST_WINDOW = 1024 * 1024;
const MAX_WINDOW = 256 * 1024 * 1024;

interface Head {
  root: PickleValue;
  storages: Map<string, PickleStorage>;
  /** Keys of the storages in the order of their data. */
  keys: string[];
  /** Where the data begin. */
  end: number;
}

/**
 * A checkpoint of torch before 1.6 (and of `_use_new_zipfile_serialization=False`): pickles of a magic number, a version, the machine, the object and the keys
 * of its storages; then each storage, its element count before it. Throws `bad-file`, `unsupported`.
 */
export async function openLegacyTorch(access: RandomAccess): Promise<TorchFile> {
  const head = await readHead(access);
  const places = new Map<string, StoredBytes>();
  let at = head.end;
  for (const key of head.keys) {
    const storage = head.storages.get(key);
    const dtype = STORAGE_TYPES.get(storage?.type ?? '');
    if (!storage || !dtype) throw damaged(access.name, `storage ${key} has the type ${storage?.type ?? 'unknown'}`);
    const elements = Number(new DataView((await access.read(at, 8)).buffer).getBigInt64(0, true));
    if (elements !== storage.elements) {
      throw damaged(access.name, `storage ${key} has ${elements} elements, ${storage.elements} are expected`);
    }
    places.set(key, storedBytes(access, at + 8, elements * SOURCE_BYTES[dtype]));
    at += 8 + elements * SOURCE_BYTES[dtype];
  }
  return { root: head.root, source: torchSource(access, head.root, ({ key }) => places.get(key)) };
}

async function readHead(access: RandomAccess): Promise<Head> {
  for (let window = Math.min(FIRST_WINDOW, access.size); ; window = Math.min(4 * window, access.size, MAX_WINDOW)) {
    const bytes = await access.read(0, window);
    try {
      return parseHead(access.name, bytes);
    } catch (error) {
      const beyond = isFlamingoError(error) && error.details.size === window;
      if (!beyond || window === access.size || window === MAX_WINDOW) throw error;
    }
  }
}

function parseHead(file: string, bytes: Uint8Array): Head {
  const cursor = byteCursor(file, bytes);
  const magic = readNextPickle(file, cursor);
  if (magic !== MAGIC) throw damaged(file, 'it is a pickle, but not one of torch');
  const version = readNextPickle(file, cursor);
  const machine = readNextPickle(file, cursor);
  if (version !== 1001 || (machine instanceof Map && machine.get('little_endian') === false)) {
    throw new FlamingoError(
      'unsupported',
      `${file} has version ${version} of the old torch format, or is big-endian.`,
      {
        hint: 'Load it in PyTorch and save it again.',
        details: { file, version },
      },
    );
  }
  const storages = new Map<string, PickleStorage>();
  const root = readNextPickle(file, cursor, storages);
  const keys = readNextPickle(file, cursor);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw damaged(file, 'its list of storages is not a list of names');
  }
  return { root, storages, keys, end: cursor.position() };
}
