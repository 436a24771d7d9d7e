/** 2^(-maxBias * k / n) for n the next power of two; odd ones first where the heads are fewer. llm-foundry gen_slopes. */
export function alibiSlopes(heads: number, maxBias: number): number[] {
  const n = 2 ** Math.ceil(Math.log2(heads));
  const all = Array.from({ length: n }, (_, k) => 2 ** ((-maxBias * (k + 1)) / n));
  if (n === heads) return all;
  return [...all.filter((_, k) => k % 2 === 1), ...all.filter((_, k) => k % 2 === 0)].slice(0, heads);
}
