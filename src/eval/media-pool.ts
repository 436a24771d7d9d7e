import { FlamingoError, isFlamingoError } from '../core/errors';
import type { LoadedModel } from '../session/load-types';
import type { FlamingoSession, MediaHandle, Part } from '../session/types';
import { buildPrompt } from '../tasks/build-prompt';
import { postProcess } from '../tasks/post-process';
import { taskOf } from '../tasks/templates';
import type { EvalItem } from './items';

/** A picture's bytes by its path as written in the task file. Throws `not-found`. */
export type OpenPicture = (path: string) => Promise<Blob>;

/**
 * `seen`: the model sees the pictures. `captions`: each becomes its caption first (PICA, Socratic Models), then there is only text. `prefix`: each becomes vectors in the text
 * stream (Frozen, ClipCap), and all gates are closed.
 */
export type Pictures = 'seen' | 'captions' | 'prefix';

/** Media that stay in the session's context at most: those of a prompt with 32 shots, twice. */
const MOST_HELD = 80;

/** The media of one run: each path is added once while it is among the last used. */
export class MediaPool {
  private readonly held = new Map<string, MediaHandle>();
  private readonly captions = new Map<string, string>();
  private readonly prefixes = new Map<string, Float32Array>();

  constructor(
    private readonly session: FlamingoSession,
    private readonly open: OpenPicture,
    private readonly model: Pick<LoadedModel, 'visualPrefix'>,
  ) {}

  /** What stands for a picture in a prompt. */
  async part(pictures: Pictures, item: EvalItem, frames: readonly string[]): Promise<Part> {
    if (pictures === 'captions') return await this.caption(item, frames);
    if (pictures === 'prefix') return await this.prefix(item, frames);
    return { type: 'media', value: await this.handle(item, frames) };
  }

  /** What the model says a picture shows, as text in its place. */
  private async caption(item: EvalItem, frames: readonly string[]): Promise<Part> {
    const key = frames.join('\n');
    const known = this.captions.get(key);
    const caption = known ?? (await this.describe(await this.handle(item, frames)));
    this.captions.set(key, caption);
    return { type: 'text', value: `${caption}\n` };
  }

  /** A picture as vectors in the text stream. */
  private async prefix(item: EvalItem, frames: readonly string[]): Promise<Part> {
    const key = frames.join('\n');
    const value = this.prefixes.get(key) ?? (await this.read(item, frames, (files) => this.model.visualPrefix(files)));
    this.prefixes.delete(key);
    this.prefixes.set(key, value);
    if (this.prefixes.size > MOST_HELD) this.prefixes.delete(this.prefixes.keys().next().value ?? '');
    return { type: 'vectors', value };
  }

  private async handle(item: EvalItem, frames: readonly string[]): Promise<MediaHandle> {
    const key = frames.join('\n');
    const handle = this.held.get(key) ?? (await this.read(item, frames, (files) => this.session.addMedia(files)));
    this.held.delete(key);
    this.held.set(key, handle);
    if (this.held.size > MOST_HELD) {
      const [oldest, unused] = this.held.entries().next().value ?? [];
      if (oldest !== undefined) this.held.delete(oldest);
      if (unused) await this.session.removeMedia(unused);
    }
    return handle;
  }

  /** What `use` makes of an item's frames; its errors name the line. */
  private async read<T>({ line }: EvalItem, frames: readonly string[], use: (files: Blob[]) => Promise<T>): Promise<T> {
    try {
      return await use(await Promise.all(frames.map((path) => this.open(path))));
    } catch (error) {
      if (!isFlamingoError(error)) throw error;
      const { code, message, hint, details, cause } = error;
      throw new FlamingoError(code, `Line ${line}: ${message}`, { hint, details: { ...details, line }, cause });
    }
  }

  private async describe(media: MediaHandle): Promise<string> {
    const task = taskOf('caption');
    await this.session.setContext(buildPrompt(task, [], { fields: {}, media: [media] }));
    let raw = '';
    for await (const { text } of this.session.generate({ maxNewTokens: task.maxNewTokens })) raw += text;
    return postProcess(task.post, raw).trim();
  }
}
