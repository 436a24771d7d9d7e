import { dirname, join } from 'node:path';
import { FlamingoError, isFlamingoError } from '../core/errors';
import type { ClipText } from '../format/manifest';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import { WeightEncoder } from './encode-weights';
import { activationOf, allow, type Described, field, headWidth, numberField, section } from './families/fields';
import { hasAny, stack } from './families/language';
import { buildClipText, type ClipTextConfig, clipTextTensors } from './graphs/clip-text';
import { type FileSink, writeGraph } from './graphs/write-graph';
import { checkRecipes, RecipeBook } from './recipe';
import type { ModelFolder } from './sources';
import { readTokenizer } from './tokenizer';

/** File of a package that holds the text tower's tokenizer. */
export const CLIP_TOKENIZER = 'clip-tokenizer.json';

/** CLIP's text tower beside a vision tower: what joins pictures and texts in one space. */
export interface ClipTextTower {
  config: ClipTextConfig;
  /** For the manifest. */
  clip: ClipText;
  /** Puts the vision tower's final norm and projection into its book, and marks what the text tower uses. */
  fill(book: RecipeBook): void;
  write(sink: FileSink, type: 'f32' | 'f16'): Promise<void>;
}

/** Where the tensors of a layout are. */
interface Names {
  tokens: string;
  positions: string;
  blocks: string;
  norm: string;
  projection: string;
  visualNorm: string;
  visualProjection: string;
  /** Modules of a block: norm1, out, norm2, up, down. */
  modules: readonly [string, string, string, string, string];
  fusedQkv: boolean;
}

const OPEN_CLIP = (prefix: string): Names => ({
  tokens: `${prefix}token_embedding.weight`,
  positions: `${prefix}positional_embedding`,
  blocks: `${prefix}transformer.resblocks.`,
  norm: `${prefix}ln_final`,
  projection: `${prefix}text_projection`,
  visualNorm: 'visual.ln_post',
  visualProjection: 'visual.proj',
  modules: ['ln_1', 'attn.out_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'],
  fusedQkv: true,
});

const HUGGING_FACE: Names = {
  tokens: 'text_model.embeddings.token_embedding.weight',
  positions: 'text_model.embeddings.position_embedding.weight',
  blocks: 'text_model.encoder.layers.',
  norm: 'text_model.final_layer_norm',
  projection: 'text_projection.weight',
  visualNorm: 'vision_model.post_layernorm',
  visualProjection: 'visual_projection.weight',
  modules: ['layer_norm1', 'self_attn.out_proj', 'layer_norm2', 'mlp.fc1', 'mlp.fc2'],
  fusedQkv: false,
};

/**
 * The text tower of a CLIP folder; a sentence why not, where it has one that cannot be taken; undefined where it has none. The Flamingo model itself does not need
 * it, so nothing is refused for its sake. Source: open_clip/src/open_clip/{model,transformer}.py; transformers modeling_clip.py.
 */
export async function clipTextTower(folder: ModelFolder): Promise<ClipTextTower | string | undefined> {
  const { source } = folder;
  const names = [OPEN_CLIP(''), OPEN_CLIP('text.'), HUGGING_FACE].find(
    ({ tokens, visualProjection }) => source.tensors.has(tokens) && source.tensors.has(visualProjection),
  );
  if (!names || !source.tensors.has('logit_scale')) return undefined;
  try {
    return await openTower(folder, names);
  } catch (error) {
    if (!isFlamingoError(error) || !['unsupported', 'not-found', 'bad-file', 'shape-mismatch'].includes(error.code))
      throw error;
    return `CLIP’s text tower was left out: ${error.message}`;
  }
}

