import { FlamingoError } from '../core/errors';
import { type ByteCursor, byteCursor } from './byte-cursor';

/** Data of a pickle. Nothing in it can act: a global is a name, and calling one gives plain data or an error. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleStorage
  | PickleTensor;

/** `module.name`, uncalled. */
export interface PickleGlobal {
  readonly kind: 'global';
  readonly name: string;
}

/** A torch storage: one entry of the archive's data folder. */
export interface PickleStorage {
  readonly kind: 'storage';
  readonly type: string;
  readonly key: string;
  readonly elements: number;
}

/** A view of a storage; offsets and strides in elements. */
export interface PickleTensor {
  readonly kind: 'tensor';
  readonly storage: PickleStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What a pickle may construct, and the plain data that stands for it. Anything else is refused by name. */
const CONSTRUCTORS: Record<string, (args: PickleValue[]) => PickleValue> = {
  'collections.OrderedDict': () => new Map(),
  'collections.defaultdict': () => new Map(),
  'builtins.dict': () => new Map(),
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': ([tensor]) => tensor,
  'torch.Size': ([sizes]) => sizes,
  'torch.device': ([name]) => name,
  'builtins.set': ([items]) => items ?? [],
  'argparse.Namespace': () => new Map(),
};

/** Largest number of opcodes; published checkpoints have some hundred thousand. */
const MAX_OPERATIONS = 20_000_000;

const MARK = Symbol('mark');
type Stack = (PickleValue | typeof MARK)[];

/** Reads a pickle (protocols 2 to 5 as torch writes them). Throws `bad-file` for anything that is not plain data or a tensor. */
export function readPickle(file: string, bytes: Uint8Array): PickleValue {
  const machine = new PickleMachine(file, byteCursor(file, bytes));
  return machine.run();
}

class PickleMachine {
  private readonly stack: Stack = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly file: string,
    private readonly cursor: ByteCursor,
  ) {}

  run(): PickleValue {
    for (let count = 0; count < MAX_OPERATIONS; count++) {
      const opcode = this.cursor.u8();
      if (opcode === 0x2e) return this.pop(); // STOP
      this.step(opcode);
    }
    throw this.damaged(`it has more than ${MAX_OPERATIONS} operations`);
  }

  private step(opcode: number): void {
    const simple = SIMPLE[opcode];
    if (simple) this.stack.push(simple(this.cursor));
    else if (opcode in STRUCTURE) STRUCTURE[opcode](this);
    else throw this.damaged(`it uses the operation 0x${opcode.toString(16)}, which checkpoints do not need`);
  }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.damaged('its stack runs empty');
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
    const values = this.stack.splice(at).slice(1);
    return values as PickleValue[];
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
    this.stack.push(value);
  }

  get bytes(): ByteCursor {
    return this.cursor;
  }

  append(values: PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.damaged('it appends to something that is not a list');
    list.push(...values);
  }

  setItems(items: PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map)) throw this.damaged('it sets an item of something that is not a dictionary');
    for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  /** REDUCE and NEWOBJ: the only place where a name becomes data. */
  construct(): void {
    const args = this.pop();
    const target = this.pop();
    const name = isKind(target, 'global') ? target.name : String(target);
    const make = CONSTRUCTORS[name];
    if (!make || !Array.isArray(args)) throw this.refused(name);
    this.push(make(args));
  }

  /** BUILD: attributes of a dictionary-like object; other state is dropped, it never makes a tensor. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Map && state instanceof Map) for (const [key, value] of state) target.set(key, value);
  }

  persistent(): void {
    const id = this.pop();
    const [tag, type, key, , elements] = Array.isArray(id) ? id : [];
    if (tag !== 'storage' || !isKind(type, 'global') || typeof key !== 'string' || typeof elements !== 'number') {
      throw this.damaged('it refers to something outside that is not a torch storage');
    }
    this.push({ kind: 'storage', type: type.name, key, elements });
  }

  private refused(name: string): FlamingoError {
    return new FlamingoError(
      'bad-file',
      `${this.file} wants to call ${name}, which a checkpoint has no need of. Nothing was run.`,
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

/** Operations that push one value. */
const SIMPLE: Record<number, (cursor: ByteCursor) => PickleValue> = {
  78: () => null, // NONE
  136: () => true, // NEWTRUE
  137: () => false, // NEWFALSE
  125: () => new Map(), // EMPTY_DICT
  93: () => [], // EMPTY_LIST
  41: () => [], // EMPTY_TUPLE
  143: () => [], // EMPTY_SET
  74: (c) => c.i32(), // BININT
  75: (c) => c.u8(), // BININT1
  77: (c) => c.u16(), // BININT2
  138: (c) => c.long(c.u8()), // LONG1
  71: (c) => c.f64BigEndian(), // BINFLOAT
  88: (c) => c.text(c.u32()), // BINUNICODE
  140: (c) => c.text(c.u8()), // SHORT_BINUNICODE
  85: (c) => c.text(c.u8()), // SHORT_BINSTRING
  84: (c) => c.text(c.u32()), // BINSTRING
  66: (c) => c.bytes(c.u32()), // BINBYTES
  67: (c) => c.bytes(c.u8()), // SHORT_BINBYTES
  99: (c) => ({ kind: 'global', name: `${c.line()}.${c.line()}` }), // GLOBAL
};

