import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFile } from '../format/file-node';
import { openSafetensors } from '../format/safetensors';
import { TextTokenizer } from './tokenizer';

const goldens = fileURLToPath(new URL('../../e2e/goldens/', import.meta.url));
// mllama's processor writes a begin token into the prompt by itself, so its ids are not the tokenizer's alone.
const folders = readdirSync(goldens).filter(
  (name) => name !== 'mllama' && existsSync(`${goldens}${name}/tokenizer.json`),
);
const json = (path: string) => JSON.parse(readFileSync(goldens + path, 'utf8'));
/** By folder and request. */
const routing: Record<string, Record<string, { media_positions: number[] }>> = json('routing.json');

function load(folder: string): TextTokenizer {
  return new TextTokenizer(readFileSync(`${goldens}${folder}/tokenizer.json`, 'utf8'));
}

describe.each(folders)('tokenizer of %s', (folder) => {
  const tokenizer = load(folder);

  it('gives upstream’s ids for every prompt and candidate', async () => {
    const expected = await openSafetensors(await openFile(`${goldens}${folder}/expected.safetensors`));
    for (const { id, prompt } of json(`${folder}/requests.json`).requests) {
      if (!expected.tensors.has(`${id}/input_ids`)) continue;
      expect(tokenizer.encodePrompt(prompt), id).toEqual(Array.from(await expected.read(`${id}/input_ids`)));
    }
    for (const { candidates } of Object.values<{ candidates?: { text: string; ids: number[] }[] }>(
      json(`${folder}/expected.json`),
    )) {
      for (const { text, ids } of candidates ?? []) expect(tokenizer.encodeText(text), text).toEqual(ids);
    }
  });

  it('streams the same text as it decodes, and never half a character', () => {
    for (const text of ['Two cats, isn’t it?', 'café 😀 naïve – 漢字', 'a\nb  c', 'x']) {
      const ids = tokenizer.encodeText(text);
      const stream = tokenizer.detokenizer();
      const pieces = ids.map((id) => stream.push(id));
      pieces.push(stream.flush());
      expect(pieces.join('')).toBe(tokenizer.decode(ids));
      expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(tokenizer.decode(ids).includes('\ufffd'));
    }
  });
});

it.each(Object.entries(routing))(
  'image tokens of %s stand where upstream’s media locations are',
  (folder, requests) => {
    const tokenizer = load(folder);
    const imageToken = json(`${folder}/flamingo.json`).image_token_id;
    for (const { id, prompt } of json(`${folder}/requests.json`).requests) {
      const ids = tokenizer.encodePrompt(prompt);
      const places = [...ids.keys()].filter((at) => ids[at] === imageToken);
      expect(places, id).toEqual(requests[id].media_positions);
    }
  },
);

describe('tokenizer', () => {
  it('keeps text that spells a special token as text', () => {
    const tokenizer = load('of-neox');
    const image = json('of-neox/flamingo.json').image_token_id;
    expect(tokenizer.encodePrompt('<image>a')).toContain(image);
    expect(tokenizer.encodeText('<image>a<|endofchunk|>')).not.toContain(image);
    expect(tokenizer.decode(tokenizer.encodeText('<image>a<|endofchunk|>'))).toBe('<image>a<|endofchunk|>');
  });

  it('knows what begins a context', () => {
    expect(load('of-neox').beginIds).toEqual([]);
    expect(load('of-opt').beginIds).toEqual([2]);
    expect(load('of-llama').beginIds).toEqual([1]);
  });

  it('refuses what is no tokenizer', () => {
    expect(() => new TextTokenizer('hello')).toThrow(expect.objectContaining({ code: 'bad-file' }));
  });
});
