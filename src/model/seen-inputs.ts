import { FlamingoError } from '../core/errors';
import type { AppendStep } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import type { WgslMedia } from './media-encoder';
import { MAX_ENTRIES, readsRanges, type StepInputs } from './parts';

/**
 * What the tokens start .. end of a step see, as the kernels read it: the slot of each token's medium, or a range of entries of a table with the slots of the
 * step's media. Where tokens before the first medium see everything, the table holds every medium again with all its latents, and their gated feed-forward is
 * closed. Throws `media-count` for more media than the table holds.
 */
export function seenInputs(
  config: FlamingoConfig,
  { media, mediaIndex, mediaFirst = mediaIndex }: AppendStep,
  start: number,
  end: number,
): Partial<Record<keyof StepInputs, number[]>> {
  const last = mediaIndex.slice(start, end);
  const all = media as readonly WgslMedia[];
  if (!readsRanges(config)) return { seen: last.map((m) => (m < 0 ? -1 : all[m].slot)) };
  const leadSeesAll = config.gated.lead === 'no-feed-forward';
  const shown = all.map(({ slot, seen }) => [slot, seen]);
  const whole = leadSeesAll ? all.map(({ slot }) => [slot, config.resampler.latents]) : [];
  const before = leadSeesAll ? [all.length, 2 * all.length] : [0, 0];
  const entries = [...shown, ...whole];
  if (entries.length > MAX_ENTRIES) throw tooMany(all.length, leadSeesAll ? MAX_ENTRIES / 2 : MAX_ENTRIES);
  return {
    seen: last.flatMap((m, t) => (m < 0 ? before : [mediaFirst[start + t], m + 1])),
    media: entries.flat(),
    ...(leadSeesAll ? { open: last.map((m) => Number(m >= 0)) } : {}),
  };
}

function tooMany(media: number, limit: number): FlamingoError {
  return new FlamingoError(
    'media-count',
    `The prompt has ${media} pictures; this model reads at most ${limit} at once.`,
    {
      hint: 'Remove pictures from the prompt, or begin a new chat.',
      details: { media, limit },
    },
  );
}
