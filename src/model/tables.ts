import { embeddingWidth, type FlamingoConfig, finalNorm } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { type Bindable, stepValue } from '../gpu/recording';
import { gather } from '../kernels/embed/gather';
import { STORAGE_CODE } from '../kernels/linear/epilogue';
import { POSITION } from './block';
import { Linear } from './linear';
import type { Stage } from './stage';
import type { Matrix, Weights } from './weights';

/** ids -> x [rows, D]: rows of the table, or vectors that are given in their place, projected where they are not D wide, and learned positions. */
export class Embedding {
  private readonly table: Matrix;
  private readonly positions: LedgerBuffer | undefined;
  private readonly projection: Linear | undefined;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    this.table = weights.matrix('embed.weight');
    this.positions = weights.vector('positions.weight');
    this.projection = projected(config) ? new Linear(weights.matrix('embed.project.weight')) : undefined;
  }

  record(stage: Stage, ids: Bindable, x: LedgerBuffer): void {
    const learned = this.positions !== undefined;
    if (!this.projection) {
      this.recordRows(stage, 'embed', ids, x, { cols: this.config.width, table: true, learned });
      return;
    }
    const E = embeddingWidth(this.config);
    const rows = stage.scratch.get('table_rows', E);
    this.recordRows(stage, 'embed', ids, rows, { cols: E, table: true, learned: false });
    if (learned) this.recordRows(stage, 'positions', ids, x, { cols: this.config.width, table: false, learned });
    this.projection.record(stage, 'embed.project', rows, x, learned ? 'add' : 'write');
  }

  /** y [rows, cols] = rows of the table, of the positions, or their sum. */
  private recordRows(
    stage: Stage,
    label: string,
    ids: Bindable,
    y: LedgerBuffer,
    { cols, table, learned }: { cols: number; table: boolean; learned: boolean },
  ): void {
    const { weight, scale, type } = this.table;
    const { position } = this.config.decoder;
    const positions = (learned && this.positions) || stage.none;
    const given = table ? stage.given : undefined;
    stage.rec.add(label, gather, {
      buffers: { ids, weight, scale, positions, places: stage.places ?? stage.none, given: given ?? stage.none, y },
      params: {
        rows: stage.rows,
        cols,
        position: POSITION,
        offset: position.kind === 'learned' ? position.offset : 0,
      },
      overrides: {
        STORAGE: STORAGE_CODE[type],
        TABLE: Number(table),
        LEARNED: Number(learned),
        TREE: Number(stage.places !== undefined),
        GIVEN: Number(given !== undefined),
      },
    });
  }
}

/** Logits of x: the final norm, where there is one, the projection to the head's width, where it is not D, and the head. */
export class Head {
  private readonly projection: Linear | undefined;
  private readonly head: Linear;
  private readonly width: number;

  constructor(weights: Weights, config: FlamingoConfig) {
    const { decoder } = config;
    const last = finalNorm(decoder);
    const norm = last && weights.norm('norm', last);
    const matrix = weights.matrix(decoder.tiedHead ? 'embed.weight' : 'head.weight');
    const bias = weights.vector('head.bias');
    this.width = embeddingWidth(config);
    this.projection = projected(config) ? new Linear(weights.matrix('head.project.weight'), { norm }) : undefined;
    this.head = new Linear(matrix, { norm: this.projection ? undefined : norm, bias });
  }

  /** Logits of the last row, [1, V]. */
  recordLast(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    const first = stage.single ? 0 : stepValue('rows', 1, -1);
    if (!this.projection) {
      this.head.recordRows(stage, 'head', x, logits, { rows: 1, first });
      return;
    }
    const narrow = stage.scratch.get('head_input', this.width);
    this.projection.recordRows(stage, 'head.project', x, narrow, { rows: 1, first });
    this.head.recordRows(stage, 'head', narrow, logits, { rows: 1, first: 0 });
  }

  /** Logits of every row, [rows, V]. */
  recordAll(stage: Stage, x: LedgerBuffer, logits: LedgerBuffer): void {
    if (!this.projection) {
      this.head.record(stage, 'head', x, logits);
      return;
    }
    const narrow = stage.scratch.get('head_input', this.width);
    this.projection.record(stage, 'head.project', x, narrow);
    this.head.record(stage, 'head', narrow, logits);
  }
}

function projected(config: FlamingoConfig): boolean {
  return embeddingWidth(config) !== config.width;
}
