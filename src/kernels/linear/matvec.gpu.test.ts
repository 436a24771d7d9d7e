import { describeKernel } from '../../testing/describe-kernel';
import { type MatvecKind, matvecCases } from '../../testing/linear-case';
import { matvec } from './matvec';

// Each kind is a pipeline: storages, activations, residuals, norms and team shapes meet pairwise, not in every combination.
const kinds: MatvecKind[] = [
  { storage: 'f32', activation: 'gelu', residual: 'add', norm: { kind: 'layer', bias: true }, WG: 64, LANES: 32 },
  { storage: 'f16', activation: 'relu', residual: 'vector', bias: true, WG: 32, LANES: 1 },
  { storage: 'q8', activation: 'silu', residual: 'none', pair: true, WG: 64, LANES: 64 },
  { storage: 'q4', activation: 'none', residual: 'scalar', norm: { kind: 'rms', bias: false }, WG: 32, LANES: 4 },
];

await describeKernel(
  matvec,
  matvecCases(kinds, [
    [1, 0, 1, 1],
    [1, 2, 1, 31],
    [2, 1, 3, 32],
    [3, 0, 5, 33],
    [1, 0, 67, 7],
    [4, 3, 13, 100],
    [1, 1, 131, 257],
    [70, 0, 2, 66],
    [1, 0, 9, 2047],
  ]),
);
