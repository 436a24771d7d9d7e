import type { WeightType } from '../../core/dtypes';
import { STORAGE_CODE } from './epilogue';
import { matvec } from './matvec';
import { matvecBlocks } from './matvec-blocks';

/**
 * The kernel and team shape for a weight of `cols` columns on a device. Software adapters get one lane per team: SwiftShader and lavapipe
 * spend more on a barrier than on the products (src/bench/kernels). GPUs get as many lanes as a row has vec4u, so that
 * neighbouring lanes read neighbouring words; 32 at most, because a sum over more lanes needs more barriers than it saves turns.
 */
export function chooseMatvec(
  { software }: { software: boolean },
  storage: WeightType,
  cols: number,
): { kernel: typeof matvec; overrides: { WG: number; LANES: number } } {
  if (cols % 32 !== 0) return { kernel: matvec, overrides: software ? { WG: 32, LANES: 1 } : { WG: 64, LANES: 32 } };
  if (software) return { kernel: matvecBlocks, overrides: { WG: 32, LANES: 1 } };
  const vectors = cols / 4 / 2 ** STORAGE_CODE[storage];
  const LANES = Math.min(32, Math.max(4, 2 ** Math.floor(Math.log2(vectors))));
  return { kernel: matvecBlocks, overrides: { WG: 64, LANES } };
}
