import { FlamingoError, throwIfAborted } from '../core/errors';
import type { AppendResult, AppendStep, Lanes, SampleOptions, Sequence } from '../core/executor';
import { sampleToken, tokenLogprobs } from '../core/sampling';
import { seesRanges, selfBlocks } from '../format/config';
import type { OrtExecutor } from './executor';
import { OrtLanes } from './lanes';
import { MediaStack, type SeenMedia, seenMedia } from './media-stack';
import { presentNames } from './present-names';
import type { OrtTensor } from './runtime';
import { TapCollector } from './taps';

/** Tokens of one run: longer prompts take several, so that a stop is heard and scores stay small. */
const PREFILL_ROWS = 128;

/** A KV cache as tensors that one run gives and the next one takes. */
export class OrtSequence implements Sequence {
  length = 0;
  /** past_key.0, past_value.0, past_key.1 …; each [1, kvHeads, length, d] and possibly longer after `truncate`. */
  private past = new Map<string, OrtTensor>();
  private readonly media: MediaStack;
  private disposed = false;

  constructor(
    private readonly executor: OrtExecutor,
    readonly capacity: number,
  ) {
    this.media = new MediaStack(executor.ort, executor.config);
  }

  async append(step: AppendStep): Promise<AppendResult> {
    this.check(step);
    const { vocab } = this.executor.config;
    const taps = new TapCollector(this.executor.config, step);
    const all = step.logits === 'all' ? new Float32Array(step.ids.length * vocab) : undefined;
    let last: Float32Array | undefined;
    for (let start = 0; start < step.ids.length; start += PREFILL_ROWS) {
      throwIfAborted(step.signal);
      const end = Math.min(start + PREFILL_ROWS, step.ids.length);
      const seen = this.seen(step, start, end);
      const results = await this.run(step, start, end, seen);
      const logits = results.logits.data as Float32Array;
      all?.set(logits, start * vocab);
      last = logits.subarray(-vocab);
      for (const name of step.taps ?? []) taps.add(name, results[name].data as Float32Array, start, end - start, seen);
    }
    return {
      logits: all ?? (step.logits === 'last' ? last?.slice() : undefined),
      ...(last && step.sample ? chosen(last, step.sample) : {}),
      taps: taps.taps,
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

  async lanes(tokens: number): Promise<Lanes> {
    return new OrtLanes(
      this.executor,
      { past: this.pastInputs(), index: 0, length: this.length },
      this.length + tokens,
    );
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.setLength(0);
    this.disposed = true;
    this.past.clear();
  }

  private seen(step: AppendStep, start: number, end: number): SeenMedia {
    const of = { media: step.media, mediaIndex: step.mediaIndex.slice(start, end) };
    const mediaFirst = step.mediaFirst?.slice(start, end);
    return seenMedia({ ...of, mediaFirst }, this.executor.config.gated.lead === 'no-feed-forward');
  }

  private async run(step: AppendStep, start: number, end: number, seen: SeenMedia): Promise<Record<string, OrtTensor>> {
    const { ort, counters, config } = this.executor;
    const rows = end - start;
    const inputs: Record<string, OrtTensor> = {
      ...this.executor.embeddingInputs(step.ids.slice(start, end), [1, rows], step.vectors?.slice(start, end)),
      position: ort.longs([this.length], [1]),
      ...(config.gated.before.length > 0 ? { media_index: ort.longs(seen.index, [1, rows]) } : {}),
      ...(seesRanges(config) ? { media_first: ort.longs(seen.first, [1, rows]) } : {}),
      ...this.media.inputs(seen.media),
      ...this.executor.strengthInput(step.visualStrength),
      ...this.pastInputs(),
    };
    const results = await this.executor.runDecoder(inputs, [
      'logits',
      ...presentNames(this.executor.config),
      ...(step.taps ?? []),
    ]);
    for (const name of presentNames(this.executor.config))
      this.past.set(name.replace('present', 'past'), results[name]);
    this.setLength(this.length + rows);
    counters[step.ids.length === 1 ? 'decodedTokens' : 'prefilledTokens'] += rows;
    return results;
  }

  /** The cache cut to the present length; empty tensors at first. */
  private pastInputs(): Record<string, OrtTensor> {
    const { config, ort } = this.executor;
    const { kvHeads, headDim } = config.decoder;
    const inputs: Record<string, OrtTensor> = {};
    for (const name of presentNames(this.executor.config).map((present) => present.replace('present', 'past'))) {
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

  private setLength(length: number): void {
    const { config } = this.executor;
    const { kvHeads, headDim } = config.decoder;
    this.executor.account('selfKv', (length - this.length) * 2 * selfBlocks(config).length * kvHeads * headDim * 4);
    this.length = length;
  }

  private check({ ids, mediaIndex, media, taps }: AppendStep): void {
    if (this.disposed) throw new FlamingoError('disposed', 'This sequence was disposed of.');
    if (ids.length !== mediaIndex.length) {
      throw new FlamingoError('internal', `${ids.length} tokens came with ${mediaIndex.length} media indices.`);
    }
    const { tapNames } = this.executor;
    const unknown = taps?.find((name) => !tapNames.includes(name));
    if (unknown !== undefined) {
      throw new FlamingoError('invalid-option', `There is no intermediate result named ${unknown}.`, {
        hint: `Known names: ${tapNames.join(', ')}.`,
      });
    }
    const worst = Math.max(-1, ...mediaIndex);
    if (worst >= media.length) {
      throw new FlamingoError('media-count', `A token refers to picture ${worst + 1}, but ${media.length} were given.`);
    }
    const { vocab, embeddings = vocab } = this.executor.config;
    const foreign = ids.find((id) => !(id >= 0 && id < embeddings));
    if (foreign !== undefined)
      throw new FlamingoError('invalid-option', `Token ${foreign} is outside the vocabulary of ${embeddings}.`);
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

function chosen(logits: Float32Array, sample: SampleOptions): Pick<AppendResult, 'token' | 'logprobs'> {
  const token = sampleToken(logits, sample);
  return sample.logprobs === undefined ? { token } : { token, logprobs: tokenLogprobs(logits, token, sample.logprobs) };
}

/** The first `length` rows of every head of [1, heads, rows, d]. */
function cutRows(data: Float32Array, [, heads, rows, d]: readonly number[], length: number): Float32Array {
  const cut = new Float32Array(heads * length * d);
  for (let h = 0; h < heads; h++) cut.set(data.subarray(h * rows * d, (h * rows + length) * d), h * length * d);
  return cut;
}
