import { uniformFromCounter } from '../core/random-counter';

export interface Interval {
  low: number;
  high: number;
}

/** 95 % of a normal distribution lies within this many standard deviations. */
const Z = 1.959963984540054;

/** 95 % interval of a share of yes-or-no outcomes. Source: Wilson 1927. */
export function wilsonInterval(successes: number, n: number): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const p = successes / n;
  const scale = 1 + Z ** 2 / n;
  const middle = (p + Z ** 2 / (2 * n)) / scale;
  const half = (Z / scale) * Math.sqrt((p * (1 - p)) / n + Z ** 2 / (4 * n ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/**
 * 95 % percentile interval of any statistic of a sample, by drawing items with replacement `rounds` times. Draws on which the statistic is undefined (it throws) are
 * left out. Source: Efron 1979. The same seed gives the same interval.
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (sample: readonly T[]) => number,
  { rounds = 1000, seed = 0 }: { rounds?: number; seed?: number } = {},
): Interval {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const sample = items.map((_, i) => {
      const draw = uniformFromCounter(seed, round * items.length + i);
      return items[Math.floor(draw * items.length)];
    });
    const value = attempt(() => statistic(sample));
    if (value !== undefined) values.push(value);
  }
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975) };
}

function attempt(work: () => number): number | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Mean of some numbers; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
