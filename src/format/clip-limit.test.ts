import { expect, it } from 'vitest';
import { tinyConfig } from '../testing/tiny-model';
import { checkClip } from './clip-limit';

it.each([
  [8, 1, true],
  [8, 8, true],
  [8, 30, true], // the paper's
  [8, 32, true],
  [8, 33, false],
  [8, 0, false],
  [null, 32, true],
  [null, 33, false],
])('trained with %s frames: a clip of %i is taken: %s', (maxFrames, frames, taken) => {
  const check = () => checkClip(tinyConfig({ resampler: { maxFrames } }), frames);
  if (taken) return expect(check).not.toThrow();
  const message = `A clip has ${frames} frames; this package allows 1 to 32.`;
  expect(check).toThrow(expect.objectContaining({ code: 'invalid-option', message }));
});

it('takes one frame where nothing makes latents of several', () => {
  const config = tinyConfig({ resampler: { kind: 'none', latents: 7, maxFrames: null } });
  expect(() => checkClip(config, 1)).not.toThrow();
  expect(() => checkClip(config, 2)).toThrow(
    expect.objectContaining({ details: { frames: 2, limit: 1, maxFrames: null } }),
  );
});
