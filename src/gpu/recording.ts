import type { Access, Kernel, ParamType } from './kernel';
import type { LedgerBuffer } from './ledger';

/** Numbers that change from step to step while the recording stays. */
export interface StepValues {
  /** Tokens in this step. */
  rows: number;
  /** Tokens in the cache before this step. */
  position: number;
  /** Further named numbers (seed, temperature, slot …). */
  [name: string]: number;
}

/** A parameter that is `times * step[of] + plus` at submit time. */
export interface StepParam {
  of: string;
  times: number;
  plus: number;
}

export type ParamValue = number | StepParam;

/** Names a number of the step, to be filled in at submit time. */
export function stepValue(of: string, times = 1, plus = 0): StepParam {
  return { of, times, plus };
}

/** A buffer as a kernel sees it: whole, or from a byte offset (a multiple of 256). */
export interface BufferSlice {
  buffer: LedgerBuffer;
  offset: number;
  size: number;
}

export type Bindable = LedgerBuffer | BufferSlice;

export interface Dispatch {
  readonly label: string;
  readonly kernel: Kernel;
  readonly overrides: Record<string, number>;
  readonly buffers: Record<string, Bindable>;
  readonly params: Record<string, ParamValue>;
}

/** A named intermediate result and the point of the recording at which its buffer holds it. */
export interface Tap {
  readonly name: string;
  readonly buffer: LedgerBuffer;
  /** Elements per row of the step; the buffer holds [rows, width], or [heads, rows, width]. */
  readonly width: number;
  readonly heads: number;
  readonly after: number;
}

/** A list of dispatches as plain data. Recording never touches the GPU; gpu/program compiles and submits it. */
export class Recording {
  readonly dispatches: Dispatch[] = [];
  readonly taps: Tap[] = [];

  /** Notes that `buffer` holds the named result here. Costs nothing unless someone asks for it. */
  tap(name: string, buffer: LedgerBuffer, width: number, heads = 1): void {
    this.taps.push({ name, buffer, width, heads, after: this.dispatches.length });
  }

  /** Appends one dispatch. `label` names the stage in errors, profiles and taps: `blocks.3.attn.out`. */
  add<P extends Record<string, ParamType>, B extends Record<string, Access>, O extends Record<string, number>>(
    label: string,
    kernel: Kernel<P, B, O>,
    use: { buffers: Record<keyof B, Bindable>; params: Record<keyof P, ParamValue>; overrides?: Partial<O> },
  ): void {
    const overrides = { ...kernel.overrides, ...use.overrides } as Record<string, number>;
    this.dispatches.push({
      label,
      kernel: kernel as unknown as Kernel,
      overrides,
      buffers: use.buffers,
      params: use.params,
    });
  }
}
