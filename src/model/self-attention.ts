import type { DecoderConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { type ParamValue, stepValue } from '../gpu/recording';
import { causalAttention } from '../kernels/attention/causal';
import { splitQkv } from '../kernels/position/split-qkv';
import { Linear } from './linear';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Keys and values of one block for every token of a sequence, [kvHeads, capacity, d] each. */
export interface KeyValueCache {
  keys: LedgerBuffer;
  values: LedgerBuffer;
}

/** Tables that all blocks share: rotary cos and sin by position, ALiBi slopes by head. */
export interface PositionTables {
  rotary: LedgerBuffer;
  slopes: LedgerBuffer;
}

/** Where the paths of a tree's rows begin and how long they are at most. */
const PATHS = { prefix: stepValue('prefix'), stride: stepValue('stride') };

/** x += out(softmax(q k^T * scale + positions) v) over the tokens so far: four dispatches when decoding. */
export class SelfAttention {
  private readonly qkv: Linear;
  private readonly out: Linear;
  private readonly qkNorms: LedgerBuffer | undefined;
  private readonly tables: PositionTables;

  constructor(
    weights: Weights,
    private readonly name: string,
    private readonly config: DecoderConfig,
    { tables, norm }: { tables: PositionTables; norm: Norm | undefined },
  ) {
    const at = `${name}.attn`;
    this.qkv = new Linear(weights.matrix(`${at}.qkv.weight`), {
      norm,
      bias: weights.vector(`${at}.qkv.bias`),
    });
    this.out = new Linear(weights.matrix(`${at}.out.weight`), { bias: weights.vector(`${at}.out.bias`) });
    this.tables = tables;
    this.qkNorms = weights.vector(`${at}.qk_norms`);
  }

  /** Everything but the output projection: x [rows, D] -> [rows, heads * d]. */
  recordAttend(
    stage: Stage,
    x: LedgerBuffer,
    cache: KeyValueCache,
    position: ParamValue,
    capacity: number,
  ): LedgerBuffer {
    const { heads, kvHeads: kv_heads, headDim: d, scale } = this.config;
    const qkv = stage.scratch.get('qkv', this.qkv.outputs);
    const q = stage.scratch.get('q', heads * d);
    const attended = stage.scratch.get('attended', heads * d);
    const sizes = { rows: stage.rows, position, capacity, heads, kv_heads, d };
    this.qkv.record(stage, `${this.name}.attn.qkv`, x, qkv);
    this.recordSplit(stage, qkv, q, cache, sizes);
    stage.rec.add(`${this.name}.attn`, causalAttention, {
      buffers: {
        q,
        key_cache: cache.keys,
        value_cache: cache.values,
        slopes: this.tables.slopes,
        places: stage.places ?? stage.none,
        y: attended,
      },
      params: { ...sizes, scale, ...(stage.places ? PATHS : { prefix: 0, stride: 0 }) },
      overrides: { ALIBI: alibiKind(this.config), TREE: Number(stage.places !== undefined) },
    });
    return attended;
  }

  recordOut(stage: Stage, attended: LedgerBuffer, x: LedgerBuffer): void {
    this.out.record(stage, `${this.name}.attn.out`, attended, x, 'add');
  }

  private recordSplit(
    stage: Stage,
    qkv: LedgerBuffer,
    q: LedgerBuffer,
    cache: KeyValueCache,
    sizes: Record<'rows' | 'position' | 'capacity' | 'heads' | 'kv_heads' | 'd', ParamValue>,
  ): void {
    const { position, qkNorm, clipQkv } = this.config;
    const rotary = position.kind === 'rotary' ? position : null;
    stage.rec.add(`${this.name}.attn.split`, splitQkv, {
      buffers: {
        qkv,
        norms: this.qkNorms ?? stage.none,
        rotary: this.tables.rotary,
        places: stage.places ?? stage.none,
        q,
        key_cache: cache.keys,
        value_cache: cache.values,
      },
      params: { ...sizes, dims: rotary?.dims ?? 0, eps: qkNorm?.norm.eps ?? 0, clip: clipQkv ?? 0 },
      overrides: {
        PAIRING: rotary ? (rotary.pairing === 'half' ? 1 : 2) : 0,
        QK_NORM: qkNorm ? (qkNorm.over === 'width' ? 1 : 2) : 0,
        NORM_KIND: qkNorm?.norm.kind === 'rms' ? 2 : 1,
        QK_BIAS: Number(qkNorm?.norm.bias ?? false),
        CLIP: Number(clipQkv !== null),
        TREE: Number(stage.places !== undefined),
      },
    });
  }
}

function alibiKind({ position }: DecoderConfig): number {
  if (position.kind !== 'alibi') return 0;
  return position.rounding ? 2 : 1;
}

/** cos and sin of position * theta^(-2i/dims) (times factors), [positions, dims/2, 2]; made in f64, because WGSL's cos is only accurate within one turn. */
export function rotaryTable(config: DecoderConfig, positions: number): Float32Array<ArrayBuffer> {
  if (config.position.kind !== 'rotary') return new Float32Array(4);
  const { dims, theta, factors } = config.position;
  const table = new Float32Array(positions * dims);
  for (let i = 0; i < dims / 2; i++) {
    // Upstream keeps the frequency and the angle in f32; so do we, or long prompts drift from its results.
    const frequency = Math.fround(theta ** ((-2 * i) / dims) * (factors?.[i] ?? 1));
    for (let p = 0; p < positions; p++) {
      const angle = Math.fround(p * frequency);
      table[p * dims + 2 * i] = Math.cos(angle);
      table[p * dims + 2 * i + 1] = Math.sin(angle);
    }
  }
  return table;
}
