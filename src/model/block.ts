import type { FlamingoConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { type ParamValue, stepValue } from '../gpu/recording';
import { FeedForward, recordNorm } from './linear';
import { type KeyValueCache, type PositionTables, SelfAttention } from './self-attention';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Number of tokens before the step; filled in at submit time. */
export const POSITION: ParamValue = stepValue('position');

/** A block of the frozen language model: self-attention, then a feed-forward, with norms before them, or behind what they are added to. */
export class Block {
  private readonly attention: SelfAttention;
  private readonly feedForward: FeedForward;
  /** Norms that stand behind the halves; those before them belong to the products that read them. */
  private readonly norms: readonly [Norm, Norm] | undefined;

  constructor(
    weights: Weights,
    private readonly name: string,
    private readonly config: FlamingoConfig,
    tables: PositionTables,
  ) {
    const { decoder } = config;
    const [norm1, norm2] = [weights.norm(`${name}.norm1`, decoder.norm), weights.norm(`${name}.norm2`, decoder.norm)];
    const isAfter = decoder.normPlacement === 'after';
    this.norms = isAfter ? [norm1, norm2] : undefined;
    this.attention = new SelfAttention(weights, name, decoder, { tables, norm: isAfter ? undefined : norm1 });
    this.feedForward = new FeedForward(
      weights.matrix(`${name}.ff.up.weight`),
      weights.matrix(`${name}.ff.down.weight`),
      decoder.feedForward,
      {
        norm: isAfter ? undefined : norm2,
        upBias: weights.vector(`${name}.ff.up.bias`),
        downBias: weights.vector(`${name}.ff.down.bias`),
      },
    );
  }

  /** x [rows, D] in place. */
  record(stage: Stage, x: LedgerBuffer, cache: KeyValueCache, capacity: number): void {
    const attended = this.attention.recordAttend(stage, x, cache, POSITION, capacity);
    if (this.norms) this.recordNormed(stage, x, attended, this.norms);
    else if (this.config.decoder.parallelResidual) this.recordParallel(stage, x, attended);
    else {
      this.attention.recordOut(stage, attended, x);
      this.recordFeedForward(stage, x);
    }
  }

  /** x + out(attended), then x + ff(norm2 x) of that. With recordAttend six dispatches when decoding. */
  private recordFeedForward(stage: Stage, x: LedgerBuffer): void {
    const name = `${this.name}.ff`;
    this.feedForward.recordDown(stage, name, this.feedForward.recordUp(stage, name, x), x, 'add');
  }

  /** Both halves from the same x (GPT-NeoX): the feed-forward reads it before attention is added. */
  private recordParallel(stage: Stage, x: LedgerBuffer, attended: LedgerBuffer): void {
    const name = `${this.name}.ff`;
    const hidden = this.feedForward.recordUp(stage, name, x);
    this.attention.recordOut(stage, attended, x);
    this.feedForward.recordDown(stage, name, hidden, x, 'add');
  }

  /** norm2(y + ff(y)) with y = norm1(x + out(attended)). The sums are normalised whole, by dispatches of their own: eight when decoding. */
  private recordNormed(
    stage: Stage,
    x: LedgerBuffer,
    attended: LedgerBuffer,
    [norm1, norm2]: readonly [Norm, Norm],
  ): void {
    const normed = stage.scratch.get('normed', this.config.width);
    this.attention.recordOut(stage, attended, x);
    recordNorm(stage, `${this.name}.norm1`, norm1, x, normed);
    this.recordFeedForward(stage, normed);
    recordNorm(stage, `${this.name}.norm2`, norm2, normed, x);
  }
}
