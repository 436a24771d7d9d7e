/** Deterministic numbers for tests and benchmarks: same seed, same values, on every machine (mulberry32). */
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
export function uniform(length: number, low = -1, high = 1, seed = 1): Float32Array<ArrayBuffer> {
  const next = randomSource(seed * 7919 + length);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = low + (high - low) * next();
  return values;
}
