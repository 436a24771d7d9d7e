import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from './checkpoints/files';
import type { TestHub } from './hub';

/** Writes and offers `some/weights`: one large file with its config, `whole`, a folder in two shards beside what no converter needs, and `sharded`, which lacks the second. */
export async function offerWeights(hub: TestHub, folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  await mkdir(at('sharded'), { recursive: true });
  await writeFile(at('model.safetensors'), Buffer.alloc(400_000, 'some weights, '));
  await writeJson(at('config.json'), { model_type: 'llama' });
  await writeJson(at('sharded/model.safetensors.index.json'), {
    weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' },
  });
  await writeFile(at('sharded/model-1.safetensors'), 'a');
  await cp(at('sharded'), at('whole'), { recursive: true });
  await writeFile(at('whole/model-2.safetensors'), 'b');
  for (const name of ['config.json', 'tokenizer.json']) await writeJson(at(`whole/${name}`), {});
  for (const name of ['pytorch_model.bin', 'picture.png']) await writeFile(at(`whole/${name}`), 'not needed');
  hub.offer('some/weights', folder);
}
