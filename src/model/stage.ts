import { FlamingoError } from '../core/errors';
import type { GpuDevice } from '../gpu/device';
import type { LedgerBuffer } from '../gpu/ledger';
import { type Bindable, type ParamValue, type Recording, stepValue } from '../gpu/recording';

/** Where layers record to, and what they may know about the step that is being recorded. */
export interface Stage {
  readonly rec: Recording;
  /** One row: norms are fused into the matrix-vector products. Several: norms stand alone and products are tiled. */
  readonly single: boolean;
  /** Rows of the step: 1, or filled in at submit time. */
  readonly rows: ParamValue;
  readonly scratch: Scratch;
  /** Bound where a kernel has a binding that this model does not use. */
  readonly none: LedgerBuffer;
  /** The device is a rasteriser on the CPU: kernels are shaped for few barriers. */
  readonly software: boolean;
  /** Positions and paths of rows that are several continuations of one prefix (lib/places.wgsl); undefined where they are one text. */
  readonly places?: Bindable;
  /** Vectors of the rows that are no tokens; undefined where all are. */
  readonly given?: Bindable;
  /** Record the dispatches that write attention probabilities. */
  readonly probabilities: boolean;
  /** Media that probabilities over ranges are written for. */
  readonly media: number;
}

/** Rows of a prefill step. */
export const ROWS = stepValue('rows');

/** Named scratch buffers for `rows` rows of activations. Asking twice for one name gives one buffer of the larger width. */
export class Scratch implements Disposable {
  private readonly buffers = new Map<string, LedgerBuffer>();

  constructor(
    private readonly gpu: GpuDevice,
    private readonly prefix: string,
    readonly rows: number,
    private readonly elemBytes: number,
  ) {}

  /** A buffer of [rows, width] elements. The first call for a name fixes its width; a later, wider call is a defect. */
  get(name: string, width: number): LedgerBuffer {
    const bytes = this.rows * width * this.elemBytes;
    let buffer = this.buffers.get(name);
    if (!buffer) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      buffer = this.gpu.ledger.allocate(`${this.prefix}.${name}`, bytes, 'scratch', usage);
      this.buffers.set(name, buffer);
    }
    if (buffer.size < bytes)
      throw new FlamingoError('internal', `The scratch buffer ${name} has ${buffer.size} bytes; ${bytes} are needed.`);
    return buffer;
  }

  /** The same for results that are f32 whatever activations are. */
  getFloats(name: string, width: number): LedgerBuffer {
    return this.get(name, (width * 4) / this.elemBytes);
  }

  [Symbol.dispose](): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.buffers.clear();
  }
}
