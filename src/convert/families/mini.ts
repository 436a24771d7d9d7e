import { FlamingoError } from '../../core/errors';
import type { Activation } from '../../format/config';
import { type TensorSource, tensorOf } from '../../format/tensor-source';
import { planConversion } from '../plan';
import { splitSource } from '../renamed';
import type { ModelFolder } from '../sources';
import { clipOf, openVision, type VisionSource } from '../vision-source';
import { partOf, type WholeCheckpoint, type WholeFamily, type WholeModel } from '../whole-family';
import { type Described, field, flagField, numberField, unsupported } from './fields';
import { languageConfig, towerConfig } from './mini-parts';
import { miniPrompt, miniTokenizer } from './mini-prompt';

/**
 * flamingo-mini and flamingo-tiny: features with the class token, gated layers before blocks 0, n, 2n, …. Source: dhansmair/flamingo-mini
 * flamingo_mini/{configuration,modeling}_flamingo.py, perceiver_resampler.py, gated_cross_attention.py, utils.py.
 */
export const mini: WholeFamily = {
  name: 'flamingo-mini',
  takesVision: true,
  recognises: ({ config, source }) => 'xattn_every' in config && source.tensors.has('flamingo.resampler.latents'),
  open,
};

/** CLIPVisionModel's last_hidden_state. */
const FEATURES = { tokens: 'before-post-norm', keepClass: true } as const;
const ACTIVATIONS: Record<string, Activation> = { gelu: 'gelu', sqrelu: 'relu2', relu: 'relu' };
/** Under `flamingo.lm.`: the path of the blocks, and what stands before it in the language model's own files. */
const KINDS: Record<string, { blocks: string; root: string; table: string }> = {
  gpt2: { blocks: 'h', root: 'transformer.', table: 'wte.weight' },
  opt: { blocks: 'decoder.layers', root: 'model.', table: 'decoder.embed_tokens.weight' },
};

async function open(checkpoint: WholeCheckpoint): Promise<WholeModel> {
  const { folder, settings } = checkpoint;
  const text = { ...folder, config: languageConfig(folder) };
  const kind = KINDS[String(text.config.model_type)];
  if (!kind) throw unsupported(text, 'model_type', text.config.model_type, Object.keys(KINDS).join(' or '));
  const names = namesOf(kind, flagField(text, 'tie_word_embeddings', true), folder.source);
  const source = splitSource(folder.source, names);
  checkSizes(folder, source.delta);
  const vision = await openTower(checkpoint, source.vision);
  const { tokens } = checkpoint.tokenizer;
  const plan = await planConversion(
    { vision, language: partOf(folder, source.language, text.config), delta: source.delta, tokens },
    {
      perceiver: heads(folder, 'resampler'),
      cross_attention: heads(folder, 'xattn'),
      cross_attn_every_n_layers: numberField(folder, 'xattn_every', 1),
      first_block: 'first-of-n',
      activations: { perceiver: act(folder, 'resampler_act'), cross_attention: act(folder, 'xattn_act') },
    },
  );
  const tokenizer = miniTokenizer(checkpoint.tokenizer, settings);
  return { vision, plan, tokenizer, prompt: miniPrompt(tokenizer, settings, plan.config.vocab) };
}

/**
 * Views of the checkpoint. A tied head is one tensor with the embedding; upstream reads it last, so that what is stored as the head is what counts. OpenFlamingo's names
 * for what joins the frozen parts.
 */
