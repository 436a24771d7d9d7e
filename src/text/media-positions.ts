/** Per token the index of the last medium at or before it, or -1: upstream's media locations, summed up. `isMedium`: whether a token is a medium's. */
export function lastMedia(isMedium: readonly boolean[]): number[] {
  let last = -1;
  return isMedium.map((medium) => {
    if (medium) last++;
    return last;
  });
}

/** What a token sees of the media so far: the last one, the last run of adjacent ones, or all. */
export type Sees = 'last' | 'adjacent' | 'all';

/**
 * Per token the index of the first medium that it sees, or -1; it sees those up to the last one so far. Source of `adjacent`: transformers
 * processing_mllama.py get_cross_attention_token_mask.
 */
export function firstMedia(isMedium: readonly boolean[], sees: Sees = 'last'): number[] {
  let [first, last] = [-1, -1];
  return isMedium.map((medium, t) => {
    if (!medium) return first;
    last++;
    const continues = sees === 'all' || (sees === 'adjacent' && isMedium[t - 1] === true);
    if (first < 0 || !continues) first = last;
    return first;
  });
}
