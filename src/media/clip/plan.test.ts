import { describe, expect, it } from 'vitest';
import { fittingSize } from './clip-frames';
import { type ClipOptions, checkClipOptions, framesAt, planTimes, startsOf } from './plan';

/** Twelve frames of a quarter of a second. */
const source = startsOf(Array(12).fill(0.25));
const indices = (options: ClipOptions) => framesAt(source.starts, planTimes(options, source));

describe('planTimes', () => {
  it.each([
    ['spread over everything, first and last included', { frames: 4 }, [0, 3, 7, 11]],
    ['every frame', { frames: 12, spread: true }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['one: the middle', { frames: 1 }, [5]],
    ['a part', { frames: 3, start: 1, end: 2 }, [4, 6, 8]],
    ['at a rate', { frames: 3, fps: 1 }, [0, 4, 8]],
    ['at a rate, from later', { frames: 3, fps: 2, start: 0.5 }, [2, 4, 6]],
    ['fewer at a rate where the source ends', { frames: 9, fps: 1 }, [0, 4, 8]],
    ['fewer at a rate where the part ends', { frames: 9, fps: 2, end: 1 }, [0, 2, 4]],
    ['twice the same frame at a higher rate', { frames: 4, fps: 8 }, [0, 0, 1, 1]],
    ['an end behind the source', { frames: 2, end: 100 }, [0, 11]],
  ] as const)('%s', (_, options, expected) => {
    expect(indices(options)).toEqual(expected);
  });

  it('refuses a beginning behind the end, with both numbers', () => {
    expect(() => planTimes({ frames: 2, start: 14400 }, source)).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(/14400 s.*ends at 3 s/) }),
    );
  });
});

it.each([
  ['frames', { frames: 0 }],
  ['frames', { frames: 1025 }],
  ['frames', { frames: 1.5 }],
  ['fps', { frames: 1, fps: 0 }],
  ['spread', { frames: 1, fps: 1, spread: true }],
  ['start', { frames: 1, start: -1 }],
  ['end', { frames: 1, start: 2, end: 2 }],
])('options.%s of %o is refused', (option, options) => {
  expect(() => checkClipOptions(options)).toThrow(
    expect.objectContaining({ code: 'invalid-option', details: expect.objectContaining({ option }) }),
  );
});

it('all frames of a clip together have at most 64 Mpx, in the shape of the video', () => {
  expect(fittingSize({ width: 96, height: 72 }, 32)).toEqual({ width: 96, height: 72 });
  const { width, height } = fittingSize({ width: 7680, height: 4320 }, 32);
  expect(32 * width * height).toBeLessThanOrEqual(64 * 1024 * 1024);
  expect(width / height).toBeCloseTo(7680 / 4320, 2);
  expect(width).toBeGreaterThan(1900);
});
