import { uniformFromCounter } from '../../core/random-counter';

/** Reference for sample/draw: one of `ids` by softmax(values / temperature) within the smallest leading set of mass topP, in f64. */
export function draw(
  values: readonly number[],
  ids: readonly number[],
  {
    seed,
    step,
    temperature,
    topP,
    minP = 0,
  }: { seed: number; step: number; temperature: number; topP: number; minP?: number },
): number {
  const weights = values.map((value) => Math.exp((value - values[0]) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && (kept === 0 || (mass < topP * total && weights[kept] >= minP)))
    mass += weights[kept++];
  let rest = uniformFromCounter(seed, step) * mass;
  for (let i = 0; i < kept; i++) {
    rest -= weights[i];
    if (rest < 0) return ids[i];
  }
  return ids[kept - 1];
}
