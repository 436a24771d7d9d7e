/** Which of two goes first in each round: A B B A, so that a machine that slows down slows both alike. */
export function abba(round: number): [0, 1] | [1, 0] {
  return round % 4 === 0 || round % 4 === 3 ? [0, 1] : [1, 0];
}

/** Middle value; the mean of the two middle ones where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** 32 bits of FNV-1a over token ids, as hexadecimal digits. */
export function checksum(tokens: readonly number[]): string {
  let hash = 0x811c9dc5;
  for (const token of tokens) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((token >>> shift) & 255), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
