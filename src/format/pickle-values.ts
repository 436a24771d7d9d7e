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

/** True for values that stand for a torch object of the given kind. */
export function isKind<K extends 'global' | 'storage' | 'tensor'>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** True for a list or tuple of numbers. */
export function isNumbers(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
