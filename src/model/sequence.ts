import { concatFloats } from '../core/concat';
import { FlamingoError, throwIfAborted } from '../core/errors';
import type { AppendResult, AppendStep, Lanes, Sequence } from '../core/executor';
import { Staging } from '../gpu/readback';
import { copyCaches, destroyCaches, makeCaches, type SlottedCaches } from './caches';
import { embeddingInputs } from './embedding-inputs';
import { WgslLanes } from './lanes';
import { type EngineParts, MAX_SUPPRESSED, PREFILL_ROWS, readsRanges } from './parts';
import { RESULT_BYTES, readResult, resultCopies, samplingInputs, samplingMode, samplingStep } from './sampler';
import { seenInputs } from './seen-inputs';
import type { KeyValueCache } from './self-attention';
import { type StepMode, stepModeOf } from './step';
import { stepMeter } from './step-meter';
import { StepPrograms } from './step-programs';
import { TapReader } from './tap-reader';

/** The KV cache of one token sequence on the GPU, and the programs that are bound to it. */
export class WgslSequence implements Sequence {
  length = 0;
  private readonly programs: StepPrograms;
  private readonly result: Staging;
  private disposed = false;

  private constructor(
    private readonly parts: EngineParts,
    readonly capacity: number,
    private readonly caches: readonly KeyValueCache[],
  ) {
    this.programs = new StepPrograms(parts, caches, capacity);
    this.result = new Staging(parts.gpu, 'result', RESULT_BYTES);
  }

