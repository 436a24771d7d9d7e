import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeWeights } from '../testing/checkpoints/files';
import {
  type FlamingoCheckpoint,
  type FlamingoSpec,
  writeClip,
  writeDelta,
  writeFlamingo,
} from '../testing/checkpoints/flamingo';
import type { CheckpointTensor, Tensors } from '../testing/checkpoints/tensors';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';

/** Tensors that no graph needs, and tables that another file has too. */
const NOT_NEEDED =
  /rotary_emb|^visual\.proj|^visual_projection|^logit_scale$|^(gpt_neox\.embed_in|transformer\.wte|(model\.)?(decoder\.)?embed_tokens)\.weight$/;

interface Part {
  tensors(source: FlamingoCheckpoint): Tensors;
  write(folder: string, spec: FlamingoSpec, tensors: Tensors): Promise<void>;
  file: string;
}

const PARTS: Record<string, Part> = {
  'vision tower': { tensors: ({ clip }) => clip, write: writeClip, file: 'clip' },
  'language model': {
    tensors: ({ language }) => language.tensors,
    write: (folder, spec, tensors) => writeWeights(join(folder, 'lm'), tensors, spec.languageKind),
    file: 'lm',
  },
  'Flamingo checkpoint': { tensors: ({ delta }) => delta, write: writeDelta, file: 'checkpoint' },
};

/** What a conversion of changed tensors says: nothing when it goes through. */
async function complaint(folder: string, spec: FlamingoSpec, part: Part, tensors: Tensors) {
  await part.write(folder, spec, tensors);
  try {
    await convert({ model: folder, out: '', dtype: 'q4', dryRun: true });
    return undefined;
  } catch (error) {
    if (!isFlamingoError(error)) throw error;
    expect(error.hint, error.message).not.toBe('');
    return error;
  }
}

/** One of each family, as small as its kind allows and in files that are written fast: every test writes one file for every tensor of it. */
const SPECS = Object.entries(CHECKPOINTS)
  .filter(([name]) => /GPT-NeoX, partial|MPT-1B|OPT, short|LLaMA, grouped/.test(name))
  .map(([name, spec]): [string, FlamingoSpec] => {
    const language = { ...spec.language, layers: 2, rows: spec.tokens - 2 };
    const clip = { ...spec.clip, layers: 1 };
    const delta = { ...spec.delta, file: 'checkpoint.safetensors' as const, wrapper: undefined, embedding: true };
    const settings = { ...spec.settings, cross_attn_every_n_layers: 2 };
    const kind = 'safetensors';
    const resampler = { ...spec.resampler, layers: 1 };
    const gated = { ...spec.gated, every: 2 };
    return [name, { ...spec, clip, clipKind: kind, language, languageKind: kind, delta, resampler, gated, settings }];
  });

describe.each(SPECS)('%s', (_, spec) => {
  test.each(Object.entries(PARTS))('%s: a missing tensor is named', { timeout: 60_000 }, async (_name, part) => {
    await inTemporaryFolder(async (folder) => {
      const tensors = part.tensors(await writeFlamingo(folder, spec));
      for (const name of tensors.keys()) {
        const error = await complaint(folder, spec, part, new Map([...tensors].filter(([other]) => other !== name)));
        if (NOT_NEEDED.test(name) || isCopy(name, tensors)) {
          expect(error?.message, name).toBeUndefined();
          continue;
        }
        expect(error?.message, name).toContain(name);
        expect(error?.message, name).toContain(part.file);
      }
    });
  });

  test.each(Object.entries(PARTS))(
    '%s: another shape is told with both shapes',
    { timeout: 60_000 },
    async (_name, part) => {
      await inTemporaryFolder(async (folder) => {
        const tensors = part.tensors(await writeFlamingo(folder, spec));
        for (const [name, tensor] of tensors) {
          if (NOT_NEEDED.test(name) || isCopy(name, tensors)) continue;
          const wrong = twice(tensor);
          const error = await complaint(folder, spec, part, new Map([...tensors, [name, wrong]]));
          expect(error?.code, name).toBe('shape-mismatch');
          expect(error?.message, name).toContain(name);
          expect(error?.message, name).toContain(part.file);
          expect(error?.message, name).toContain(`[${wrong.shape.join(', ')}]`);
          expect(error?.message.match(/\[[\d, ]+\]/g)?.length, error?.message).toBeGreaterThan(1);
        }
      });
    },
  );

  test.each(Object.entries(PARTS))('%s: a foreign tensor is not left out silently', async (_name, part) => {
    await inTemporaryFolder(async (folder) => {
      const source = await writeFlamingo(folder, spec);
      const tensors = part.tensors(source);
      const open = part.file === 'clip' ? 'visual.adapter.weight' : 'perceiver.adapter.weight';
      const name = part.file === 'clip' && spec.clip.layout !== 'open_clip' ? 'vision_model.adapter.weight' : open;
      const any = [...tensors.values()][0];
      const error = await complaint(folder, spec, part, new Map([...tensors, [name, any]]));
      expect(error).toMatchObject({ code: 'bad-file', message: expect.stringContaining(name) });
      expect(error?.message).toContain(part.file);
    });
  });
});

/** A gated layer under the decoder and again in the list: one of them is enough. */
function isCopy(name: string, tensors: Tensors): boolean {
  const list = /^lang_encoder\.gated_cross_attn_layers\.\d+\./;
  return list.test(name) && [...tensors.keys()].some((other) => other.includes('.gated_cross_attn_layer.'));
}

/** The same values two times, behind each other in a further axis. */
function twice({ shape, values, type }: CheckpointTensor): CheckpointTensor {
  return { shape: [...shape, 2], values: Float32Array.from([...values, ...values]), type };
}
