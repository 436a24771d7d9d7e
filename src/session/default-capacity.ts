/** Tokens that a session takes room for where nobody asked: some models were trained for 131,072, whose keys and values would be tens of GB. */
const USUAL = 4096;

/** Room for `begun` tokens and a usual conversation, within what the model was trained for. */
export function defaultCapacity(contextLength: number, begun = 0): number {
  return Math.min(contextLength, begun + USUAL);
}
