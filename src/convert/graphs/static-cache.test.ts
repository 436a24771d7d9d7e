import { expect, test } from 'vitest';
import { ortRuntime } from '../../ort/runtime';
import { decode } from '../../reference/model/decoder';
import { randomWeights } from '../../reference/model/random-weights';
import { resample } from '../../reference/model/resampler';
import { uniform } from '../../reference/random';
import { MODEL_VARIANTS } from '../../testing/model-variants';
import { modelFiles, weightValues } from '../../testing/ort-model';

const CAPACITY = 9;
const ids = [5, 42, 79, 19, 56, 93];
const mediaIndex = [-1, 0, 0, 1, 1, 0];

test.each(Object.entries(MODEL_VARIANTS).slice(0, 7))(
  '%s: with a cache of fixed length the logits stay the same',
  async (_, config) => {
    const reader = randomWeights(config, 'q8');
    const { decoder, resampler } = await modelFiles(config, 'q8', reader, { staticCache: CAPACITY });
    const ort = await ortRuntime();
    const session = await ort.session('decoder.onnx', decoder.model, decoder.data, {
      freeDimensionOverrides: { B: 1, T: 1, M: 2, P: CAPACITY },
    });
    const encoder = await ort.session('resampler.onnx', resampler.model, resampler.data);
    const { patches, width } = config.vision;
    const features = uniform(2 * patches * width, -2, 2);
    const media = await encoder.run({ features: ort.floats(features, [2, 1, patches, width]) });
    const values = await weightValues(config, 'q8', reader);
    const referenceMedia = [0, 1].map((m) =>
      resample(config, values, features.subarray(m * patches * width, (m + 1) * patches * width)),
    );
    const expected = decode(config, values, { ids, mediaIndex, media: referenceMedia });

    const { layers, kvHeads, headDim } = config.decoder;
    let past: Record<string, ReturnType<typeof ort.floats>> = {};
    for (let i = 0; i < layers; i++) {
      for (const part of ['key', 'value']) {
        const rows = new Float32Array(kvHeads * CAPACITY * headDim).fill(1e3); // what lies beyond `position` must not matter
        past[`past_${part}.${i}`] = ort.floats(rows, [1, kvHeads, CAPACITY, headDim]);
      }
    }
    for (const [t, id] of ids.entries()) {
      const results = await session.run({
        input_ids: ort.longs([id], [1, 1]),
        position: ort.longs([t], [1]),
        media_index: ort.longs([mediaIndex[t]], [1, 1]),
        media_key: media.media_key,
        media_value: media.media_value,
        ...past,
      });
      const logits = results.logits.data as Float32Array;
      const difference = Math.max(...expected.logits[t].map((value, v) => Math.abs(value - logits[v])));
      expect(difference, `token ${t}`).toBeLessThan(1e-4);
      past = Object.fromEntries(
        Object.entries(results)
          .filter(([name]) => name.startsWith('present_'))
          .map(([name, tensor]) => [name.replace('present', 'past'), tensor as ReturnType<typeof ort.floats>]),
      );
    }
    await session.release();
    await encoder.release();
  },
);
