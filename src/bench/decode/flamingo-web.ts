import type { GpuDevice } from '../../gpu/device';
import { WgslExecutor } from '../../model/engine';
import type { Started } from './strategy';
import type { Workload } from './workload';

/** The product's own engine, as a session drives it: one append of one token a step, the choice made on the GPU. */
export async function startFlamingoWeb(
  gpu: GpuDevice,
  { config, type, weights, features, prompt }: Workload,
): Promise<Started> {
  const engine = WgslExecutor.create(gpu, config, type);
  await engine.load(weights);
  const picture = await engine.encodeMedia(features, 1);
  const sequence = await engine.createSequence(config.contextLength);
  const greedy = { temperature: 0, topK: 0, topP: 1, seed: 0, step: 0, suppress: [] };
  const feed = async (ids: readonly number[]) => {
    const { token } = await sequence.append({ ids, mediaIndex: ids.map(() => 0), media: [picture], sample: greedy });
    if (token === undefined) throw new Error('the engine chose no token');
    return token;
  };
  const first = await feed(prompt);
  return {
    first,
    strategy: {
      name: 'flamingo-web',
      next: (token) => feed([token]),
      async [Symbol.asyncDispose]() {
        for (const part of [sequence, picture, engine]) part[Symbol.dispose]();
      },
    },
  };
}
