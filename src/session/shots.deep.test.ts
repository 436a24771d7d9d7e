import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { loadFolder } from './load-node';
import type { FlamingoSession, MediaHandle, Part } from './types';

// What an example costs that was seen before. Prints, for k shots: the first answer of a model that has seen nothing, that of a session whose pictures the model
// knows, and that of a fork of a session that has read the examples. All answer about a new picture.

/** A picture that no other number gives. */
async function picture(index: number): Promise<Blob> {
  const background = { r: (index * 67) % 256, g: (index * 101) % 256, b: (index * 29) % 256 };
  const image = sharp({ create: { width: 96, height: 96, channels: 3, background } });
  return new Blob([new Uint8Array(await image.png().toBuffer())]);
}

function example(media: MediaHandle, answer = ''): Part[] {
  const parts: Part[] = [
    { type: 'media', value: media },
    { type: 'text', value: `Output:${answer}` },
  ];
  return answer === '' ? parts : [...parts, { type: 'end-of-chunk' }];
}

async function addShots(session: FlamingoSession, shots: readonly Blob[]): Promise<void> {
  const parts: Part[] = [];
  for (const [i, shot] of shots.entries())
    parts.push(...example(await session.addMedia(shot), i % 2 ? ' dax' : ' wug'));
  await session.append(parts);
}

/** Milliseconds and vision runs until the first token about `query`, `before` included. */
async function answer(session: FlamingoSession, query: Blob, before: () => Promise<void> = async () => {}) {
  const { visionRuns } = await session.stats();
  const started = performance.now();
  await before();
  await session.append(example(await session.addMedia(query)));
  for await (const _ of session.generate({ maxNewTokens: 1 }));
  return { ms: performance.now() - started, visionRuns: (await session.stats()).visionRuns - visionRuns };
}

describe('examples that were seen before', () => {
  it.each([4, 8, 32])(
    '%i shots',
    async (k) => {
      const model = await loadFolder('public/models/flamingo-tiny', { executor: 'wasm' });
      await answer(await model.createSession(), await picture(99)); // the first run of every graph is slow
      const shots = await Promise.all(Array.from({ length: k }, (_, i) => picture(i)));
      const first = await model.createSession();
      const cold = await answer(first, await picture(90), () => addShots(first, shots));
      const second = await model.createSession();
      const known = await answer(second, await picture(91), () => addShots(second, shots));
      const primed = await model.createSession();
      await addShots(primed, shots);
      const forked = await answer(await primed.fork(), await picture(92));
      const ratio = ({ ms }: { ms: number }) => `${ms.toFixed(0)} ms (cold / this: ${(cold.ms / ms).toFixed(1)})`;
      console.log(`${k} shots: cold ${cold.ms.toFixed(0)} ms, known pictures ${ratio(known)}, forked ${ratio(forked)}`);
      expect([cold, known, forked].map(({ visionRuns }) => visionRuns)).toEqual([k + 1, 1, 1]);
      expect(forked.ms).toBeLessThan(cold.ms);
      await model[Symbol.asyncDispose]();
    },
    120_000,
  );
});
