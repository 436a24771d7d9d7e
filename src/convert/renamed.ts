import { FlamingoError } from '../core/errors';
import type { TensorSource } from '../format/tensor-source';

/** Views a source through other names. Throws `bad-file` when two tensors would get the same name. */
export function renamed(source: TensorSource, rename: (name: string) => string): TensorSource {
  const originals = new Map<string, string>();
  for (const name of source.tensors.keys()) {
    const other = rename(name);
    const twin = originals.get(other);
    if (twin !== undefined) {
      throw new FlamingoError('bad-file', `${source.label} holds ${other} twice: as ${twin} and as ${name}.`, {
        hint: 'Save the checkpoint again, without the copy.',
        details: { names: [twin, name] },
      });
    }
    originals.set(other, name);
  }
  const tensors = new Map([...originals].map(([name, original]) => [name, { ...source.tensors.get(original)!, name }]));
  return {
    label: source.label,
    tensors,
    read: (name) => source.read(originals.get(name) ?? name),
    readRows: (name, start, end) => source.readRows(originals.get(name) ?? name, start, end),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** Takes training wrappers off: `model_state_dict/`, `state_dict/`, `module.` in front of a tensor's own name. */
export function unwrapped(source: TensorSource): TensorSource {
  return renamed(source, (name) => name.replace(/^(?:(?:(?:model_)?state_dict|model|module)\/)*(?:module\.)*/, ''));
}
