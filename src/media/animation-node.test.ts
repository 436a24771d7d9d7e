import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { animatedFrames, refuseVideo } from './animation-node';

const file = (name: string) => new File([readFileSync(`e2e/clips/${name}`)], name);
/** Frame N of the files is one grey, 16 + 18 N. */
const frameOf = ({ data }: ImageData) => Math.round((data[4 * 48] - 16) / 18);

it.each(['steps.gif', 'steps.webp'])('%s: frames are spread over it, first and last included', async (name) => {
  const frames = await animatedFrames(file(name), 4);
  expect(frames.map(frameOf)).toEqual([0, 3, 7, 11]);
  expect(frames[3]).toMatchObject({ width: 96, height: 72 });
  expect((await animatedFrames(file(name), 12)).map(frameOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

it('refuses more frames than there are with both numbers, and a video with the reason', async () => {
  const message = 'steps.gif has 12 frames; a clip of 13 is asked for.';
  await expect(animatedFrames(file('steps.gif'), 13)).rejects.toMatchObject({ code: 'media-unreadable', message });
  const video = readFileSync('e2e/clips/steps.webm');
  expect(() => refuseVideo('steps.webm', video)).toThrow(/steps\.webm is a video, and Node cannot decode videos/);
});
