import { isKind, isNumbers, type PickleValue } from './pickle-values';

/** Makes plain data of the arguments; undefined when they are not what the real thing takes. */
type Constructor = (args: readonly PickleValue[]) => PickleValue | undefined;

const emptyDictionary: Constructor = () => new Map();
const firstArgument: Constructor = ([value]) => value;
const allArguments: Constructor = (args) => [...args];
const list: Constructor = ([items = []]) => (Array.isArray(items) ? [...items] : undefined);

/**
 * Everything that a checkpoint may construct, and the plain data that stands for it. Protocol 2 writes Python 2's names (`__builtin__`). Numpy's scalars and
 * arrays turn up beside the weights in training checkpoints (losses, random states); they stay what they were made from.
 */
const CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map([
  ['collections.OrderedDict', emptyDictionary],
  ['collections.defaultdict', emptyDictionary],
  ['collections.Counter', emptyDictionary],
  ['argparse.Namespace', emptyDictionary],
  ['types.SimpleNamespace', emptyDictionary],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', firstArgument],
  ['torch._utils._rebuild_parameter_with_state', firstArgument],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  ['torch.nn.parameter.Parameter', firstArgument],
  ['torch.Tensor', firstArgument],
  ['torch.Size', firstArgument],
  ['torch.device', firstArgument],
  ['_codecs.encode', encode],
  ['torch.jit._pickle.restore_type_tag', firstArgument],
  ...['int', 'double', 'bool', 'tensor'].map((type): [string, Constructor] => [
    `torch.jit._pickle.build_${type}list`,
    firstArgument,
  ]),
  ...['builtins', '__builtin__'].flatMap((module): [string, Constructor][] => [
    [`${module}.dict`, emptyDictionary],
    [`${module}.set`, list],
    [`${module}.frozenset`, list],
    [`${module}.list`, list],
    [`${module}.bytearray`, firstArgument],
  ]),
  ['numpy.dtype', allArguments],
  ['numpy.ndarray', allArguments],
  ...['core', '_core'].flatMap((module): [string, Constructor][] => [
    [`numpy.${module}.multiarray.scalar`, allArguments],
    [`numpy.${module}.multiarray._reconstruct`, allArguments],
  ]),
]);

/** Names that may stand in a pickle but not be called: storage types, element types, memory layouts, and the plain types of Python. */
const NAMES = [
  /^torch\.(?:storage\.)?[A-Z]\w*Storage$/,
  /^torch\.(?:u?int\d+|float\d+\w*|bfloat16|complex\d+|float|double|half|long|int|short|bool|strided|sparse_\w+|\w+_format)$/,
  /^(?:builtins|__builtin__)\.(?:int|float|bool|str|bytes|complex|tuple)$/,
];

/** A class of a TorchScript archive: its instances are their attributes, its code stays in the archive. */
const SCRIPTED = /^__torch__(?:\.\w+)+$/;

/** True for a name that a checkpoint may hold. Everything else is refused as soon as it is named: `os.system` is not data. */
export function isAllowed(name: string): boolean {
  return CONSTRUCTORS.has(name) || SCRIPTED.test(name) || NAMES.some((pattern) => pattern.test(name));
}

/** The plain data that stands for `name(...args)`; undefined when the name may not be called or not with these arguments. */
export function construct(name: string, args: readonly PickleValue[]): PickleValue | undefined {
  return (CONSTRUCTORS.get(name) ?? (SCRIPTED.test(name) ? emptyDictionary : undefined))?.(args);
}

/** (storage, offset, shape, strides, …) */
function rebuildTensor([storage, offset, shape, strides]: readonly PickleValue[]): PickleValue | undefined {
  if (!isKind(storage, 'storage') || typeof offset !== 'number' || !isNumbers(shape) || !isNumbers(strides)) return;
  return { kind: 'tensor', storage, offset, shape, strides };
}

/** (function, type, arguments, state): a tensor with Python attributes. */
function rebuildFromType([rebuild, , args]: readonly PickleValue[]): PickleValue | undefined {
  const direct = isKind(rebuild, 'global') && rebuild.name !== 'torch._tensor._rebuild_from_type_v2';
  return direct && Array.isArray(args) ? construct(rebuild.name, args) : undefined;
}

/** Bytes in protocol 2: `_codecs.encode(text, 'latin1')`. */
function encode([text]: readonly PickleValue[]): PickleValue | undefined {
  return typeof text === 'string' ? Uint8Array.from(text, (letter) => letter.charCodeAt(0)) : undefined;
}
