import type { DecoderConfig } from '../../format/config';
import {
  type Canonical,
  type CheckpointTensor,
  exact,
  type StoredType,
  stacked,
  TensorMaker,
  type Tensors,
} from './tensors';

/** Sizes of a language model; families read what concerns them. */
export interface LanguageSpec {
  width: number;
  /** Width of the tables, where it is another. */
  tableWidth?: number;
  heads: number;
  kvHeads?: number;
  headDim?: number;
  layers: number;
  inner: number;
  /** Rows of the tables in the language model's own file. */
  rows: number;
  bias: boolean;
  tied: boolean;
  type: StoredType;
  /** Further fields of config.json, and what they mean for the decoder. */
  config?: Record<string, unknown>;
  decoder?: Partial<DecoderConfig>;
}

export interface LanguageCheckpoint {
  config: Record<string, unknown>;
  tensors: Tensors;
  canonical: Canonical;
  decoder: DecoderConfig;
  contextLength: number;
  embedding: string;
  head: string | null;
  headBias?: string;
  blocksPath: string;
}

/** Collects tensors of a family beside what they are in a package. */
export class Builder {
  readonly tensors: Tensors = new Map();
  readonly canonical: Canonical = new Map();
  readonly make: TensorMaker;

  constructor(type: StoredType, seed: number) {
    this.make = new TensorMaker(type, seed);
  }

  put(source: string, tensor: CheckpointTensor, target?: string): void {
    this.tensors.set(source, tensor);
    if (target) this.canonical.set(target, exact(tensor));
  }

  /** weight [rows, columns] and bias [rows]. */
  linear(source: string, target: string, rows: number, columns: number, bias: boolean): void {
    this.put(`${source}.weight`, this.make.matrix(rows, columns), `${target}.weight`);
    if (bias) this.put(`${source}.bias`, this.make.vector(rows), `${target}.bias`);
  }

  norm(source: string, target: string, width: number, bias: boolean): void {
    this.put(`${source}.weight`, this.make.vector(width, 1), `${target}.weight`);
    if (bias) this.put(`${source}.bias`, this.make.vector(width), `${target}.bias`);
  }

  /** Several source modules that a package holds as one. */
  stack(target: string, modules: [source: string, rows: number][], columns: number, bias: boolean): void {
    for (const part of bias ? ['weight', 'bias'] : ['weight']) {
      const parts = modules.map(([, rows]) =>
        part === 'weight' ? this.make.matrix(rows, columns) : this.make.vector(rows),
      );
      for (const [k, [source]] of modules.entries()) this.tensors.set(`${source}.${part}`, parts[k]);
      this.canonical.set(`${target}.${part}`, exact(stacked(...parts)));
    }
  }
}

/** Fields that all families have; each adds its own. */
export function decoderOf(spec: LanguageSpec, own: Partial<DecoderConfig>): DecoderConfig {
  const { width, heads, kvHeads = heads, headDim = width / heads, layers, inner, bias, tied } = spec;
  return {
    layers,
    heads,
    kvHeads,
    headDim,
    norm: { kind: 'layer', eps: 1e-5, bias: true },
    position: { kind: 'learned', offset: 0, rows: 1 },
    qkNorm: null,
    clipQkv: null,
    scale: 1 / Math.sqrt(headDim),
    bias: { qkv: bias, out: bias, head: false },
    feedForward: { inner, activation: 'gelu', gated: false, bias },
    parallelResidual: false,
    tiedHead: tied,
    ...own,
    ...spec.decoder,
  };
}
