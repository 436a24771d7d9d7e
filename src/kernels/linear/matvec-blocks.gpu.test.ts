import { describeKernel } from '../../testing/describe-kernel';
import { type MatvecKind, matvecCases } from '../../testing/linear-case';
import { matvecBlocks } from './matvec-blocks';

const layer = (bias: boolean) => ({ kind: 'layer' as const, bias });
const rms = (bias: boolean) => ({ kind: 'rms' as const, bias });

// Each kind is a pipeline: storages, activations, residuals, norms and team shapes meet pairwise, not in every combination.
const kinds: MatvecKind[] = [
  { storage: 'f32', activation: 'relu2', residual: 'scalar', norm: layer(true), bias: true, WG: 32, LANES: 1 },
  { storage: 'f16', activation: 'gelu', residual: 'vector', pair: true, bias: true, WG: 32, LANES: 8 },
  { storage: 'q8', activation: 'gelu-tanh', residual: 'add', norm: rms(true), WG: 32, LANES: 4 },
  { storage: 'q4', activation: 'quick-gelu', residual: 'none', norm: layer(false), WG: 64, LANES: 32 },
  { storage: 'q4', activation: 'silu', residual: 'none', pair: true, WG: 32, LANES: 1 },
];

await describeKernel(
  matvecBlocks,
  matvecCases(kinds, [
    [1, 0, 1, 32],
    [1, 2, 3, 64],
    [3, 1, 5, 96],
    [2, 0, 131, 160],
    [70, 0, 2, 32],
    // Rows of more than 1024 columns are normalised in parts; 1056 leaves a last part of one block.
    [1, 1, 9, 1056],
    [1, 0, 7, 2048],
  ]),
);
