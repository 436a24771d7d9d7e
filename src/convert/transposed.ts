import { rowLength, type TensorSource, tensorOf } from '../format/tensor-source';

/**
 * Views the matrices whose names match as [out, in], where a checkpoint holds them as [in, out] (transformers' Conv1D). Rows of the view are columns of the file, so
 * such a matrix is read whole; the last one is kept.
 */
export function transposed(source: TensorSource, pattern: RegExp): TensorSource {
  const turned = (name: string) => pattern.test(name) && tensorOf(source, name).shape.length === 2;
  const tensors = new Map(
    [...source.tensors].map(([name, info]) => [
      name,
      turned(name) ? { ...info, shape: [info.shape[1], info.shape[0]] } : info,
    ]),
  );
  const view = { ...source, tensors };
  let last: { name: string; values: Promise<Float32Array<ArrayBuffer>> } | undefined;
  const read = (name: string) => {
    if (!turned(name)) return source.read(name);
    if (last?.name !== name)
      last = { name, values: source.read(name).then((values) => turn(values, tensorOf(view, name).shape)) };
    return last.values;
  };
  return {
    label: source.label,
    tensors,
    read,
    async readRows(name, start, end) {
      if (!turned(name)) return await source.readRows(name, start, end);
      const columns = rowLength(tensorOf(view, name), start, end);
      return (await read(name)).slice(start * columns, end * columns);
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** Values [columns, rows] as [rows, columns]. */
function turn(values: Float32Array, [rows, columns]: readonly number[]): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) result[r * columns + c] = values[c * rows + r];
  return result;
}
