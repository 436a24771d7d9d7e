import { FlamingoError, throwIfAborted } from '../core/errors';
import type { AppendResult, AppendStep, Sequence } from '../core/executor';
import { sampleToken } from '../core/sampling';
import type { OrtExecutor, OrtMedia } from './executor';
import type { OrtTensor } from './runtime';

/** Tokens of one run: longer prompts take several, so that a stop is heard and scores stay small. */
const PREFILL_ROWS = 128;

/** A KV cache as tensors that one run gives and the next one takes. */
export class OrtSequence implements Sequence {
  length = 0;
  /** past_key.0, past_value.0, past_key.1 …; each [1, kvHeads, length, d] and possibly longer after `truncate`. */
  private past = new Map<string, OrtTensor>();
  private stacked: { media: readonly unknown[]; inputs: Record<string, OrtTensor> } | undefined;
  private disposed = false;

  constructor(
    private readonly executor: OrtExecutor,
    readonly capacity: number,
  ) {}

  async append(step: AppendStep): Promise<AppendResult> {
    this.check(step);
    const { vocab } = this.executor.config;
    const taps = new Map<string, Float32Array[]>();
    const logits: Float32Array[] = [];
    let last = new Float32Array();
    for (let start = 0; start < step.ids.length; start += PREFILL_ROWS) {
      throwIfAborted(step.signal);
      const end = Math.min(start + PREFILL_ROWS, step.ids.length);
      const results = await this.run(step, start, end);
      const all = (await results.logits.getData()) as Float32Array<ArrayBuffer>;
      last = all.slice(-vocab);
      if (step.logits === 'all') logits.push(all);
      for (const name of step.taps ?? []) {
        const values = (await results[name].getData()) as Float32Array;
        taps.set(name, [...(taps.get(name) ?? []), values]);
      }
    }
    return {
      logits: step.logits === 'all' ? concat(logits) : step.logits === 'last' ? last : undefined,
      token: step.sample && sampleToken(last, step.sample),
      taps: new Map([...taps].map(([name, parts]) => [name, this.joinTap(name, parts, step)])),
    };
  }

  truncate(length: number): void {
    if (length < 0 || length > this.length) {
      throw new FlamingoError('invalid-option', `Cannot rewind to ${length}: the context has ${this.length} tokens.`);
    }
    this.setLength(length);
  }

  async fork(): Promise<Sequence> {
    const copy = new OrtSequence(this.executor, this.capacity);
    copy.past = new Map(this.past); // tensors are never written again, so both may hold them
    copy.setLength(this.length);
    return copy;
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.setLength(0);
    this.disposed = true;
    this.past.clear();
  }

  private async run(step: AppendStep, start: number, end: number): Promise<Record<string, OrtTensor>> {
    const { ort, counters } = this.executor;
    const rows = end - start;
    const inputs: Record<string, OrtTensor> = {
      input_ids: ort.longs(step.ids.slice(start, end), [1, rows]),
      position: ort.longs([this.length], [1]),
      ...this.mediaInputs(step, start, end),
      ...this.pastInputs(),
    };
    const results = await this.executor.runDecoder(inputs, ['logits', ...this.presentNames(), ...(step.taps ?? [])]);
    for (const name of this.presentNames()) this.past.set(name.replace('present', 'past'), results[name]);
    this.setLength(this.length + rows);
    counters[step.ids.length === 1 ? 'decodedTokens' : 'prefilledTokens'] += rows;
    return results;
  }

  private presentNames(): string[] {
    return Array.from({ length: this.executor.config.decoder.layers }, (_, i) => [
      `present_key.${i}`,
      `present_value.${i}`,
    ]).flat();
  }

