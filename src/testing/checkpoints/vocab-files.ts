import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from './files';

const ROLES = { bos_token: '</s>', eos_token: { content: '</s>' }, unk_token: '</s>', pad_token: '<pad>' };

/** What a tokenizer.json of OPT's kind says, as OPT's repositories have it; tokens that were added only where `added` says so. */
export async function writeVocabFiles(folder: string, tokenizer: string, added: boolean): Promise<void> {
  const { model, added_tokens } = JSON.parse(tokenizer);
  const merges: (string | [string, string])[] = model.merges;
  const lines = merges.map((pair) => (typeof pair === 'string' ? pair : pair.join(' ')));
  await mkdir(folder);
  await writeJson(join(folder, 'vocab.json'), model.vocab);
  await writeFile(join(folder, 'merges.txt'), `#version: 0.2\n${lines.join('\n')}\n`);
  await writeJson(join(folder, 'tokenizer_config.json'), { add_bos_token: true, add_prefix_space: false, ...ROLES });
  const others = (added_tokens as { content: string; id: number }[]).filter(({ content }) => !(content in model.vocab));
  const entries = others.map(({ content, id }) => [content, id]);
  if (added) await writeJson(join(folder, 'added_tokens.json'), Object.fromEntries(entries));
}
