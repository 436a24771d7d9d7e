import { FlamingoError } from '../core/errors';
import type { EncodedMedia } from '../core/executor';
import type { MediaHandle } from './types';

/** The media that a model's sessions have encoded, counted by the sessions that hold them. Freed when the last one lets go. */
export class MediaStore {
  private readonly entries = new Map<string, { media: EncodedMedia; holders: number }>();
  private made = 0;

  /** Takes over an encoded medium; the caller holds it once. */
  add(media: EncodedMedia, frames: number): MediaHandle {
    const id = `media-${++this.made}`;
    this.entries.set(id, { media, holders: 1 });
    return { id, frames };
  }

  /** Throws `media-count` for a handle that was removed or belongs to another model. */
  get({ id }: MediaHandle): EncodedMedia {
    return this.entry(id).media;
  }

  hold({ id }: MediaHandle): void {
    this.entry(id).holders++;
  }

  release({ id }: MediaHandle): void {
    const entry = this.entry(id);
    if (--entry.holders > 0) return;
    this.entries.delete(id);
    entry.media[Symbol.dispose]();
  }

  private entry(id: string) {
    const entry = this.entries.get(id);
    if (entry) return entry;
    throw new FlamingoError('media-count', `The prompt refers to ${id}, which this model does not hold.`, {
      hint: 'Add the picture again: it was removed, or it belongs to another model.',
      details: { id, held: this.entries.size },
    });
  }
}
