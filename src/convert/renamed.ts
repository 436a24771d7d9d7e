import { FlamingoError } from '../core/errors';
import { type TensorSource, tensorOf } from '../format/tensor-source';

/** The name of a tensor in a view; undefined when the view has no such tensor. */
export type Rename = (name: string) => string | undefined;

/** Takes a prefix off; names without it are not in the view. */
export function after(prefix: string): Rename {
  return (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined);
}

/** Views a source, or a part of it, through other names. Throws `bad-file` when two tensors would get the same name. */
export function renamed(source: TensorSource, rename: Rename): TensorSource {
  const originals = new Map<string, string>();
  for (const name of source.tensors.keys()) {
    const other = rename(name);
    if (other === undefined) continue;
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
  const original = (name: string) => originals.get(tensorOf(view, name).name) ?? name;
  const view: TensorSource = {
    label: source.label,
    tensors,
    isScript: source.isScript,
    read: (name) => source.read(original(name)),
    readRows: (name, start, end) => source.readRows(original(name), start, end),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
  return view;
}

/**
 * One checkpoint as several sources, each under the names that its reader knows. A tensor may be in more than one. The whole stays the owner: views close nothing.
 * Throws `bad-file` naming tensors that no part takes.
 */
export function splitSource<K extends string>(source: TensorSource, parts: Record<K, Rename>): Record<K, TensorSource> {
  const renames = Object.values<Rename>(parts);
  const left = [...source.tensors.keys()].filter((name) => renames.every((rename) => rename(name) === undefined));
  if (left.length > 0) throw unknownTensors(source, left);
  const views = Object.entries<Rename>(parts).map(([part, rename]) => [
    part,
    { ...renamed(source, rename), async [Symbol.asyncDispose]() {} },
  ]);
  return Object.fromEntries(views);
}

export function unknownTensors({ label }: TensorSource, names: string[]): FlamingoError {
  return new FlamingoError(
    'bad-file',
    `${label} has ${names.length} tensors that this converter does not know, first ${names.slice(0, 3).join(', ')}.`,
    {
      hint: 'Leaving them out would give another model. If the checkpoint is a known one, please report it.',
      details: { names },
    },
  );
}

/** Takes training wrappers off: `model_state_dict/`, `state_dict/`, `module.` in front of a tensor's own name. */
export function unwrapped(source: TensorSource): TensorSource {
  return renamed(source, (name) => name.replace(/^(?:(?:(?:model_)?state_dict|model|module)\/)*(?:module\.)*/, ''));
}
