/** What is read of a tokenizer.json here. */
export interface TokenTable {
  added_tokens?: { id: number; content: string; special: boolean }[];
  decoder?: unknown;
  model?: { vocab?: Record<string, number> | [piece: string, score: number][] };
}

/** The bytes that each ordinary token writes, by id. Special tokens write nothing and are left out. */
export function tokenBytes({ added_tokens = [], decoder, model }: TokenTable): Map<number, Uint8Array> {
  const vocab = model?.vocab ?? {};
  const pieces = Array.isArray(vocab)
    ? vocab.map(([piece], id): [string, number] => [piece, id])
    : Object.entries(vocab);
  const decode = mentions(decoder, 'ByteLevel') ? byteLevel() : sentencePiece(mentions(decoder, 'ByteFallback'));
  const all = new Map(pieces.map(([piece, id]) => [id, decode(piece)]));
  const encoder = new TextEncoder();
  for (const { id, content, special } of added_tokens) {
    if (special) all.delete(id);
    else all.set(id, encoder.encode(content));
  }
  return all;
}

/** Whether decoding drops one space at the beginning of a text, as SentencePiece tokenizers do. */
export function dropsFirstSpace({ decoder }: TokenTable): boolean {
  return mentions(decoder, 'Strip') || mentions(decoder, 'Metaspace');
}

/** Whether a step of this type is among those of a decoder. */
function mentions(decoder: unknown, type: string): boolean {
  if (typeof decoder !== 'object' || decoder === null) return false;
  const { type: own, decoders = [] } = decoder as { type?: string; decoders?: unknown[] };
  return own === type || decoders.some((each) => mentions(each, type));
}

/** GPT-2 writes each byte as a printable character: those that are printable as themselves, the others from U+0100 on (openai/gpt-2 encoder.py bytes_to_unicode). */
function byteLevel(): (piece: string) => Uint8Array {
  const byteOf = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    byteOf.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
  }
  return (piece) => Uint8Array.from([...piece].map((char) => byteOf.get(char) ?? 0x20));
}

/** Spaces are written U+2581; bytes that no piece has as <0xHH>. */
function sentencePiece(hasBytes: boolean): (piece: string) => Uint8Array {
  const encoder = new TextEncoder();
  return (piece) => {
    const byte = hasBytes ? /^<0x([0-9A-F]{2})>$/.exec(piece) : null;
    return byte ? Uint8Array.of(Number.parseInt(byte[1], 16)) : encoder.encode(piece.replaceAll('\u2581', ' '));
  };
}
