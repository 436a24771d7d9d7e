import { halfToFloat } from '../../core/half';
import type { BlockType, SourceType } from '../tensor-source';

/** How a tensor type of GGUF stores `block` values in `bytes` bytes. Of quantised types, `read` writes the values of the block at byte `at` to `out` from `to` on. */
export interface GgufType {
  dtype: SourceType | BlockType;
  block: number;
  bytes: number;
  read?(data: Uint8Array, at: number, out: Float32Array, to: number): void;
}

const half = (data: Uint8Array, at: number) => halfToFloat(data[at] | (data[at + 1] << 8));
const signed = (byte: number) => (byte << 24) >> 24;
const view = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength);

/** 32 values of 4 bits: the low halves of 16 bytes first, then the high ones. `bits` gives the fifth bit of each value, if there is one. */
function nibbles(
  out: Float32Array,
  to: number,
  data: Uint8Array,
  at: number,
  scale: number,
  base: number,
  bits = 0,
): void {
  for (let i = 0; i < 16; i++) {
    out[to + i] = scale * ((data[at + i] & 15) | (((bits >>> i) & 1) << 4)) + base;
    out[to + 16 + i] = scale * ((data[at + i] >>> 4) | (((bits >>> (i + 16)) & 1) << 4)) + base;
  }
}

/** Scale and minimum number `j` of the 8 in a K block: 6 bits each, the upper two of the last four kept with the first four. */
function scaleAndMinimum(data: Uint8Array, at: number, j: number): [scale: number, minimum: number] {
  if (j < 4) return [data[at + j] & 63, data[at + 4 + j] & 63];
  const both = data[at + 4 + j];
  return [(both & 15) | ((data[at + j - 4] >>> 6) << 4), (both >>> 4) | ((data[at + j] >>> 6) << 4)];
}

/** 256 values of 4 bits (5, with `high` bits) in 8 groups of 32, each with its own scale and minimum. */
function kBlock(
  data: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  high: number | undefined,
  codes: number,
): void {
  const [d, minimum] = [half(data, at), half(data, at + 2)];
  for (let group = 0; group < 8; group++) {
    const [scale, floor] = scaleAndMinimum(data, at + 4, group);
    const from = codes + 32 * (group >>> 1);
    for (let i = 0; i < 32; i++) {
      const four = (data[from + i] >>> (4 * (group & 1))) & 15;
      const fifth = high === undefined ? 0 : ((data[high + i] >>> group) & 1) << 4;
      out[to + 32 * group + i] = d * scale * (four | fifth) - minimum * floor;
    }
  }
}

/** 256 values of 6 bits in 16 groups, each with a signed scale. */
function q6K(data: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(data, at + 208);
  for (let i = 0; i < 256; i++) {
    const [part, within] = [i >>> 7, i & 127]; // two halves of 128
    const [row, column] = [within >>> 5, within & 31];
    const low = (data[at + 64 * part + 32 * (row & 1) + column] >>> (4 * (row >>> 1))) & 15;
    const high = (data[at + 128 + 32 * part + column] >>> (2 * row)) & 3;
    out[to + i] = d * signed(data[at + 192 + (i >>> 4)]) * ((low | (high << 4)) - 32);
  }
}

/** Types by their numbers in a file. Source: ggml.h and ggml-quants.c (dequantize_row_*), gguf-py quants.py. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map<number, GgufType>([
  [0, { dtype: 'f32', block: 1, bytes: 4 }],
  [1, { dtype: 'f16', block: 1, bytes: 2 }],
  [30, { dtype: 'bf16', block: 1, bytes: 2 }],
  [
    2,
    {
      dtype: 'q4_0',
      block: 32,
      bytes: 18,
      read: (data, at, out, to) => nibbles(out, to, data, at + 2, half(data, at), -8 * half(data, at)),
    },
  ],
  [
    3,
    {
      dtype: 'q4_1',
      block: 32,
      bytes: 20,
      read: (data, at, out, to) => nibbles(out, to, data, at + 4, half(data, at), half(data, at + 2)),
    },
  ],
  [
    6,
    {
      dtype: 'q5_0',
      block: 32,
      bytes: 22,
      read: (data, at, out, to) =>
        nibbles(out, to, data, at + 6, half(data, at), -16 * half(data, at), view(data).getUint32(at + 2, true)),
    },
  ],
  [
    7,
    {
      dtype: 'q5_1',
      block: 32,
      bytes: 24,
      read: (data, at, out, to) =>
        nibbles(out, to, data, at + 8, half(data, at), half(data, at + 2), view(data).getUint32(at + 4, true)),
    },
  ],
  [
    8,
    {
      dtype: 'q8_0',
      block: 32,
      bytes: 34,
      read(data, at, out, to) {
        const scale = half(data, at);
        for (let i = 0; i < 32; i++) out[to + i] = scale * signed(data[at + 2 + i]);
      },
    },
  ],
  [
    12,
    {
      dtype: 'q4_k',
      block: 256,
      bytes: 144,
      read: (data, at, out, to) => kBlock(data, at, out, to, undefined, at + 16),
    },
  ],
  [
    13,
    { dtype: 'q5_k', block: 256, bytes: 176, read: (data, at, out, to) => kBlock(data, at, out, to, at + 16, at + 48) },
  ],
  [14, { dtype: 'q6_k', block: 256, bytes: 210, read: q6K }],
]);

/** Names of types that are known and not read, for messages. */
export const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);
