/** Type of a field of a kernel's `Params` uniform. */
export type ParamType = 'u32' | 'i32' | 'f32';

/** How a kernel uses a storage binding. `write` means: every element of the documented shape is overwritten. */
export type Access = 'read' | 'write' | 'read-write';

export type Workgroups = readonly [x: number, y: number, z: number];

/** The host's half of one shader: data, no behaviour. Compared with the WGSL by the contract test. */
export interface Kernel<
  Params extends Record<string, ParamType> = Record<string, ParamType>,
  Bindings extends Record<string, Access> = Record<string, Access>,
  Overrides extends Record<string, number> = Record<string, number>,
> {
  /** Path under shaders/, without extension. */
  readonly id: string;
  /** Pipeline constants and their defaults. */
  readonly overrides: Overrides;
  /** Fields of `struct Params`, in order, the last binding (uniform). All are scalars of 4 bytes. */
  readonly params: Params;
  /** Storage bindings of group 0, in binding order. At most 8: more is not portable. */
  readonly bindings: Bindings;
  /** Size of the dispatch. */
  readonly workgroups: (params: Record<keyof Params, number>, overrides: Record<keyof Overrides, number>) => Workgroups;
}

/** Checks the literal types of a kernel's description; misspelt names fail to compile where it is used. */
export function defineKernel<
  const Params extends Record<string, ParamType>,
  const Bindings extends Record<string, Access>,
  Overrides extends Record<string, number>,
>(kernel: Kernel<Params, Bindings, Overrides>): Kernel<Params, Bindings, Overrides> {
  return kernel;
}

/** Splits `count` workgroups over x and y where one dimension is not enough; the shader rebuilds the index as y * 65535 + x. */
export const MAX_WORKGROUPS = 65535;
