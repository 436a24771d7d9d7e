import { FlamingoError } from '../core/errors';
import { type ByteCursor, byteCursor } from './byte-cursor';
import { construct, isAllowed } from './pickle-globals';
import { isKind, type PickleStorage, type PickleValue } from './pickle-values';

/** Largest number of operations; published checkpoints have some hundred thousand. */
const MAX_OPERATIONS = 20_000_000;

const MARK = Symbol('mark');

/**
 * Reads one pickle (protocols 2 to 5 as torch writes them). Nothing is ever called: a name is data, and what it would construct is looked up in a fixed
 * list (pickle-globals). Throws `bad-file` for anything that is not plain data or a tensor, naming it.
 */
export function readPickle(file: string, bytes: Uint8Array): PickleValue {
  return readNextPickle(file, byteCursor(file, bytes));
}

/** The pickle that begins at the cursor, which then stands behind it. Storages it refers to are added to `storages` by key. */
export function readNextPickle(
  file: string,
  cursor: ByteCursor,
  storages: Map<string, PickleStorage> = new Map(),
): PickleValue {
  return new PickleMachine(file, cursor, storages).run();
}

class PickleMachine {
  private readonly stack: (PickleValue | typeof MARK)[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly file: string,
    readonly cursor: ByteCursor,
    private readonly storages: Map<string, PickleStorage>,
  ) {}

  run(): PickleValue {
    for (let count = 0; count < MAX_OPERATIONS; count++) {
      const opcode = this.cursor.u8();
      if (opcode === 0x2e) return this.pop(); // STOP
      const literal = LITERALS.get(opcode);
      const operation = OPERATIONS.get(opcode);
      if (literal) this.push(literal(this.cursor));
      else if (operation) operation(this);
      else throw this.damaged(`it uses the operation 0x${opcode.toString(16)}, which checkpoints do not need`);
    }
    throw this.damaged(`it has more than ${MAX_OPERATIONS} operations`);
  }

  pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) throw this.damaged('its stack runs empty');
    return value;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  mark(): void {
    this.stack.push(MARK);
  }

  popToMark(): PickleValue[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw this.damaged('a mark is missing');
    return this.stack.splice(at).slice(1) as PickleValue[];
  }

  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  memoize(index = this.memo.size): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.damaged(`it recalls the unknown value ${index}`);
    this.push(value);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.damaged('it appends to something that is not a list');
    for (const value of values) list.push(value);
  }

  setItems(items: readonly PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map)) throw this.damaged('it sets an item of something that is not a dictionary');
    if (items.length % 2 !== 0) throw this.damaged('a key has no value');
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  name(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.damaged('a name is not a text');
    if (!isAllowed(`${module}.${name}`)) throw this.refused(`${module}.${name}`);
    this.push({ kind: 'global', name: `${module}.${name}` });
  }

  /** REDUCE and NEWOBJ: the only place where a name becomes data. */
  construct(): void {
    const args = this.pop();
    const target = this.pop();
    if (!isKind(target, 'global') || !Array.isArray(args)) throw this.damaged('it calls something that is not a name');
    const value = construct(target.name, args);
    if (value === undefined) throw this.damaged(`${target.name} is not called as torch calls it`);
    this.push(value);
  }

  /** BUILD: attributes of a dictionary-like object; other state is dropped, it never makes a tensor. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Map && state instanceof Map) for (const [key, value] of state) target.set(key, value);
  }

  /** BINPERSID: ('storage', type, key, location, elements), and in old files a view of another storage, which torch has not written for long. */
  persistent(): void {
    const id = this.pop();
    const [tag, type, key, , elements, view = null] = Array.isArray(id) ? id : [];
    if (
      tag !== 'storage' ||
      !isKind(type, 'global') ||
      typeof key !== 'string' ||
      typeof elements !== 'number' ||
      view
    ) {
      throw this.damaged('it refers to something outside that is not a torch storage');
    }
    const storage = { kind: 'storage', type: type.name, key, elements } as const;
    const other = this.storages.get(key);
    if (other && (other.type !== storage.type || other.elements !== elements)) {
      throw this.damaged(
        `storage ${key} has ${other.elements} elements (${other.type}) and ${elements} (${storage.type})`,
      );
    }
    this.storages.set(key, storage);
    this.push(storage);
  }

  private refused(name: string): FlamingoError {
    return new FlamingoError(
      'bad-file',
      `${this.file} names ${name}, which a checkpoint has no need of. Nothing was run.`,
      {
        hint: 'Do not trust this file. Get the checkpoint from its authors, best as safetensors.',
        details: { file: this.file, global: name },
      },
    );
  }

  private damaged(what: string): FlamingoError {
    return new FlamingoError('bad-file', `${this.file} is not a sound pickle: ${what}.`, {
      hint: 'Get the file again, or convert it to safetensors.',
      details: { file: this.file },
    });
  }
}

