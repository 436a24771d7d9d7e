import { type FlamingoConfig, selfBlocks } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import type { Bindable } from '../gpu/recording';
import { Block } from './block';
import { GatedLayer, type MediaSlots } from './gated-layer';
import { type KeyValueCache, type PositionTables, rotaryTable } from './self-attention';
import type { Stage } from './stage';
import { Embedding, Head } from './tables';
import type { Weights } from './weights';

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

/** The frozen language model with gated cross-attention between its blocks. Recording only: no GPU work, no allocation but scratch. */
export class Decoder {
  private readonly embedding: Embedding;
  private readonly blocks: Map<number, Block>;
  private readonly gated: Map<number, GatedLayer>;
  private readonly head: Head;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const tables = positionTables(weights, config);
    this.embedding = new Embedding(weights, config);
    this.blocks = new Map(selfBlocks(config).map((i) => [i, new Block(weights, `blocks.${i}`, config, tables)]));
    this.gated = new Map(config.gated.before.map((block, k) => [block, new GatedLayer(weights, k, config)]));
    this.head = new Head(weights, config);
  }

  /** ids -> x [rows, D] after all blocks. Each block's output can be tapped as `hidden.<block>`. */
  record(stage: Stage, sequence: SequenceBuffers): LedgerBuffer {
    const D = this.config.width;
    const x = stage.scratch.get('x', D);
    this.embedding.record(stage, sequence.ids, x);
    let [nextGated, nextCache] = [0, 0];
    for (let i = 0; i < this.config.decoder.layers; i++) {
      this.gated.get(i)?.record(stage, x, sequence.media[nextGated++], sequence);
      this.blocks.get(i)?.record(stage, x, sequence.caches[nextCache++], sequence.capacity);
      stage.rec.tap(`hidden.${i}`, x, D);
    }
    return x;
  }

  /** Logits of the last row, [1, V]. */
  recordLastLogits(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    this.head.recordLast(stage, x, logits);
  }

  /** Logits of every row, [rows, V]. */
  recordAllLogits(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    this.head.recordAll(stage, x, logits);
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
