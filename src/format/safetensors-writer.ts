import { FlamingoError } from '../core/errors';

/** A tensor to be written. */
export interface WritableTensor {
  name: string;
  shape: readonly number[];
  values: Float32Array | Int32Array;
}

/** Bytes of a safetensors file: tensors in the order given, header padded to 8 bytes with spaces. Same input, same bytes. */
export function writeSafetensors(tensors: readonly WritableTensor[]): Uint8Array<ArrayBuffer> {
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size !== tensors.length) throw new FlamingoError('internal', 'A tensor was to be written twice.');
  let offset = 0;
  const header = Object.fromEntries(
    tensors.map(({ name, shape, values }) => {
      const data_offsets = [offset, offset + values.byteLength];
      offset += values.byteLength;
      return [name, { dtype: values instanceof Int32Array ? 'I32' : 'F32', shape, data_offsets }];
    }),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(json, 8);
  let at = 8 + padded;
  for (const { values } of tensors) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}
