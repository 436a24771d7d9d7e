import type { ReferenceClipText } from '../../reference/model/clip-text';
import type { ClipCheckpoint, ClipSpec } from './clip';
import { type Canonical, exact, stacked, TensorMaker } from './tensors';

export interface ClipTextSpec {
  vocab: number;
  contextLength: number;
  width: number;
  heads: number;
  layers: number;
  inner: number;
  embedding: number;
  /** Names of a model whose text tower is a part of its own (open_clip's CustomTextCLIP). */
  prefix?: 'text.';
}

/** Module names of a block: canonical, open_clip's, Hugging Face's. */
const MODULES = [
  ['norm1', 'ln_1', 'layer_norm1'],
  ['out', 'attn.out_proj', 'self_attn.out_proj'],
  ['norm2', 'ln_2', 'layer_norm2'],
  ['up', 'mlp.c_fc', 'mlp.fc1'],
  ['down', 'mlp.c_proj', 'mlp.fc2'],
] as const;

/** Adds a text tower, and the projections of both towers, to a CLIP checkpoint. */
export function addClipText(
  { tensors, canonical, config }: ClipCheckpoint,
  clip: ClipSpec,
  spec: ClipTextSpec,
  seed: number,
) {
  const make = new TensorMaker(clip.type, seed);
  const isOpen = clip.layout === 'open_clip';
  const { width: W, embedding: E, prefix = '' } = spec;
  const put = (name: string, target: string, tensor: ReturnType<TensorMaker['make']>) => {
    tensors.set(name, tensor);
    canonical.set(target, exact(tensor));
  };
  const [stem, face] = [`${prefix}transformer.resblocks`, 'text_model.encoder.layers'];
  const module = (open: string, other: string, target: string, rows: number, columns?: number) => {
    const name = isOpen ? open : other;
    put(`${name}.weight`, `${target}.weight`, columns ? make.matrix(rows, columns) : make.vector(rows, 1));
    put(`${name}.bias`, `${target}.bias`, make.vector(rows));
  };
  put(
    isOpen ? `${prefix}token_embedding.weight` : 'text_model.embeddings.token_embedding.weight',
    'text.tokens.weight',
    make.matrix(spec.vocab, W),
  );
  put(
    isOpen ? `${prefix}positional_embedding` : 'text_model.embeddings.position_embedding.weight',
    'text.positions',
    make.matrix(spec.contextLength, W),
  );
  module(`${prefix}ln_final`, 'text_model.final_layer_norm', 'text.norm', W);
  const shapes = { norm1: [W], out: [W, W], norm2: [W], up: [spec.inner, W], down: [W, spec.inner] };
  for (let i = 0; i < spec.layers; i++) {
    for (const [target, open, other] of MODULES) {
      const [rows, columns] = shapes[target];
      module(`${stem}.${i}.${open}`, `${face}.${i}.${other}`, `text.blocks.${i}.${target}`, rows, columns);
    }
    for (const part of ['weight', 'bias']) {
      const parts = [0, 1, 2].map(() => (part === 'weight' ? make.matrix(W, W) : make.vector(W)));
      canonical.set(`text.blocks.${i}.qkv.${part}`, exact(stacked(...parts)));
      if (isOpen) tensors.set(`${stem}.${i}.attn.in_proj_${part}`, stacked(...parts));
      else
        for (const [k, which] of ['q', 'k', 'v'].entries())
          tensors.set(`${face}.${i}.self_attn.${which}_proj.${part}`, parts[k]);
    }
  }
  // open_clip multiplies with its parameters as they are; linear layers are stored the other way round.
  const projection = (open: string, other: string, target: string, from: number) => {
    const tensor = isOpen ? make.matrix(from, E) : make.matrix(E, from);
    tensors.set(isOpen ? open : other, tensor);
    canonical.set(target, isOpen ? transposed(exact(tensor), from, E) : exact(tensor));
  };
  projection(`${prefix}text_projection`, 'text_projection.weight', 'text.projection', W);
  projection('visual.proj', 'visual_projection.weight', 'vision.projection', clip.width);
  tensors.set('logit_scale', make.make([], 1, 2));
  addConfig(config, clip, spec);
  const reference: ReferenceClipText = { ...spec, activation: clip.activation, eps: isOpen ? 1e-5 : 1e-3 };
  return { reference, canonical: canonical as Canonical };
}

function addConfig(
  config: Record<string, unknown>,
  clip: ClipSpec,
  { width, heads, contextLength, vocab, layers, embedding, inner }: ClipTextSpec,
) {
  if (clip.layout === 'open_clip') {
    const model = config.model_cfg as Record<string, unknown>;
    model.embed_dim = embedding;
    model.text_cfg = { context_length: contextLength, vocab_size: vocab, width, heads, layers };
    return;
  }
  const hidden_act = clip.activation === 'gelu' ? 'gelu' : 'quick_gelu';
  const sizes = { hidden_size: width, num_attention_heads: heads, num_hidden_layers: layers, intermediate_size: inner };
  config.projection_dim = embedding;
  config.text_config = {
    ...sizes,
    vocab_size: vocab,
    max_position_embeddings: contextLength,
    hidden_act,
    layer_norm_eps: 1e-3,
  };
}

function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: values.length }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}
