import { FlamingoError } from '../../core/errors';
import type { RandomAccess } from '../random-access';

/** A value of the metadata; whole numbers beyond 2^53 are not exact. */
export type MetadataValue = number | boolean | string | readonly (number | boolean | string)[];

/** Bytes that are read at once. */
const WINDOW = 2 ** 20;
/** Longest text: chat templates have some 10,000 bytes. */
const MAX_TEXT = 2 ** 20;
/** Longest list: vocabularies and their merges have some 100,000 entries. */
const MAX_LIST = 2 ** 23;

/** Bytes of the types of fixed size, by number: u8, i8, u16, i16, u32, i32, f32, bool, then text and list, u64, i64, f64. */
const SIZES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const TEXT = 8;
const LIST = 9;

/** Reads the beginning of a GGUF file, whose length nothing says, window by window. */
export class HeaderReader {
  private window = new DataView(new ArrayBuffer(0));
  /** Where the window begins in the file, and where the next value does in the window. */
  private start = 0;
  private at = 0;
  private readonly decoder = new TextDecoder('utf-8', { fatal: false });

  constructor(private readonly access: RandomAccess) {}

  get position(): number {
    return this.start + this.at;
  }

  async u32(): Promise<number> {
    await this.need(4);
    return this.window.getUint32(this.take(4), true);
  }

  async u64(): Promise<number> {
    await this.need(8);
    return Number(this.window.getBigUint64(this.take(8), true));
  }

  async text(): Promise<string> {
    const length = await this.u64();
    if (length > MAX_TEXT) throw this.damaged(`a text would have ${length} bytes, at most ${MAX_TEXT} are read`);
    await this.need(length);
    return this.decoder.decode(new Uint8Array(this.window.buffer, this.window.byteOffset + this.take(length), length));
  }

  async metadata(count: number): Promise<Map<string, MetadataValue>> {
    const values = new Map<string, MetadataValue>();
    for (let i = 0; i < count; i++) {
      const key = await this.text();
      if (values.has(key)) throw this.damaged(`the key ${key} is there twice`);
      values.set(key, await this.value(key, await this.u32()));
    }
    return values;
  }

  damaged(what: string): FlamingoError {
    return new FlamingoError('bad-file', `${this.access.name} is not a sound GGUF file: ${what}.`, {
      hint: 'Get the file again; compare its size and checksum with the source.',
      details: { file: this.access.name, position: this.position },
    });
  }

  private async value(key: string, type: number): Promise<MetadataValue> {
    if (type === TEXT) return await this.text();
    if (type === LIST) return await this.list(key);
    return await this.scalar(key, type);
  }

  private async list(key: string): Promise<MetadataValue> {
    const type = await this.u32();
    const length = await this.u64();
    if (type === LIST) throw this.damaged(`${key} is a list of lists`);
    const bytes = length * (type === TEXT ? 8 : (SIZES[type] ?? 1));
    const left = this.access.size - this.position;
    if (length > MAX_LIST || bytes > left)
      throw this.damaged(`${key} would have ${length} entries, ${left} bytes are left`);
    const values: (number | boolean | string)[] = [];
    for (let i = 0; i < length; i++) values.push(type === TEXT ? await this.text() : await this.scalar(key, type));
    return values;
  }

  private async scalar(key: string, type: number): Promise<number | boolean> {
    const size = SIZES[type];
    if (size === undefined) throw this.damaged(`${key} has the unknown type ${type}`);
    await this.need(size);
    return scalarAt(this.window, this.take(size), type);
  }

  private take(length: number): number {
    this.at += length;
    return this.at - length;
  }

  /** Moves the window on unless it holds `length` more bytes. Throws `bad-file` beyond the end. Cheap where it does hold them: lists have 100,000 entries. */
  private async need(length: number): Promise<void> {
    if (this.at + length <= this.window.byteLength) return;
    const start = this.position;
    if (start + length > this.access.size)
      throw this.damaged(`its header goes on beyond its ${this.access.size} bytes`);
    const bytes = await this.access.read(start, Math.min(Math.max(WINDOW, length), this.access.size - start));
    this.window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.start = start;
    this.at = 0;
  }
}

function scalarAt(view: DataView, at: number, type: number): number | boolean {
  switch (type) {
    case 0:
      return view.getUint8(at);
    case 1:
      return view.getInt8(at);
    case 2:
      return view.getUint16(at, true);
    case 3:
      return view.getInt16(at, true);
    case 4:
      return view.getUint32(at, true);
    case 5:
      return view.getInt32(at, true);
    case 6:
      return shortest(view.getFloat32(at, true));
    case 7:
      return view.getUint8(at) !== 0;
    case 10:
      return Number(view.getBigUint64(at, true));
    case 11:
      return Number(view.getBigInt64(at, true));
    default:
      return view.getFloat64(at, true);
  }
}

/** The number with the fewest digits that is this f32: 1e-5, where 9.999999747378752e-6 is stored. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
