import { checkRange } from './random-access';

/** Reads numbers and texts one after the other; every read is checked against the end. */
export interface ByteCursor {
  u8(): number;
  u16(): number;
  u32(): number;
  /** A length: beyond 2^53 it is not exact, but then it is beyond the end too. */
  u64(): number;
  i32(): number;
  f64BigEndian(): number;
  bytes(length: number): Uint8Array;
  text(length: number): string;
  /** Text up to the next newline, which is skipped. */
  line(): string;
  /** Little-endian two's complement of `length` bytes; a number where it is exact. */
  long(length: number): number | bigint;
  /** Bytes read so far. */
  position(): number;
}

export function byteCursor(file: string, data: Uint8Array): ByteCursor {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const decoder = new TextDecoder();
  let at = 0;
  const take = (length: number) => {
    checkRange(file, at, length, data.byteLength);
    at += length;
    return at - length;
  };
  const bytes = (length: number) => {
    const start = take(length);
    return data.subarray(start, start + length);
  };
  return {
    position: () => at,
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2), true),
    u32: () => view.getUint32(take(4), true),
    u64: () => Number(view.getBigUint64(take(8), true)),
    i32: () => view.getInt32(take(4), true),
    f64BigEndian: () => view.getFloat64(take(8), false),
    bytes,
    text: (length) => decoder.decode(bytes(length)),
    line() {
      const end = data.indexOf(10, at);
      const line = decoder.decode(bytes((end < 0 ? data.byteLength : end) - at));
      take(1);
      return line;
    },
    long(length) {
      let value = 0n;
      const digits = bytes(length);
      for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]);
      if (length > 0 && digits[length - 1] & 0x80) value -= 1n << BigInt(8 * length);
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value;
    },
  };
}
