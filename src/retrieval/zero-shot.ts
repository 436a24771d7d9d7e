/** Vectors of a picture and of texts in CLIP's common space; see LoadedModel.embedImage and embedText. */

/** A text (or picture) and how well it fits. */
export interface Match {
  /** Place in the list that was given. */
  index: number;
  /** Cosine, -1..1. */
  similarity: number;
  /** Softmax of scale * cosine over the list. */
  probability: number;
}

/** OpenAI's own caps the learned scale at 100. Source: Radford et al. 2021, §2.5. */
export const DEFAULT_LOGIT_SCALE = 100;

/**
 * Candidates by how well they fit a vector, the best first: zero-shot classification when they are texts of classes, retrieval when they are captions or pictures.
 * Source: Radford et al. 2021, figure 3.
 */
export function rankBySimilarity(
  query: ArrayLike<number>,
  candidates: readonly ArrayLike<number>[],
  scale = DEFAULT_LOGIT_SCALE,
): Match[] {
  const similarities = candidates.map((candidate) => cosine(query, candidate));
  const largest = Math.max(...similarities);
  const powers = similarities.map((similarity) => Math.exp(scale * (similarity - largest)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return similarities
    .map((similarity, index) => ({ index, similarity, probability: powers[index] / total }))
    .sort((a, b) => b.similarity - a.similarity || a.index - b.index);
}

/** One vector for a class that several prompts describe: the mean of their unit vectors, of length 1. Source: Radford et al. 2021, §3.1.4. */
export function ensembleVector(vectors: readonly ArrayLike<number>[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    const norm = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < sum.length; i++) sum[i] += vector[i] / norm;
  }
  const norm = Math.sqrt(dot(sum, sum));
  return sum.map((value) => value / norm);
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
