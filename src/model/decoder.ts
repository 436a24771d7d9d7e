import { type FlamingoConfig, selfBlocks } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { type Bindable, type ParamValue, stepValue } from '../gpu/recording';
import { gather } from '../kernels/embed/gather';
import { STORAGE_CODE } from '../kernels/linear/epilogue';
import { GatedLayer, type MediaSlots } from './gated-layer';
import { FeedForward, Linear } from './linear';
import { type KeyValueCache, type PositionTables, rotaryTable, SelfAttention } from './self-attention';
import type { Stage } from './stage';
import type { Matrix, Weights } from './weights';

/** What one sequence brings to a recording. */
export interface SequenceBuffers {
  ids: Bindable;
  /** What each token sees: the slot of its medium or -1, or a range of the entries. */
  seen: Bindable;
  /** Slots of media and how many of their latents are seen, for ranges. */
  entries: Bindable;
  /** 0 for tokens whose gated feed-forward is closed. */
  open: Bindable;
  /** Of the blocks with self-attention, in order. */
  caches: readonly KeyValueCache[];
  media: readonly MediaSlots[];
  capacity: number;
}

/** Number of tokens before the step; filled in at submit time. */
const POSITION: ParamValue = stepValue('position');

/** The frozen language model with gated cross-attention between its blocks. Recording only: no GPU work, no allocation but scratch. */
export class Decoder {
  private readonly table: Matrix;
  private readonly positions: LedgerBuffer | undefined;
  private readonly blocks: Map<number, { attention: SelfAttention; feedForward: FeedForward }>;
  private readonly gated: Map<number, GatedLayer>;
  private readonly head: Linear;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const { decoder } = config;
    const tables = positionTables(weights, config);
    this.table = weights.matrix('embed.weight');
    this.positions = weights.vector('positions.weight');
    this.blocks = new Map(
      selfBlocks(config).map((i) => [
        i,
        {
          attention: new SelfAttention(weights, `blocks.${i}`, decoder, tables),
          feedForward: blockFeedForward(weights, `blocks.${i}`, config),
        },
      ]),
    );
    this.gated = new Map(config.gated.before.map((block, k) => [block, new GatedLayer(weights, k, config)]));
    this.head = new Linear(decoder.tiedHead ? this.table : weights.matrix('head.weight'), {
      norm: weights.norm('norm', decoder.norm),
      bias: weights.vector('head.bias'),
    });
  }

  /** ids -> x [rows, D] after all blocks. Each block's output can be tapped as `hidden.<block>`. */
  record(stage: Stage, sequence: SequenceBuffers): LedgerBuffer {
    const D = this.config.width;
    const x = stage.scratch.get('x', D);
    this.recordEmbedding(stage, sequence.ids, x);
    let [nextGated, nextCache] = [0, 0];
    for (let i = 0; i < this.config.decoder.layers; i++) {
      const gated = this.gated.get(i);
      if (gated) gated.record(stage, x, sequence.media[nextGated++], sequence);
      if (this.blocks.has(i)) this.recordBlock(stage, i, x, sequence.caches[nextCache++], sequence.capacity);
      stage.rec.tap(`hidden.${i}`, x, D);
    }
    return x;
  }

  /** Logits of the last row, [1, V]. */
  recordLastLogits(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    const first = stage.single ? 0 : stepValue('rows', 1, -1);
    this.head.recordRows(stage, 'head', x, logits, { rows: 1, first });
  }

  /** Logits of every row, [rows, V]. */
  recordAllLogits(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    this.head.record(stage, 'head', x, logits);
  }

  private recordEmbedding(stage: Stage, ids: Bindable, x: LedgerBuffer): void {
    const { weight, scale, type } = this.table;
    const { position } = this.config.decoder;
    stage.rec.add('embed', gather, {
      buffers: {
        ids,
        weight,
        scale,
        positions: this.positions ?? stage.none,
        places: stage.places ?? stage.none,
        y: x,
      },
      params: {
        rows: stage.rows,
        cols: this.config.width,
        position: POSITION,
        offset: position.kind === 'learned' ? position.offset : 0,
      },
      overrides: {
        STORAGE: STORAGE_CODE[type],
        LEARNED: Number(position.kind === 'learned'),
        TREE: Number(stage.places !== undefined),
      },
    });
  }

  /** x + attention, then + feed-forward; or both from the same x (parallel residual, GPT-NeoX). Six dispatches when decoding. */
  private recordBlock(stage: Stage, i: number, x: LedgerBuffer, cache: KeyValueCache, capacity: number): void {
    const block = this.blocks.get(i);
    if (!block) return;
    const { attention, feedForward } = block;
    const name = `blocks.${i}.ff`;
    const attended = attention.recordAttend(stage, x, cache, POSITION, capacity);
    if (this.config.decoder.parallelResidual) {
      const hidden = feedForward.recordUp(stage, name, x);
      attention.recordOut(stage, attended, x);
      feedForward.recordDown(stage, name, hidden, x, 'add');
    } else {
      attention.recordOut(stage, attended, x);
      feedForward.recordDown(stage, name, feedForward.recordUp(stage, name, x), x, 'add');
    }
  }
}

function positionTables(weights: Weights, { decoder, contextLength }: FlamingoConfig): PositionTables {
  const { position, heads } = decoder;
  return {
    rotary: weights.addTable('rotary', rotaryTable(decoder, contextLength)),
    slopes: weights.addTable(
      'slopes',
      Float32Array.from(position.kind === 'alibi' ? position.slopes : new Array(heads).fill(0)),
    ),
  };
}

function blockFeedForward(weights: Weights, at: string, { decoder }: FlamingoConfig): FeedForward {
  return new FeedForward(
    weights.matrix(`${at}.ff.up.weight`),
    weights.matrix(`${at}.ff.down.weight`),
    decoder.feedForward,
    {
      norm: weights.norm(`${at}.norm2`, decoder.norm),
      upBias: weights.vector(`${at}.ff.up.bias`),
      downBias: weights.vector(`${at}.ff.down.bias`),
    },
  );
}
