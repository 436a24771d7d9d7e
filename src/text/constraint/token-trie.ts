/** The bytes of every token of a vocabulary as a tree: what begins alike is looked at once. */
export interface TrieNode {
  readonly children: Map<number, TrieNode>;
  /** Tokens whose bytes end here. */
  readonly ids: number[];
}

/** Of tokens with at least one byte. */
export function tokenTrie(tokens: Iterable<readonly [id: number, bytes: Uint8Array]>): TrieNode {
  const root: TrieNode = { children: new Map(), ids: [] };
  for (const [id, bytes] of tokens) {
    if (bytes.length === 0) continue;
    let node = root;
    for (const byte of bytes) {
      let child = node.children.get(byte);
      if (!child) {
        child = { children: new Map(), ids: [] };
        node.children.set(byte, child);
      }
      node = child;
    }
    node.ids.push(id);
  }
  return root;
}