  /** The cache cut to the present length; empty tensors at first. */
  private pastInputs(): Record<string, OrtTensor> {
    const { config, ort } = this.executor;
    const { kvHeads, headDim } = config.decoder;
    const inputs: Record<string, OrtTensor> = {};
    for (const name of this.presentNames().map((present) => present.replace('present', 'past'))) {
      const known = this.past.get(name);
      if (this.length === 0 || !known) inputs[name] = ort.floats(new Float32Array(), [1, kvHeads, 0, headDim]);
      else if (known.dims[2] === this.length) inputs[name] = known;
      else
        inputs[name] = ort.floats(cutRows(known.data as Float32Array, known.dims, this.length), [
          1,
          kvHeads,
          this.length,
          headDim,
        ]);
    }
    return inputs;
  }

  /** Keys and values of the step's media side by side, [G, M, H, n, d]; one medium of zeros that nobody sees when there is none. */
  private mediaInputs({ media, mediaIndex }: AppendStep, start: number, end: number): Record<string, OrtTensor> {
    const { config, ort } = this.executor;
    const G = config.gated.before.length;
    if (G === 0) return {};
    const { heads, headDim } = config.gated;
    const one = heads * config.resampler.latents * headDim;
    if (!this.stacked || !sameItems(this.stacked.media, media)) {
      const M = Math.max(1, media.length);
      const stack = (pick: (medium: OrtMedia) => Float32Array) => {
        const all = new Float32Array(G * M * one);
        media.forEach((medium, m) => {
          for (let k = 0; k < G; k++)
            all.set(pick(medium as OrtMedia).subarray(k * one, (k + 1) * one), (k * M + m) * one);
        });
        return ort.floats(all, [G, M, heads, config.resampler.latents, headDim]);
      };
      const inputs = { media_key: stack(({ keys }) => keys), media_value: stack(({ values }) => values) };
      this.stacked = { media: [...media], inputs };
    }
    return { ...this.stacked.inputs, media_index: ort.longs(mediaIndex.slice(start, end), [1, end - start]) };
  }

  /** Chunks of hidden states follow each other; those of probabilities [H, rows, M*n] are put together per head. */
  private joinTap(name: string, parts: Float32Array[], { ids, media }: AppendStep): Float32Array {
    if (parts.length === 1 || !name.startsWith('attention.')) return concat(parts);
    const { gated, resampler } = this.executor.config;
    const width = Math.max(1, media.length) * resampler.latents;
    const all = new Float32Array(gated.heads * ids.length * width);
    let row = 0;
    for (const part of parts) {
      const rows = part.length / (gated.heads * width);
      for (let h = 0; h < gated.heads; h++) {
        all.set(part.subarray(h * rows * width, (h + 1) * rows * width), (h * ids.length + row) * width);
      }
      row += rows;
    }
    return all;
  }

  private setLength(length: number): void {
    const { layers, kvHeads, headDim } = this.executor.config.decoder;
    this.executor.account('selfKv', (length - this.length) * 2 * layers * kvHeads * headDim * 4);
    this.length = length;
  }

  private check({ ids, mediaIndex, media }: AppendStep): void {
    if (this.disposed) throw new FlamingoError('disposed', 'This sequence was disposed of.');
    const worst = Math.max(-1, ...mediaIndex);
    if (worst >= media.length) {
      throw new FlamingoError('media-count', `A token refers to picture ${worst + 1}, but ${media.length} were given.`);
    }
    const { vocab } = this.executor.config;
    const foreign = ids.find((id) => !(id >= 0 && id < vocab));
    if (foreign !== undefined)
      throw new FlamingoError('invalid-option', `Token ${foreign} is outside the vocabulary of ${vocab}.`);
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

/** The first `length` rows of every head of [1, heads, rows, d]. */
function cutRows(data: Float32Array, [, heads, rows, d]: readonly number[], length: number): Float32Array {
  const cut = new Float32Array(heads * length * d);
  for (let h = 0; h < heads; h++) cut.set(data.subarray(h * rows * d, (h * rows + length) * d), h * length * d);
  return cut;
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function concat(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
