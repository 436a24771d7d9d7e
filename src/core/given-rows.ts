import { FlamingoError } from './errors';

/** Vectors in the place of token embeddings as rows [rows, width]; zeros where a row is a token. Throws `shape-mismatch` for a vector of another width. */
export function givenRows(
  vectors: readonly (Float32Array | undefined)[],
  rows: number,
  width: number,
): Float32Array<ArrayBuffer> {
  const given = new Float32Array(rows * width);
  vectors.forEach((vector, r) => {
    if (vector && vector.length !== width) throw otherWidth(vector.length, width);
    if (vector) given.set(vector, r * width);
  });
  return given;
}

function otherWidth(got: number, width: number): FlamingoError {
  return new FlamingoError('shape-mismatch', `A vector has ${got} numbers; this language model has ${width}.`, {
    hint: 'Take a mapper that was made for this language model.',
    details: { got, width },
  });
}