async function openTower(folder: ModelFolder, names: Names): Promise<ClipTextTower> {
  const { source } = folder;
  const config = names.fusedQkv ? openClipConfig(folder, names) : huggingFaceConfig(folder, names);
  const tokenizer = await readTokenizer(join(dirname(folder.configFile), 'tokenizer.json'));
  const [startId, endId] = ['<|startoftext|>', '<|endoftext|>'].map((content) => {
    const id = tokenizer.idOf(content);
    if (id !== undefined && id < config.vocab) return id;
    throw new FlamingoError('bad-file', `${tokenizer.path} has no ${content} within its ${config.vocab} tokens.`);
  });
  const book = new RecipeBook();
  fillText(book, source, names, config);
  const tensors = clipTextTensors(config).map(([name, shape]) => ({ name, shape }));
  checkRecipes(tensors, book.recipes);
  const [scale] = await source.readRows('logit_scale', 0, 1);
  const { embedding, contextLength } = config;
  return {
    config,
    clip: { embedding, contextLength, startId, endId, logitScale: Math.exp(scale) },
    fill(into) {
      stack(into, source, 'vision.norm_post', [names.visualNorm], true);
      into.set('vision.projection', into.whole(source, names.visualProjection));
      fillText(into, source, names, config);
      into.markUsed(source, 'logit_scale');
    },
    async write(sink, type) {
      await writeGraph(buildClipText(config, type), new WeightEncoder(book.recipes, new Map(), type).pieces, sink);
      await sink.write(CLIP_TOKENIZER, new TextEncoder().encode(tokenizer.text));
    },
  };
}

function openClipConfig(folder: ModelFolder, names: Names): ClipTextConfig {
  const model = field(folder, 'model_cfg') === undefined ? folder : section(folder, 'model_cfg');
  const text = section(model, 'text_cfg');
  for (const name of ['hf_model_name', 'ls_init_value']) allow(text, name, []);
  for (const name of ['embed_cls', 'no_causal_mask', 'proj_bias']) allow(text, name, [false]);
  allow(text, 'pool_type', ['argmax', 'eos']);
  allow(text, 'proj_type', ['linear']);
  const vision = section(model, 'vision_cfg');
  allow(vision, 'pool_type', ['tok'], 'Its embedding is a mean of patches.');
  const settings = section(text, 'act_kwargs');
  allow(settings, 'approximate', ['none', 'tanh']);
  const gelu = field(settings, 'approximate') === 'tanh' ? 'gelu-tanh' : 'gelu';
  const sizes = sizesOf(folder.source, names, 'columns');
  const heads = numberField(text, 'heads', Math.max(1, sizes.width / 64));
  headWidth(text, sizes.width, heads);
  const eps = numberField(section(text, 'norm_kwargs'), 'eps', 1e-5);
  return { ...sizes, heads, eps, activation: field(model, 'quick_gelu') === true ? 'quick-gelu' : gelu };
}

function huggingFaceConfig(folder: ModelFolder, names: Names): ClipTextConfig {
  const text: Described = section(folder, 'text_config');
  const sizes = sizesOf(folder.source, names, 'rows');
  const heads = numberField(text, 'num_attention_heads', 8);
  headWidth(text, sizes.width, heads);
  const eps = numberField(text, 'layer_norm_eps', 1e-5);
  return { ...sizes, heads, eps, activation: activationOf(text, 'hidden_act', 'quick_gelu') };
}

function sizesOf(source: TensorSource, names: Names, projection: ClipTextConfig['projection']) {
  const shape = (name: string) => tensorOf(source, name).shape;
  const [vocab, width] = shape(names.tokens);
  let layers = 0;
  while (hasAny(source, new RegExp(`^${escaped(names.blocks)}${layers}\\.`))) layers++;
  const [inner] = shape(`${names.blocks}0.${names.modules[3]}.weight`);
  const embedding = shape(names.projection)[projection === 'rows' ? 0 : 1];
  return { vocab, width, layers, inner, embedding, contextLength: shape(names.positions)[0], projection };
}

function fillText(book: RecipeBook, source: TensorSource, names: Names, { layers }: ClipTextConfig): void {
  const whole = (target: string, name: string) => book.set(`text.${target}`, book.whole(source, name));
  whole('tokens.weight', names.tokens);
  whole('positions', names.positions);
  stack(book, source, 'text.norm', [names.norm], true);
  whole('projection', names.projection);
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`${names.blocks}${i}`, `blocks.${i}`];
    for (const [k, part] of (['norm1', 'out', 'norm2', 'up', 'down'] as const).entries())
      stack(book, source, `text.${to}.${part}`, [`${from}.${names.modules[k]}`], true);
    if (names.fusedQkv)
      for (const part of ['weight', 'bias']) whole(`${to}.qkv.${part}`, `${from}.attn.in_proj_${part}`);
    else
      stack(
        book,
        source,
        `text.${to}.qkv`,
        ['q', 'k', 'v'].map((which) => `${from}.self_attn.${which}_proj`),
        true,
      );
  }
}

function escaped(text: string): string {
  return text.replaceAll('.', '\\.');
}
