import { FlamingoError, throwIfAborted } from '../../core/errors';

/** Which frames of a video, an animation or a row of pictures make the clip. Times are in seconds from the beginning of the source. */
export interface ClipOptions {
  /** How many; fewer come where the source has fewer. */
  frames: number;
  /** Frames per second from `start` on. Without it they are spread evenly from `start` to `end`, the last frame included. */
  fps?: number;
  /** Spread evenly, which is what happens without `fps`; the two exclude each other. */
  spread?: boolean;
  start?: number;
  end?: number;
  signal?: AbortSignal;
}

/** More frames than any model takes. */
const MAX_FRAMES = 1024;

/** Throws `invalid-option` naming the option and its range, or `aborted`. */
export function checkClipOptions({ frames, fps, spread, start = 0, end, signal }: ClipOptions): void {
  throwIfAborted(signal);
  check(Number.isInteger(frames) && frames >= 1 && frames <= MAX_FRAMES, 'frames', frames, `1 to ${MAX_FRAMES}`);
  check(fps === undefined || (fps > 0 && fps <= 1000), 'fps', fps, 'more than 0 and at most 1000');
  check(fps === undefined || !spread, 'spread', spread, 'no `spread` beside `fps`');
  check(start >= 0 && Number.isFinite(start), 'start', start, '0 or more seconds');
  check(end === undefined || end > start, 'end', end, `more than the start, ${start} s,`);
}

/**
 * Times at which frames are taken, ascending, of a source whose last frame begins at `last` and ends at `ends`. One frame without a rate is the middle one.
 * Throws `invalid-option` when the part that was asked for lies behind the end.
 */
export function planTimes(options: ClipOptions, { last, ends }: { last: number; ends: number }): number[] {
  const { frames, fps, start = 0 } = options;
  const end = Math.min(options.end ?? last, last);
  if (start > last) {
    throw new FlamingoError('invalid-option', `The clip should begin at ${start} s; the source ends at ${ends} s.`, {
      hint: 'Begin earlier.',
      details: { start, last, ends },
    });
  }
  if (fps !== undefined) {
    const times = Array.from({ length: frames }, (_, i) => start + i / fps);
    return times.filter((time) => time < ends && time <= (options.end ?? ends));
  }
  if (frames === 1) return [(start + end) / 2];
  return Array.from({ length: frames }, (_, i) => start + ((end - start) * i) / (frames - 1));
}

/** The frame that is shown at each time: index of the last one that begins at or before it. `starts` ascend. */
export function framesAt(starts: readonly number[], times: readonly number[]): number[] {
  const shownAt = (time: number) => starts.findLastIndex((start) => start <= time + 1e-6);
  return times.map((time) => Math.max(0, shownAt(time)));
}

/** Begin of each frame; begin and end of the last. */
export function startsOf(durations: readonly number[]): { starts: number[]; last: number; ends: number } {
  const starts: number[] = [];
  let ends = 0;
  for (const duration of durations) {
    starts.push(ends);
    ends += duration;
  }
  return { starts, last: starts.at(-1) ?? 0, ends };
}

function check(fits: boolean, option: string, got: unknown, expected: string): void {
  if (fits) return;
  throw new FlamingoError('invalid-option', `options.${option} is ${got}; ${expected} is expected.`, {
    hint: 'See ClipOptions.',
    details: { option, got },
  });
}
