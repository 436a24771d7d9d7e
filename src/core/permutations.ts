import { uniformFromCounter } from './random-counter';

/** An order of 0..n-1 that a seed gives: Fisher-Yates, the same on every machine. */
export function permutation(n: number, seed: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const other = Math.floor(uniformFromCounter(seed, i) * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** A seed for item `index`, so that an item's examples do not depend on which items came before: runs can go on where they stopped. */
export function seedFor(seed: number, index: number): number {
  return Math.floor(uniformFromCounter(seed, index) * 2 ** 24);
}

/** min(limit, n!) different orders of 0..n-1, the natural one first, the others drawn by the seed. */
export function permutations(n: number, limit: number, seed: number): number[][] {
  let all = 1;
  for (let i = 2; i <= n && all < limit; i++) all *= i;
  const orders = new Map<string, number[]>();
  const given = Array.from({ length: n }, (_, i) => i);
  orders.set(given.join(), given);
  for (let step = 0; orders.size < Math.min(limit, all); step++) {
    const order = permutation(n, seedFor(seed, step));
    orders.set(order.join(), order);
  }
  return [...orders.values()];
}
