import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { type IndexSpace, VectorIndex } from './vector-index';

/**
 * An index as bytes: the eight letters of MAGIC, the sha256 of all that follows (32 bytes), the length of the header as u32, the header as JSON (space, ids and
 * labels), zeros up to a multiple of 4, and the rows as f32; little-endian.
 */
const MAGIC = 'FWINDEX1';
const SUMMED = MAGIC.length + 32;
const FIXED = SUMMED + 4;

/** An index of more items, or wider, is not one. */
const MOST = 2 ** 24;
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST));
const header = v.object({
  by: v.picklist(['features', 'clip']),
  width: v.pipe(count, v.minValue(1)),
  encoder: v.string(),
  items: v.pipe(v.array(v.object({ id: v.string(), label: v.string() })), v.maxLength(MOST)),
});

export async function writeIndex(index: VectorIndex): Promise<Uint8Array<ArrayBuffer>> {
  const { width } = index.space;
  const rows = new Float32Array(index.size * width);
  for (let i = 0; i < index.size; i++) rows.set(index.vector(i), i * width);
  const body = new Uint8Array(rows.buffer);
  const text = JSON.stringify({ ...index.space, items: index.entries() });
  const head = new TextEncoder().encode(text);
  const start = aligned(FIXED + head.length);
  const bytes = new Uint8Array(start + body.length);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(SUMMED, head.length, true);
  bytes.set(head, FIXED);
  bytes.set(body, start);
  bytes.set(await sha256(bytes.subarray(SUMMED)), MAGIC.length);
  return bytes;
}

/**
 * Reads an index. `space`, where given, is what it must have been made with. Throws `bad-file` for damaged bytes or another version, `shape-mismatch` for an index of
 * another encoder or kind.
 */
export async function readIndex(bytes: Uint8Array<ArrayBuffer>, space?: IndexSpace): Promise<VectorIndex> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < FIXED) {
    throw damaged(`it begins with ${JSON.stringify(magic)}, ${MAGIC} is expected`);
  }
  const sum = await sha256(bytes.subarray(SUMMED));
  if (!sum.every((byte, i) => byte === bytes[MAGIC.length + i]))
    throw damaged('its bytes do not have the sum it names');
  const length = view.getUint32(SUMMED, true);
  if (FIXED + length > bytes.length) throw damaged(`its header has ${length} bytes, the file ${bytes.length}`);
  const { items, ...made } = parse(bytes.subarray(FIXED, FIXED + length));
  const rows = bytes.slice(aligned(FIXED + length));
  const size = items.length * made.width * 4;
  if (rows.length !== size) throw damaged(`its vectors have ${rows.length} bytes, ${size} are expected`);
  if (space) refuseOther(made, space);
  const index = new VectorIndex(made);
  const values = new Float32Array(rows.buffer);
  for (const [i, item] of items.entries()) {
    if (index.has(item.id)) throw damaged(`it holds ${item.id} twice`);
    index.add(item, values.subarray(i * made.width, (i + 1) * made.width));
  }
  return index;
}

function parse(bytes: Uint8Array): v.InferOutput<typeof header> {
  try {
    return v.parse(header, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw damaged(`its header cannot be read (${(cause as Error).message})`);
  }
}

function refuseOther(made: IndexSpace, space: IndexSpace): void {
  for (const field of ['by', 'width', 'encoder'] as const) {
    if (made[field] === space[field]) continue;
    throw new FlamingoError(
      'shape-mismatch',
      `The index was made with ${field} ${made[field]}; this model has ${space[field]}.`,
      { hint: 'Make the index again with this model.', details: { made, space } },
    );
  }
}

function damaged(what: string): FlamingoError {
  return new FlamingoError('bad-file', `This is no index of pictures, or it is damaged: ${what}.`, {
    hint: 'Make the index again.',
  });
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
