import { FlamingoError } from '../core/errors';

/** A file that can be read anywhere: a Blob, bytes in memory, or a file on disk (file-node). */
export interface RandomAccess extends AsyncDisposable {
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`. Throws `bad-file` beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

export function blobAccess(name: string, blob: Blob): RandomAccess {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(name, offset, length, blob.size);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async [Symbol.asyncDispose]() {},
  };
}

export function bytesAccess(name: string, bytes: Uint8Array): RandomAccess {
  return {
    name,
    size: bytes.byteLength,
    async read(offset, length) {
      checkRange(name, offset, length, bytes.byteLength);
      return new Uint8Array(bytes.subarray(offset, offset + length)); // a copy, of a Buffer too
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Throws `bad-file` unless offset..offset+length lies in a file of `size` bytes. */
export function checkRange(name: string, offset: number, length: number, size: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  )
    return;
  throw new FlamingoError(
    'bad-file',
    `${name}: bytes ${offset} to ${offset + length} were asked for, the file has ${size}.`,
    {
      hint: 'The file is cut short or damaged: get it again.',
      details: { file: name, offset, length, size },
    },
  );
}