/** Operations that push one value. Numbers and names: Python's pickletools. */
const LITERALS = new Map<number, (cursor: ByteCursor) => PickleValue>([
  [0x4e, () => null], // NONE
  [0x88, () => true], // NEWTRUE
  [0x89, () => false], // NEWFALSE
  [0x7d, () => new Map()], // EMPTY_DICT
  [0x5d, () => []], // EMPTY_LIST
  [0x29, () => []], // EMPTY_TUPLE
  [0x8f, () => []], // EMPTY_SET
  [0x4a, (c) => c.i32()], // BININT
  [0x4b, (c) => c.u8()], // BININT1
  [0x4d, (c) => c.u16()], // BININT2
  [0x8a, (c) => c.long(c.u8())], // LONG1
  [0x47, (c) => c.f64BigEndian()], // BINFLOAT
  [0x58, (c) => c.text(c.u32())], // BINUNICODE
  [0x8c, (c) => c.text(c.u8())], // SHORT_BINUNICODE
  [0x8d, (c) => c.text(c.u64())], // BINUNICODE8
  [0x55, (c) => c.text(c.u8())], // SHORT_BINSTRING
  [0x54, (c) => c.text(c.u32())], // BINSTRING
  [0x42, (c) => c.bytes(c.u32())], // BINBYTES
  [0x43, (c) => c.bytes(c.u8())], // SHORT_BINBYTES
  [0x8e, (c) => c.bytes(c.u64())], // BINBYTES8
  [0x96, (c) => c.bytes(c.u64())], // BYTEARRAY8
]);

/** Operations that work on the stack. */
const OPERATIONS = new Map<number, (machine: PickleMachine) => void>([
  [0x80, (m) => void m.cursor.u8()], // PROTO
  [0x95, (m) => void m.cursor.u64()], // FRAME
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.popToMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  [0x71, (m) => m.memoize(m.cursor.u8())], // BINPUT
  [0x72, (m) => m.memoize(m.cursor.u32())], // LONG_BINPUT
  [0x94, (m) => m.memoize()], // MEMOIZE
  [0x68, (m) => m.recall(m.cursor.u8())], // BINGET
  [0x6a, (m) => m.recall(m.cursor.u32())], // LONG_BINGET
  [0x74, (m) => m.push(m.popToMark())], // TUPLE
  [0x85, (m) => m.push(m.popMany(1))], // TUPLE1
  [0x86, (m) => m.push(m.popMany(2))], // TUPLE2
  [0x87, (m) => m.push(m.popMany(3))], // TUPLE3
  [0x91, (m) => m.push(m.popToMark())], // FROZENSET
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popToMark())], // APPENDS
  [0x90, (m) => m.append(m.popToMark())], // ADDITEMS
  [0x73, (m) => m.setItems(m.popMany(2))], // SETITEM
  [0x75, (m) => m.setItems(m.popToMark())], // SETITEMS
  [0x63, (m) => m.name(m.cursor.line(), m.cursor.line())], // GLOBAL
  [0x93, (m) => m.name(...(m.popMany(2) as [PickleValue, PickleValue]))], // STACK_GLOBAL
  [0x52, (m) => m.construct()], // REDUCE
  [0x81, (m) => m.construct()], // NEWOBJ
  [0x62, (m) => m.build()], // BUILD
  [0x51, (m) => m.persistent()], // BINPERSID
]);
