/** Deterministic numbers for tests: same seed, same values, on every machine (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `length` f32 values, uniform in [low, high). */
export function uniform(length: number, low = -1, high = 1, seed = 1): Float32Array {
  const next = randomSource(seed * 7919 + length);
  return Float32Array.from({ length }, () => low + (high - low) * next());
}
