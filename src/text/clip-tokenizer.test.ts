import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TextTokenizer } from './tokenizer';

const file = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
const tokenizer = new TextTokenizer(file('clip-tokenizer.json'));

test.each(JSON.parse(file('clip-tokens.json')) as [string, number[]][])('CLIP’s tokens of %j', (text, ids) => {
  const plain = !text.includes('<|');
  const words = tokenizer.encodeText(text);
  if (plain) expect(words).toEqual(ids.slice(1, -1));
  else expect(words).not.toContain(ids.at(-1)); // what a user writes is never a special token
});