function namesOf({ blocks, root, table }: (typeof KINDS)[string], tied: boolean, { tensors }: TensorSource) {
  const layer = new RegExp(`^flamingo\\.lm\\.(${blocks.replace('.', '\\.')}\\.\\d+)\\.xattn_block\\.`);
  const head = 'flamingo.lm_head.weight';
  return {
    vision: (name: string) => name.match(/^flamingo\.vision_encoder\.(.*)$/)?.[1],
    language(name: string) {
      if (layer.test(name)) return undefined;
      if (name === head) return tied ? undefined : 'lm_head.weight';
      return name
        .match(/^flamingo\.lm\.(.*)$/)?.[1]
        .replace(/^/, root)
        .replace('.lm_block.', '.');
    },
    delta(name: string) {
      if (name === head) return tied ? `lang_encoder.${root}${table}` : 'lang_encoder.lm_head.weight';
      if (name === `flamingo.lm.${table}`)
        return tied && tensors.has(head) ? undefined : `lang_encoder.${root}${table}`;
      const own = name.match(/^flamingo\.resampler\.(.*)$/)?.[1];
      if (own !== undefined) return `perceiver.${own.replace('time_pos_emb', 'frame_embs')}`;
      if (!layer.test(name)) return undefined;
      return name
        .replace(layer, `lang_encoder.${root}$1.gated_cross_attn_layer.`)
        .replace('.ffw.', '.ff.')
        .replace('.alpha_attn', '.attn_gate')
        .replace('.alpha_ffw', '.ff_gate');
    },
  };
}

/** The tower in the checkpoint, or --vision where the checkpoint leaves it out: upstream then loads the one it was trained with. */
async function openTower(
  { folder, preprocessor, visionPath }: WholeCheckpoint,
  own: TensorSource,
): Promise<VisionSource> {
  if (own.tensors.size > 0) {
    if (visionPath === undefined) return clipOf(partOf(folder, own, towerConfig(folder)), preprocessor, FEATURES);
    throw new FlamingoError(
      'invalid-option',
      `--vision ${visionPath} was given, but ${own.label} holds its own tower.`,
      {
        hint: 'Leave --vision out.',
      },
    );
  }
  if (visionPath !== undefined) return await openVision(visionPath, FEATURES);
  const name = String(field(folder, 'clip_model_type') ?? 'openai/clip-vit-base-patch32');
  throw new FlamingoError('not-found', `${own.label} holds no vision tower.`, {
    hint: `Give the one it was trained with as --vision: ${name}.`,
    details: { file: own.label, tower: name },
  });
}

function heads(folder: Described, part: 'resampler' | 'xattn') {
  return { heads: numberField(folder, `${part}_heads`, 8), dim_head: numberField(folder, `${part}_dim_head`, 64) };
}

function act(folder: Described, name: string): Activation {
  const value = field(folder, name) ?? 'gelu';
  const activation = typeof value === 'string' ? ACTIVATIONS[value] : undefined;
  if (activation) return activation;
  throw unsupported(folder, name, value, Object.keys(ACTIVATIONS).join(', '));
}

/** What config.json says of sizes that the weights have, too. Throws `shape-mismatch` with both numbers. */
function checkSizes(folder: ModelFolder, delta: TensorSource): void {
  const first = [...delta.tensors.keys()].find((name) => name.endsWith('.gated_cross_attn_layer.ff.1.weight'));
  const rows = (name: string) => tensorOf(delta, name).shape[0];
  const [latents, width] = tensorOf(delta, 'perceiver.latents').shape;
  const depth =
    new Set([...delta.tensors.keys()].map((name) => /^perceiver\.layers\.(\d+)\./.exec(name)?.[1])).size - 1;
  const dim = numberField(folder, 'dim', 1024);
  const sizes: [string, number, number][] = [
    ['dim_visual', numberField(folder, 'dim_visual', 768), width],
    ['resampler_num_latents', numberField(folder, 'resampler_num_latents', 64), latents],
    ['resampler_num_time_embeds', numberField(folder, 'resampler_num_time_embeds', 4), rows('perceiver.frame_embs')],
    ['resampler_depth', numberField(folder, 'resampler_depth', 6), depth],
    ['resampler_ff_mult', numberField(folder, 'resampler_ff_mult', 4) * width, rows('perceiver.layers.0.1.1.weight')],
    ...(first
      ? [['xattn_ff_mult', numberField(folder, 'xattn_ff_mult', 4) * dim, rows(first)] as [string, number, number]]
      : []),
  ];
  for (const [name, configured, stored] of sizes) {
    if (Math.trunc(configured) === stored) continue;
    throw new FlamingoError(
      'shape-mismatch',
      `${folder.configFile}: ${name} leads to a size of ${configured}, the weights have ${stored}.`,
      { hint: 'config.json belongs to another model.', details: { field: name, configured, stored } },
    );
  }
}
