import { FlamingoError, isFlamingoError } from '../../core/errors';
import type { PromptTemplate } from '../../format/manifest';
import type { FlamingoSession, GenerateOptions, Part } from '../../session/types';
import { buildPrompt, type PromptPiece } from '../prompt';
import type { Message, Piece } from './messages';

/** A question and its answer, or a system message, as parts of the context. */
interface Turn {
  readonly parts: readonly Part[];
  /** Of the initial prompts: never left out to make room. */
  readonly pinned: boolean;
}

/**
 * Messages as the model was trained to read them, over one session. User messages in a row are one message; it is read when its answer is asked for, or
 * when an assistant's message answers it. A system message is a chunk of plain text, because these models know no such role.
 */
export class Conversation {
  private turns: Turn[] = [];
  /** The user's message so far. */
  private asked: PromptPiece[] = [];

  private constructor(
    private readonly session: FlamingoSession,
    private readonly template: PromptTemplate,
    private readonly onOverflow: () => void,
  ) {}

  /** A session that has read the initial prompts. The conversation owns the session from here on, also when this throws. */
  static async begin(
    session: FlamingoSession,
    template: PromptTemplate,
    initial: readonly Message[],
    onOverflow: () => void,
    signal?: AbortSignal,
  ): Promise<Conversation> {
    const conversation = new Conversation(session, template, onOverflow);
    try {
      for (const message of initial) await conversation.add(message, true, signal);
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
    return conversation;
  }

  /** Reads messages without answering. Throws as `session.append`; then nothing of them was read. */
  async append(messages: readonly Message[], signal?: AbortSignal): Promise<void> {
    await this.undoneOnFailure(async () => {
      for (const message of messages) await this.add(message, false, signal);
    });
  }

  /** Streams the answer to messages. An answer that was stopped stays in the context as far as it was seen. */
  async *prompt(messages: readonly Message[], options: GenerateOptions): AsyncGenerator<string, void, undefined> {
    const question = await this.undoneOnFailure(() => this.ask(messages, options.signal));
    let answer = '';
    try {
      for await (const { text } of this.session.generate(options)) {
        answer += text;
        yield text;
      }
    } finally {
      this.turns = [...this.turns, { parts: [...question, ...text(answer)], pinned: false }];
      this.asked = [];
    }
  }

  /** Tokens that the context has, with what was said and not read yet. */
  async usage(): Promise<number> {
    return this.asked.length > 0 ? await this.session.measure(this.unread(this.asked)) : await this.session.position();
  }

  /** Tokens that a prompt would add. */
  async measure(messages: readonly Message[], signal?: AbortSignal): Promise<number> {
    const pieces: PromptPiece[] = [];
    for (const { content } of messages) pieces.push(...(await this.encode(content, signal)));
    const longer = await this.session.measure(this.unread([...this.asked, ...pieces]));
    const now = await this.session.position();
    for (const piece of pieces) if (piece.type === 'media') await this.session.removeMedia(piece.value);
    return longer - now;
  }

  async clone(onOverflow: () => void): Promise<Conversation> {
    const copy = new Conversation(await this.session.fork(), this.template, onOverflow);
    copy.turns = [...this.turns];
    copy.asked = [...this.asked];
    return copy;
  }

  async end(): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }

  private async add({ role, content }: Message, pinned: boolean, signal?: AbortSignal): Promise<void> {
    if (role === 'user') {
      this.asked = [...this.asked, ...(await this.encode(content, signal))];
      return;
    }
    const question = role === 'assistant' ? this.question() : [];
    const said = role === 'assistant' ? answerOf(content, question) : await this.encode(content, signal);
    const parts = [...question, ...said];
    await this.read(parts, signal);
    this.turns = [...this.turns, { parts, pinned }];
    if (role === 'assistant') this.asked = [];
  }

