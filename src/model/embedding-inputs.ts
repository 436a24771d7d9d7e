import { givenRows } from '../core/given-rows';
import { embeddingWidth, type FlamingoConfig } from '../format/config';
import { NO_TOKEN } from '../kernels/embed/gather';

/** Ids of a step's rows, and the vectors [E] of those that are no tokens, as embed/gather reads them. Throws `shape-mismatch` for a vector of another width. */
export function embeddingInputs(
  config: FlamingoConfig,
  ids: readonly number[],
  vectors: readonly (Float32Array | undefined)[],
): { ids: readonly number[]; given?: Int32Array } {
  if (!vectors.some(Boolean)) return { ids };
  const given = givenRows(vectors, ids.length, embeddingWidth(config));
  return { ids: ids.map((id, r) => (vectors[r] ? NO_TOKEN : id)), given: new Int32Array(given.buffer) };
}
