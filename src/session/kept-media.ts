import type { EncodedMedia, Executor } from '../core/executor';
import type { Manifest } from '../format/manifest';
import type { MediaShelf } from '../format/media-shelf';
import { sha256 } from '../format/verified-read';

/** Raised when what an executor saves changes. */
const VERSION = 'media/1';

/** Keys and values of pictures from visit to visit, where the caller of `load` wants that: a picture that was encoded once with this package needs no encoder again. */
export class KeptMedia implements AsyncDisposable {
  private readonly saving = new Set<Promise<void>>();
  private readonly identity: Promise<string>;

  constructor(
    private readonly shelf: MediaShelf,
    private readonly executor: Executor,
    manifest: Manifest,
  ) {
    // The sums of all files stand in the manifest: another conversion, dtype or version has another name for the same picture.
    const text = `${VERSION} ${executor.kind} ${JSON.stringify(manifest)}`;
    this.identity = sha256(new TextEncoder().encode(text));
  }

  /** The medium of this content (see media-content) from the shelf, or as `encode` makes it; then it is kept. `seen` as in `encodeMedia`. */
  async obtain(content: string, seen: number | undefined, encode: () => Promise<EncodedMedia>): Promise<EncodedMedia> {
    const name = await sha256(new TextEncoder().encode(`${await this.identity} ${content} ${seen ?? 'all'}`));
    const known = await this.shelf.get(name);
    const restored = known && (await this.executor.restoreMedia(known, seen));
    if (restored) return restored;
    const media = await encode();
    this.keep(name, media);
    return media;
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.saving);
  }

  /** Nobody waits for the disk; a device that is lost meanwhile is told where answers are asked for. */
  private keep(name: string, media: EncodedMedia): void {
    const saved = media
      .save()
      .then((bytes) => this.shelf.put(name, bytes))
      .catch(() => undefined)
      .finally(() => this.saving.delete(saved));
    this.saving.add(saved);
  }
}
