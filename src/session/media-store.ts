import { FlamingoError } from '../core/errors';
import type { EncodedMedia } from '../core/executor';
import type { MediaHandle } from './types';

/** Bytes of keys, values and latents that stay when no session holds their picture: some 40 pictures of OpenFlamingo-3B in f32. */
export const MEDIA_CACHE_BYTES = 256 * 1024 * 1024;

/** One picture or clip, however many handles there are for it. */
interface Entry {
  readonly content: string;
  readonly media: EncodedMedia;
  /** Sessions that hold one of its handles. */
  holders: number;
}

/**
 * The media that a model's sessions have encoded, by what they are (a hash of their pixels after preprocessing) and by the handles that were
 * given out for them. A medium that nobody holds stays until the bytes of all such media pass `capacity`; the one unused for longest goes first.
 */
export class MediaStore implements Disposable {
  /** By content, the least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private readonly handles = new Map<string, { entry: Entry; holders: number }>();
  private readonly arriving = new Map<string, Promise<Entry>>();
  private made = 0;

  constructor(private readonly capacity = MEDIA_CACHE_BYTES) {}

  /** A handle for the medium of this content, which `encode` makes where it is not known. The caller holds it once. */
  async obtain(content: string, frames: number, encode: () => Promise<EncodedMedia>): Promise<MediaHandle> {
    const entry = this.entries.get(content) ?? (await this.arrival(content, encode));
    this.touch(entry);
    entry.holders++;
    const id = `media-${++this.made}`;
    this.handles.set(id, { entry, holders: 1 });
    return { id, frames };
  }

  /** Throws `media-count` for a handle that was removed or belongs to another model. */
  get({ id }: MediaHandle): EncodedMedia {
    return this.held(id).entry.media;
  }

  /** The same for two handles of one content. Throws as `get`. */
  contentOf({ id }: MediaHandle): string {
    return this.held(id).entry.content;
  }

  hold({ id }: MediaHandle): void {
    const held = this.held(id);
    held.holders++;
    held.entry.holders++;
  }

  release({ id }: MediaHandle): void {
    const held = this.held(id);
    held.entry.holders--;
    if (--held.holders > 0) return;
    this.handles.delete(id);
    this.touch(held.entry);
    this.evict();
  }

  [Symbol.dispose](): void {
    for (const { media } of this.entries.values()) media[Symbol.dispose]();
    this.entries.clear();
    this.handles.clear();
  }

  /** Two who add one picture at the same time wait for one run. */
  private arrival(content: string, encode: () => Promise<EncodedMedia>): Promise<Entry> {
    const known = this.arriving.get(content);
    if (known) return known;
    const arrival = encode()
      .then((media) => {
        const entry = { content, media, holders: 0 };
        this.entries.set(content, entry);
        return entry;
      })
      .finally(() => this.arriving.delete(content));
    this.arriving.set(content, arrival);
    return arrival;
  }

  private touch(entry: Entry): void {
    this.entries.delete(entry.content);
    this.entries.set(entry.content, entry);
  }

  private evict(): void {
    const unheld = [...this.entries.values()].filter(({ holders }) => holders === 0);
    let bytes = unheld.reduce((sum, { media }) => sum + media.bytes, 0);
    for (const { content, media } of unheld) {
      if (bytes <= this.capacity) return;
      this.entries.delete(content);
      bytes -= media.bytes;
      media[Symbol.dispose]();
    }
  }

  private held(id: string) {
    const held = this.handles.get(id);
    if (held) return held;
    throw new FlamingoError('media-count', `The prompt refers to ${id}, which this model does not hold.`, {
      hint: 'Add the picture again: it was removed, or it belongs to another model.',
      details: { id, held: this.handles.size },
    });
  }
}
