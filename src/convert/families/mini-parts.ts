import { FlamingoError } from '../../core/errors';
import { type Described, field, section } from './fields';

/** config.json names the frozen parts by their addresses on a hub; heads and activations of those are not in the weights. Every published part of these kinds. */
const TOWERS: Record<string, Record<string, unknown>> = {
  'openai/clip-vit-base-patch32': { num_attention_heads: 12, image_size: 224 },
  'openai/clip-vit-base-patch16': { num_attention_heads: 12, image_size: 224 },
  'openai/clip-vit-large-patch14': { num_attention_heads: 16, image_size: 224 },
  'openai/clip-vit-large-patch14-336': { num_attention_heads: 16, image_size: 336 },
};

const gpt2 = (n_embd: number, n_layer: number, n_head: number) => ({ model_type: 'gpt2', n_embd, n_layer, n_head });
const opt = (hidden_size: number, num_hidden_layers: number, num_attention_heads: number) => ({
  model_type: 'opt',
  hidden_size,
  num_hidden_layers,
  num_attention_heads,
  ffn_dim: 4 * hidden_size,
});
const LANGUAGES: Record<string, Record<string, unknown>> = {
  gpt2: gpt2(768, 12, 12),
  'gpt2-medium': gpt2(1024, 24, 16),
  'gpt2-large': gpt2(1280, 36, 20),
  'gpt2-xl': gpt2(1600, 48, 25),
  'facebook/opt-125m': opt(768, 12, 12),
  'facebook/opt-350m': { ...opt(1024, 24, 16), do_layer_norm_before: false, word_embed_proj_dim: 512 },
  'facebook/opt-1.3b': opt(2048, 24, 32),
  'facebook/opt-2.7b': opt(2560, 32, 32),
  'facebook/opt-6.7b': opt(4096, 32, 32),
  'facebook/opt-13b': opt(5120, 40, 40),
  'facebook/opt-30b': opt(7168, 48, 56),
  'facebook/opt-66b': opt(9216, 64, 72),
};

/** The vision tower's config: `clip_config` where there is one, or what `clip_model_type` is known to be. */
export function towerConfig(folder: Described): Record<string, unknown> {
  const known = partConfig(folder, 'clip_config', 'clip_model_type', TOWERS, 'openai/clip-vit-base-patch32');
  return { hidden_act: 'quick_gelu', ...known };
}

/** The language model's config: `lm_config` where there is one, or what `lm` is known to be. */
export function languageConfig(folder: Described): Record<string, unknown> {
  return partConfig(folder, 'lm_config', 'lm', LANGUAGES, 'gpt2');
}

/** Throws `unsupported` for a part that is neither described nor known. */
function partConfig(
  folder: Described,
  described: string,
  named: string,
  table: Record<string, Record<string, unknown>>,
  otherwise: string,
): Record<string, unknown> {
  if (field(folder, described) !== undefined) return section(folder, described).config;
  const name = field(folder, named) ?? otherwise;
  if (typeof name === 'string' && Object.hasOwn(table, name)) return table[name];
  throw new FlamingoError(
    'unsupported',
    `${folder.configFile}: ${named} is ${JSON.stringify(name)}; known are ${Object.keys(table).join(', ')}.`,
    {
      hint: `Add "${described}" to config.json: the config.json of that part.`,
      details: { file: folder.configFile, field: named, value: name },
    },
  );
}
