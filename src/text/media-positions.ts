/** Per token the index of the last image token at or before it, or -1: upstream's media locations, summed up. */
export function mediaPositions(ids: readonly number[], imageTokenId: number): number[] {
  let seen = -1;
  return ids.map((id) => {
    if (id === imageTokenId) seen++;
    return seen;
  });
}