  /** Reads the question that the next answer belongs to, and how the answer begins. */
  private async ask(messages: readonly Message[], signal?: AbortSignal): Promise<Part[]> {
    const last = messages.at(-1);
    const prefix = last?.role === 'assistant' && last.prefix ? last : undefined;
    for (const message of prefix ? messages.slice(0, -1) : messages) await this.add(message, false, signal);
    if (this.asked.length === 0) {
      throw new FlamingoError('invalid-option', 'The prompt ends with 0 messages of the user; it needs at least 1.', {
        hint: 'End with a user message, or with an assistant message that has prefix: true.',
      });
    }
    const question = this.question();
    const parts = prefix ? [...question, ...answerOf(prefix.content, question)] : question;
    await this.read(parts, signal);
    return parts;
  }

  private question(): Part[] {
    return this.asked.length > 0 ? buildPrompt(this.template, this.asked, false) : [];
  }

  /** Appends a chunk; the oldest turns that are not pinned make room where it does not fit. */
  private async read(parts: readonly Part[], signal?: AbortSignal): Promise<void> {
    try {
      await this.session.append(closed(this.turns.length > 0, parts), { signal });
      return;
    } catch (error) {
      if (!isOverflow(error) || this.turns.every(({ pinned }) => pinned)) throw error;
    }
    const kept = [...this.turns];
    for (let oldest = kept.findIndex(isFree); oldest >= 0; oldest = kept.findIndex(isFree)) {
      kept.splice(oldest, 1);
      try {
        await this.session.setContext(joined([...kept.map((turn) => turn.parts), parts]), { signal });
        this.turns = kept;
        this.onOverflow();
        return;
      } catch (error) {
        if (!isOverflow(error) || !kept.some(isFree)) throw error;
      }
    }
  }

  /** Messages and what was read of them are as before when `work` fails. */
  private async undoneOnFailure<T>(work: () => Promise<T>): Promise<T> {
    const { turns, asked } = this;
    const position = await this.session.position();
    try {
      return await work();
    } catch (error) {
      const dropped = turns.some((turn) => !this.turns.includes(turn));
      if (dropped) await this.session.setContext(joined(turns.map(({ parts }) => parts)));
      else await this.session.rewind(Math.min(position, await this.session.position()));
      this.turns = turns;
      this.asked = asked;
      throw error;
    }
  }

  private unread(pieces: readonly PromptPiece[]): Part[] {
    return closed(this.turns.length > 0, buildPrompt(this.template, pieces, false));
  }

  private async encode(content: readonly Piece[], signal?: AbortSignal): Promise<PromptPiece[]> {
    const pieces: PromptPiece[] = [];
    for (const piece of content) {
      if (piece.type === 'text') pieces.push(piece);
      else pieces.push({ type: 'media', value: await this.session.addMedia(piece.value, { signal }) });
    }
    return pieces;
  }
}

function isFree({ pinned }: Turn): boolean {
  return !pinned;
}

function isOverflow(error: unknown): boolean {
  return isFlamingoError(error) && error.code === 'context-overflow';
}

function closed(continues: boolean, parts: readonly Part[]): Part[] {
  return continues ? [{ type: 'end-of-chunk' }, ...parts] : [...parts];
}

function joined(chunks: readonly (readonly Part[])[]): Part[] {
  return chunks.flatMap((parts, i) => closed(i > 0, parts));
}

/** An assistant's words behind its question, apart from it by a blank as in training. Throws `invalid-option` for pictures. */
function answerOf(content: readonly Piece[], question: readonly Part[]): Part[] {
  const words = content.map((piece) => {
    if (piece.type === 'text') return piece.value;
    throw new FlamingoError('invalid-option', 'An assistant message has 1 image; these models answer in words.', {
      hint: 'Put the image into a user message.',
    });
  });
  const answer = words.join('');
  const touches = question.length > 0 && answer !== '' && !/^\s/.test(answer);
  return text(touches ? ` ${answer}` : answer);
}

function text(value: string): Part[] {
  return value === '' ? [] : [{ type: 'text', value }];
}