/** Operations that work on the stack. */
const STRUCTURE: Record<number, (machine: PickleMachine) => void> = {
  128: (m) => void m.bytes.u8(), // PROTO
  149: (m) => void m.bytes.bytes(8), // FRAME
  40: (m) => m.mark(), // MARK
  48: (m) => void m.pop(), // POP
  113: (m) => m.memoize(m.bytes.u8()), // BINPUT
  114: (m) => m.memoize(m.bytes.u32()), // LONG_BINPUT
  148: (m) => m.memoize(), // MEMOIZE
  104: (m) => m.recall(m.bytes.u8()), // BINGET
  106: (m) => m.recall(m.bytes.u32()), // LONG_BINGET
  116: (m) => m.push(m.popToMark()), // TUPLE
  133: (m) => m.push(m.popMany(1)), // TUPLE1
  134: (m) => m.push(m.popMany(2)), // TUPLE2
  135: (m) => m.push(m.popMany(3)), // TUPLE3
  97: (m) => m.append([m.pop()]), // APPEND
  101: (m) => m.append(m.popToMark()), // APPENDS
  144: (m) => m.append(m.popToMark()), // ADDITEMS
  115: (m) => m.setItems(m.popMany(2)), // SETITEM
  117: (m) => m.setItems(m.popToMark()), // SETITEMS
  82: (m) => m.construct(), // REDUCE
  129: (m) => m.construct(), // NEWOBJ
  98: (m) => m.build(), // BUILD
  81: (m) => m.persistent(), // BINPERSID
  147: (m) => {
    const [module, name] = m.popMany(2);
    m.push({ kind: 'global', name: `${module}.${name}` }); // STACK_GLOBAL
  },
};

/** True for values that stand for a torch object of the given kind. */
export function isKind<K extends 'global' | 'storage' | 'tensor'>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

function rebuildTensor([storage, offset, shape, strides]: PickleValue[]): PickleValue {
  const numbers = (value: PickleValue): value is number[] =>
    Array.isArray(value) && value.every((n) => typeof n === 'number');
  if (isKind(storage, 'storage') && typeof offset === 'number' && numbers(shape) && numbers(strides)) {
    return { kind: 'tensor', storage, offset, shape, strides };
  }
  throw new FlamingoError(
    'bad-file',
    'A tensor of the checkpoint is described by something other than storage, offset, shape and strides.',
    {
      hint: 'Save the checkpoint again with torch.save, or as safetensors.',
    },
  );
}
