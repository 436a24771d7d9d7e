import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKPOINTS } from './cases';
import { clipCheckpoint } from './clip';
import { addClipText, type ClipTextSpec } from './clip-text';
import { writeJson } from './files';
import { writeClip, writeFlamingo } from './flamingo';

/** CLIP's own tokenizer, cut to the words of the tests. */
export const CLIP_TOKENIZER = new URL('../../text/fixtures/clip-tokenizer.json', import.meta.url).pathname;
const { vocab } = JSON.parse(await readFile(CLIP_TOKENIZER, 'utf8')).model as { vocab: Record<string, number> };
export const [START_ID, END_ID] = [vocab['<|startoftext|>'], vocab['<|endoftext|>']];

/** A small text tower. */
export const TEXT_TOWER: ClipTextSpec = {
  ...{ vocab: END_ID + 1, contextLength: 12, width: 24, heads: 3, layers: 2, inner: 40, embedding: 10 },
};

/** A Flamingo whose CLIP has both towers, as open_clip or Hugging Face publish it. */
export async function writeTwoTowers(
  folder: string,
  name: string,
  text: ClipTextSpec,
  change: (config: Record<string, unknown>) => void = () => undefined,
) {
  const spec = Object.entries(CHECKPOINTS).find(([title]) => title.startsWith(name))?.[1];
  if (!spec) throw new Error(`no checkpoint ${name}`);
  await writeFlamingo(folder, spec);
  const clip = clipCheckpoint(spec.clip, spec.seed);
  const { reference } = addClipText(clip, spec.clip, text, spec.seed + 7);
  change(clip.config);
  await writeClip(folder, spec, clip.tensors);
  await writeJson(
    join(folder, 'clip', spec.clip.layout === 'open_clip' ? 'open_clip_config.json' : 'config.json'),
    clip.config,
  );
  await copyFile(CLIP_TOKENIZER, join(folder, 'clip', 'tokenizer.json'));
  const values = (tensor: string) => clip.canonical.get(tensor)!;
  return { spec, reference, vision: clip.reference, values, scale: clip.tensors.get('logit_scale')!.values[0] };
}
