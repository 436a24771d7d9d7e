import { FlamingoError, throwIfAborted } from '../core/errors';
import type { Lane, Lanes, LanesResult, LanesStep } from '../core/executor';
import { logProbability } from '../core/log-probability';
import { seesRanges, selfBlocks } from '../format/config';
import type { OrtExecutor } from './executor';
import { MediaStack, seenMedia } from './media-stack';
import { presentNames } from './present-names';
import type { OrtTensor } from './runtime';

/** One lane's cache: row `index` of tensors past_* [B, kvHeads, rows, d], of which the first `length` rows count. */
export interface LaneCache {
  past: Readonly<Record<string, OrtTensor>>;
  index: number;
  length: number;
}

/** Bytes of caches that one run may put side by side: every lane of a run has a copy of the prefix. */
const RUN_BYTES = 64 * 1024 * 1024;

/** Lanes as rows of a batch: caches are put together in the order of the step before each run. */
export class OrtLanes implements Lanes {
  private caches: readonly LaneCache[];
  private readonly media: MediaStack;

  constructor(
    private readonly executor: OrtExecutor,
    prefix: LaneCache,
    private readonly capacity: number,
  ) {
    this.caches = [prefix];
    this.media = new MediaStack(executor.ort, executor.config);
  }

  async append(step: LanesStep): Promise<LanesResult> {
    this.check(step);
    const { vocab } = this.executor.config;
    const logits = step.logits ? new Float32Array(step.lanes.length * vocab) : undefined;
    const logprobs: number[][] = step.lanes.map(() => []);
    const caches = step.lanes.map(({ from }) => this.caches[from]);
    for (const group of this.groups(step.lanes)) {
      throwIfAborted(step.signal);
      const results = await this.run(step, group);
      const [, rows] = results.logits.dims.map(Number);
      const data = results.logits.data as Float32Array;
      group.forEach((lane, b) => {
        const { from, ids, targets = [] } = step.lanes[lane];
        const row = (t: number) => data.subarray((b * rows + t) * vocab, (b * rows + t + 1) * vocab);
        targets.forEach((target, t) => void logprobs[lane].push(logProbability(row(t), target)));
        logits?.set(row(ids.length - 1), lane * vocab);
        const past = Object.fromEntries(
          Object.entries(results).map(([name, tensor]) => [name.replace('present', 'past'), tensor]),
        );
        caches[lane] = { past, index: b, length: this.caches[from].length + ids.length };
      });
    }
    this.caches = caches;
    const tokens = step.lanes.reduce((sum, { ids }) => sum + ids.length, 0);
    this.executor.counters[tokens === step.lanes.length ? 'decodedTokens' : 'prefilledTokens'] += tokens;
    return { logits, logprobs };
  }

  [Symbol.dispose](): void {
    this.caches = [];
  }

  /** Lanes that can run at once: of one length, and no more than RUN_BYTES hold. */
  private groups(lanes: readonly Lane[]): number[][] {
    const { config } = this.executor;
    const { kvHeads, headDim } = config.decoder;
    const perToken = 2 * selfBlocks(config).length * kvHeads * headDim * 4;
    const open = new Map<number, number[]>();
    const groups: number[][] = [];
    lanes.forEach(({ from, ids }, lane) => {
      if (ids.length === 0) return;
      const { length } = this.caches[from];
      const most = Math.max(1, Math.floor(RUN_BYTES / (perToken * (length + ids.length))));
      let group = open.get(length);
      if (!group || group.length >= most) {
        group = [];
        groups.push(group);
        open.set(length, group);
      }
      group.push(lane);
    });
    return groups;
  }

  /** One run over the lanes of a group, padded on the right to the longest. */
  private async run(step: LanesStep, group: readonly number[]): Promise<Record<string, OrtTensor>> {
    const { ort, config } = this.executor;
    const lanes = group.map((lane) => step.lanes[lane]);
    const rows = Math.max(...lanes.map(({ ids }) => ids.length));
    const caches = lanes.map(({ from }) => this.caches[from]);
    const { media, mediaIndex, mediaFirst = mediaIndex } = step;
    const leadSeesAll = config.gated.lead === 'no-feed-forward';
    const seen = seenMedia({ media, mediaIndex: [mediaIndex], mediaFirst: [mediaFirst] }, leadSeesAll);
    const shape = [group.length, rows] as const;
    const padded = lanes.flatMap(({ ids }) => [...ids, ...Array<number>(rows - ids.length).fill(0)]);
    const all = (value: number) => ort.longs(Array<number>(padded.length).fill(value), shape);
    const inputs: Record<string, OrtTensor> = {
      ...this.executor.embeddingInputs(padded, shape),
      position: ort.longs([caches[0].length], [1]),
      ...(config.gated.before.length > 0 ? { media_index: all(seen.index[0]) } : {}),
      ...(seesRanges(config) ? { media_first: all(seen.first[0]) } : {}),
      ...this.media.inputs(seen.media),
      ...this.executor.strengthInput(step.visualStrength),
      ...this.sideBySide(caches),
    };
    return await this.executor.runDecoder(inputs, ['logits', ...(step.final ? [] : presentNames(config))]);
  }

  /** past_* [B, kvHeads, length, d] of several lanes. */
  private sideBySide(caches: readonly LaneCache[]): Record<string, OrtTensor> {
    const { ort, config } = this.executor;
    const { kvHeads, headDim: d } = config.decoder;
    const [{ past: first, length }] = caches;
    const inputs: Record<string, OrtTensor> = {};
    for (const name of Object.keys(first).filter((each) => each.startsWith('past_'))) {
      const whole = new Float32Array(caches.length * kvHeads * length * d);
      caches.forEach(({ past, index }, b) => {
        const data = past[name].data as Float32Array;
        const rows = Number(past[name].dims[2]);
        for (let h = 0; h < kvHeads && length > 0; h++) {
          const from = (index * kvHeads + h) * rows * d;
          whole.set(data.subarray(from, from + length * d), (b * kvHeads + h) * length * d);
        }
      });
      inputs[name] = ort.floats(whole, [caches.length, kvHeads, length, d]);
    }
    return inputs;
  }

  private check({ lanes }: LanesStep): void {
    const { vocab, embeddings = vocab, contextLength } = this.executor.config;
    const foreign = lanes.flatMap(({ ids }) => ids).find((id) => !(id >= 0 && id < embeddings));
    if (foreign !== undefined)
      throw new FlamingoError('invalid-option', `Token ${foreign} is outside the vocabulary of ${embeddings}.`);
    const tokens = Math.max(...lanes.map(({ from, ids }) => this.caches[from].length + ids.length));
    const most = Math.min(contextLength, this.capacity);
    if (tokens <= most) return;
    throw new FlamingoError(
      'context-overflow',
      `Continuations would have ${tokens} tokens; there is room for ${most}.`,
      {
        hint: 'Shorten the prompt or the answers.',
        details: { tokens, most },
      },
    );
  }
}
