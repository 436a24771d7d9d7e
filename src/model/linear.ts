import type { Activation, FeedForwardConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import type { ParamValue } from '../gpu/recording';
import { chooseMatvec } from '../kernels/linear/choose-matvec';
import { activationCode, STORAGE_CODE } from '../kernels/linear/epilogue';
import { matmul } from '../kernels/linear/matmul';
import { headNorm } from '../kernels/norm/head-norm';
import { layerNorm } from '../kernels/norm/layer-norm';
import { rmsNorm } from '../kernels/norm/rms-norm';
import type { Stage } from './stage';
import type { Matrix, Norm } from './weights';

/** tanh(gate), of the layer or per channel. */
export interface Gate {
  buffer: LedgerBuffer;
  perChannel: boolean;
}

export interface LinearOptions {
  /** Normalise the input first. */
  norm?: Norm;
  bias?: LedgerBuffer;
  activation?: Activation;
  /** The weight holds gate rows, then value rows: y = act(gate) * value. */
  pair?: boolean;
}

/** How a product ends: overwrite y, add to it, or add tanh(gate) times the product. */
export type Into = 'write' | 'add' | Gate;

/** y = activation(norm(x) W^T + bias), with W [outputs, columns]; written, added, or added through a gate. */
export class Linear {
  readonly outputs: number;

  constructor(
    private readonly matrix: Matrix,
    private readonly options: LinearOptions = {},
  ) {
    this.outputs = options.pair ? matrix.outputs / 2 : matrix.outputs;
  }

  /** x [rows, columns] -> y [rows, outputs]. */
  record(stage: Stage, label: string, x: LedgerBuffer, y: LedgerBuffer, into: Into = 'write'): void {
    const { norm } = this.options;
    if (stage.single || !norm) {
      if (stage.single) this.recordRows(stage, label, x, y, { into, rows: 1, first: 0 });
      else this.recordTiled(stage, label, x, y, into);
      return;
    }
    const normed = stage.scratch.get('normed', norm.width);
    recordNorm(stage, `${label}.norm`, norm, x, normed);
    this.recordTiled(stage, label, normed, y, into);
  }

  /** The product for `rows` single rows of x from row `first` on, norm included; y [rows, outputs]. */
  recordRows(
    stage: Stage,
    label: string,
    x: LedgerBuffer,
    y: LedgerBuffer,
    { into = 'write', rows, first }: { into?: Into; rows: ParamValue; first: ParamValue },
  ): void {
    const { norm } = this.options;
    const { outputs, columns } = { outputs: this.outputs, columns: this.matrix.columns };
    const fused = norm && {
      NORM: norm.config.kind === 'layer' ? 1 : 2,
      NORM_BIAS: Number(norm.config.bias),
    };
    const { kernel, overrides } = chooseMatvec(stage, this.matrix.type, columns);
    stage.rec.add(label, kernel, {
      buffers: { x, norm: norm?.packed ?? stage.none, ...this.weightBuffers(stage, into), y },
      params: { rows, first, outputs, cols: columns, eps: norm?.config.eps ?? 0 },
      overrides: { ...overrides, ...this.overrides(into), ...fused },
    });
  }

  private recordTiled(stage: Stage, label: string, x: LedgerBuffer, y: LedgerBuffer, into: Into): void {
    stage.rec.add(label, matmul, {
      buffers: { x, ...this.weightBuffers(stage, into), y },
      params: { rows: stage.rows, outputs: this.outputs, cols: this.matrix.columns },
      overrides: this.overrides(into),
    });
  }

  private weightBuffers({ none }: Stage, into: Into) {
    const { weight, scale } = this.matrix;
    return { weight, scale, bias: this.options.bias ?? none, gate: typeof into === 'object' ? into.buffer : none };
  }

  private overrides(into: Into) {
    const residual = { write: 0, add: 1 };
    return {
      STORAGE: STORAGE_CODE[this.matrix.type],
      HAS_BIAS: Number(this.options.bias !== undefined),
      ACTIVATION: activationCode(this.options.activation ?? 'none'),
      PAIR: Number(this.options.pair ?? false),
      RESIDUAL: typeof into === 'object' ? (into.perChannel ? 3 : 2) : residual[into],
    };
  }
}

/** y = norm(x), row by row. */
export function recordNorm(stage: Stage, label: string, norm: Norm, x: LedgerBuffer, y: LedgerBuffer): void {
  const params = { rows: stage.rows, cols: norm.width, eps: norm.config.eps };
  if (norm.config.kind === 'rms') stage.rec.add(label, rmsNorm, { buffers: { x, weight: norm.packed, y }, params });
  else {
    const overrides = { HAS_BIAS: Number(norm.config.bias) };
    stage.rec.add(label, layerNorm, { buffers: { x, norm: norm.packed, y }, params, overrides });
  }
}

/** Heads of a buffer [rows, stride]: the first heads * d values of each row. */
export interface HeadRows {
  rows: ParamValue;
  heads: number;
  d: number;
  stride: number;
}

/** Normalises every head of x in place, where the model does so. */
export function recordHeadNorm(stage: Stage, label: string, norm: Norm | undefined, x: LedgerBuffer, shape: HeadRows) {
  if (!norm) return;
  const { kind, eps, bias } = norm.config;
  stage.rec.add(label, headNorm, {
    buffers: { norm: norm.packed, x },
    params: { ...shape, eps },
    overrides: { NORM: kind === 'layer' ? 1 : 2, HAS_BIAS: Number(bias) },
  });
}

/** down(act(up(norm(x)))), or down(act(gate) * value) for gated pairs; two dispatches when decoding. */
export class FeedForward {
  private readonly up: Linear;
  private readonly down: Linear;

  constructor(
    up: Matrix,
    down: Matrix,
    private readonly config: FeedForwardConfig,
    { norm, upBias, downBias }: { norm?: Norm; upBias?: LedgerBuffer; downBias?: LedgerBuffer },
  ) {
    this.up = new Linear(up, { norm, bias: upBias, activation: config.activation, pair: config.gated });
    this.down = new Linear(down, { bias: downBias });
  }

  /** x -> hidden. Apart from `recordDown` because a parallel residual reads x before attention is added to it. */
  recordUp(stage: Stage, label: string, x: LedgerBuffer): LedgerBuffer {
    const hidden = stage.scratch.get('hidden', this.config.inner);
    this.up.record(stage, `${label}.up`, x, hidden);
    return hidden;
  }

  recordDown(stage: Stage, label: string, hidden: LedgerBuffer, y: LedgerBuffer, into: Into): void {
    this.down.record(stage, `${label}.down`, hidden, y, into);
  }
}
