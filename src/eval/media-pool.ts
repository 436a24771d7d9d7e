import { FlamingoError, isFlamingoError } from '../core/errors';
import type { FlamingoSession, MediaHandle, Part } from '../session/types';
import { buildPrompt } from '../tasks/build-prompt';
import { postProcess } from '../tasks/post-process';
import { taskOf } from '../tasks/templates';
import type { EvalItem } from './items';

/** A picture's bytes by its path as written in the task file. Throws `not-found`. */
export type OpenPicture = (path: string) => Promise<Blob>;

/** Media that stay in the session's context at most: those of a prompt with 32 shots, twice. */
const MOST_HELD = 80;

/** The media of one run: each path is added once while it is among the last used. */
export class MediaPool {
  private readonly held = new Map<string, MediaHandle>();
  private readonly captions = new Map<string, string>();

  constructor(
    private readonly session: FlamingoSession,
    private readonly open: OpenPicture,
  ) {}

  async media(item: EvalItem, frames: readonly string[]): Promise<Part> {
    return { type: 'media', value: await this.handle(item, frames) };
  }

  /** What the model says a picture shows, as text in its place. */
  async caption(item: EvalItem, frames: readonly string[]): Promise<Part> {
    const key = frames.join('\n');
    const known = this.captions.get(key);
    const caption = known ?? (await this.describe(await this.handle(item, frames)));
    this.captions.set(key, caption);
    return { type: 'text', value: `${caption}\n` };
  }

  private async handle(item: EvalItem, frames: readonly string[]): Promise<MediaHandle> {
    const key = frames.join('\n');
    const handle = this.held.get(key) ?? (await this.add(item, frames));
    this.held.delete(key);
    this.held.set(key, handle);
    if (this.held.size > MOST_HELD) {
      const [oldest, unused] = this.held.entries().next().value ?? [];
      if (oldest !== undefined) this.held.delete(oldest);
      if (unused) await this.session.removeMedia(unused);
    }
    return handle;
  }

  private async add({ line }: EvalItem, frames: readonly string[]): Promise<MediaHandle> {
    try {
      return await this.session.addMedia(await Promise.all(frames.map((path) => this.open(path))));
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