  /** Throws `invalid-option` for a capacity beyond the model's context, `device` when the GPU is full. */
  static async create(parts: EngineParts, capacity: number): Promise<WgslSequence> {
    const { config } = parts;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > config.contextLength) {
      throw new FlamingoError(
        'invalid-option',
        `A capacity of ${capacity} tokens; this model has 1 to ${config.contextLength}.`,
        {
          hint: 'Ask for fewer tokens.',
          details: { capacity, contextLength: config.contextLength },
        },
      );
    }
    return new WgslSequence(parts, capacity, await makeCaches(parts, capacity));
  }

  async append(step: AppendStep): Promise<AppendResult> {
    this.check(step);
    const taps = new TapReader(this.parts, step);
    let result: AppendResult = { taps: new Map() };
    const logits: Float32Array[] = [];
    for (let start = 0; start < step.ids.length; start += PREFILL_ROWS) {
      throwIfAborted(step.signal);
      const end = Math.min(start + PREFILL_ROWS, step.ids.length);
      const chunk = await this.runChunk(step, start, end, taps);
      if (chunk.logits) logits.push(chunk.logits);
      result = { ...result, token: chunk.token, logprobs: chunk.logprobs };
    }
    return { ...result, logits: join(logits), taps: taps.finish() };
  }

  truncate(length: number): void {
    if (length < 0 || length > this.length) {
      throw new FlamingoError('invalid-option', `Cannot rewind to ${length}: the context has ${this.length} tokens.`);
    }
    this.length = length;
  }

  async fork(): Promise<Sequence> {
    const copy = await WgslSequence.create(this.parts, this.capacity);
    copyCaches(this.parts, this.slotted(), copy.slotted(), this.length);
    copy.length = this.length;
    return copy;
  }

  /** In the slots that are left here, or in larger caches of their own that begin with a copy of this one. */
  async lanes(tokens: number): Promise<Lanes> {
    const { length, parts, programs } = this;
    const slots = length + tokens;
    if (slots <= this.capacity) return new WgslLanes(parts, { programs, prefix: length, slots: this.capacity });
    const caches = await makeCaches(parts, slots);
    copyCaches(parts, this.slotted(), { caches, slots }, length);
    return new WgslLanes(parts, { programs: new StepPrograms(parts, caches, slots), prefix: length, slots, caches });
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.disposed = true;
    destroyCaches(this.caches);
    this.programs[Symbol.dispose]();
    this.result[Symbol.dispose]();
  }

  private slotted(): SlottedCaches {
    return { caches: this.caches, slots: this.capacity };
  }

  /** One submit: up to PREFILL_ROWS tokens. */
  private async runChunk(
    step: AppendStep,
    start: number,
    end: number,
    taps: TapReader,
  ): Promise<Omit<AppendResult, 'taps'>> {
    const { counters } = this.parts;
    const rows = end - start;
    const last = end === step.ids.length;
    const vectors = step.vectors?.slice(start, end) ?? [];
    const mode = { ...stepMode(step, rows, last), ...this.tableSize(step), given: vectors.some(Boolean) };
    const { program, recording } = await this.programs.get(mode);
    const noteStep = stepMeter(this.parts);
    const reads = taps.prepare(recording, mode, rows);
    const { vocab } = this.parts.config;
    const sample = mode.sample && step.sample;
    const copies = sample ? [...reads.copies, ...resultCopies(this.parts, this.result, sample, vocab)] : reads.copies;
    this.parts.weights.useGateFactor(step.visualStrength ?? 1);
    program.submit(
      { rows, position: this.length, ...samplingStep(step.sample, vocab) },
      {
        ...embeddingInputs(this.parts.config, step.ids.slice(start, end), vectors),
        ...seenInputs(this.parts.config, step, start, end),
        ...samplingInputs(sample, vocab),
      },
      copies,
    );
    this.length += rows;
    counters[step.ids.length === 1 ? 'decodedTokens' : 'prefilledTokens'] += rows;
    noteStep();
    const logits = await reads.read(start, end);
    return { logits, ...(sample ? await readResult(this.result, sample, vocab) : {}) };
  }

  /** Probabilities over ranges of media are laid out for as many media as the step has. */
  private tableSize({ taps, media }: AppendStep): { media?: number } {
    const wanted = taps?.some((name) => name.startsWith('attention.')) ?? false;
    return wanted && readsRanges(this.parts.config) ? { media: Math.max(1, media.length) } : {};
  }

  private check({ ids, mediaIndex, media, sample }: AppendStep): void {
    if (this.disposed) throw new FlamingoError('disposed', 'This sequence was disposed of.');
    if (ids.length !== mediaIndex.length) {
      throw new FlamingoError('internal', `${ids.length} tokens came with ${mediaIndex.length} media indices.`);
    }
    const worst = Math.max(-1, ...mediaIndex);
    if (worst >= media.length) {
      throw new FlamingoError('media-count', `A token refers to picture ${worst + 1}, but ${media.length} were given.`);
    }
    if ((sample?.suppress.length ?? 0) > MAX_SUPPRESSED) {
      throw new FlamingoError(
        'invalid-option',
        `${sample?.suppress.length} suppressed tokens; at most ${MAX_SUPPRESSED} are possible.`,
      );
    }
    const { vocab, embeddings = vocab } = this.parts.config;
    const foreign = ids.find((id) => !(id >= 0 && id < embeddings));
    if (foreign !== undefined) {
      throw new FlamingoError('invalid-option', `Token ${foreign} is outside the vocabulary of ${embeddings}.`);
    }
    if (this.length + ids.length <= this.capacity) return;
    throw new FlamingoError(
      'context-overflow',
      `${ids.length} more tokens do not fit: ${this.length} of ${this.capacity} are used.`,
      {
        hint: 'Shorten the prompt, remove examples, or begin a new chat.',
        details: { tokens: ids.length, used: this.length, capacity: this.capacity },
      },
    );
  }
}

function stepMode(step: AppendStep, rows: number, last: boolean): StepMode {
  const probabilities = step.taps?.some((name) => name.startsWith('attention.')) ?? false;
  const sample = last && step.sample ? samplingMode(step.sample) : undefined;
  const wantsLast = last && (step.logits === 'last' || sample !== undefined);
  const head = step.logits === 'all' ? 'all' : wantsLast ? 'last' : 'none';
  return stepModeOf({ single: rows === 1, head, sample: head === 'last' ? sample : undefined, probabilities });
}

function join(parts: readonly Float32Array[]): Float32Array | undefined {
  return parts.length < 2 ? parts[0] : concatFloats(parts);
}
