import { FlamingoError } from '../../core/errors';
import type { FlamingoConfig, PerceiverConfig } from '../../format/config';
import { type TensorSource, tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { type Described, numberField } from './fields';
import { type LanguageModel, mover, stack } from './language';

/** perceiver_resampler.*: transformers models/idefics/perceiver.py. */
export function fillResampler(book: RecipeBook, source: TensorSource, resampler: PerceiverConfig): void {
  const at = 'perceiver_resampler';
  book.set('resampler.latents', book.whole(source, `${at}.latents`));
  for (let i = 0; i < resampler.layers; i++) {
    const put = mover(book, source, `${at}.blocks.${i}`, `resampler.layers.${i}`);
    put('norm_media', true, '0.context_layer_norm');
    put('norm_latents', true, '0.latents_layer_norm');
    put('to_q', false, '0.q_proj');
    put('to_kv', false, '0.k_proj', '0.v_proj');
    put('to_out', false, '0.output_proj');
    for (const which of resampler.qkNorm ? ['q', 'k'] : []) put(`norm_${which}`, true, `0.${which}_layer_norm`);
    put('ff.norm', true, '1.ln');
    put('ff.up', false, '1.fc');
    put('ff.down', false, '1.c_proj');
  }
  stack(book, source, 'resampler.norm', [`${at}.layer_norm`], true);
}

/** gated_cross_attn_layers.*: IdeficsGatedCrossAttentionLayer; the k-th stands before the k-th of `gated.before`. */
export function fillGatedLayers(book: RecipeBook, source: TensorSource, gated: FlamingoConfig['gated']): void {
  for (const k of gated.before.keys()) {
    const [from, to] = [`gated_cross_attn_layers.${k}`, `gated.${k}`];
    const put = mover(book, source, from, to);
    put('norm', false, 'input_layernorm');
    put('to_q', false, 'cross_attn.q_proj');
    put('to_kv', false, 'cross_attn.k_proj', 'cross_attn.v_proj');
    put('to_out', false, 'cross_attn.o_proj');
    for (const which of gated.qkNorm ? ['q', 'k'] : []) put(`norm_${which}`, false, `cross_attn.${which}_layer_norm`);
    put('ff.norm', false, 'post_attention_layernorm');
    put('ff.up', false, 'mlp.gate_proj', 'mlp.up_proj');
    put('ff.down', false, 'mlp.down_proj');
    book.set(`${to}.attn_gate`, book.whole(source, `${from}.alpha_cross_attn`));
    book.set(`${to}.ff_gate`, book.whole(source, `${from}.alpha_dense`));
  }
}

/** Embedding and head: the rows of the added tokens are tensors of their own behind those of the language model. Returns the vocabulary. */
export function fillTables(book: RecipeBook, folder: ModelFolder, language: LanguageModel): number {
  const [own, added] = [numberField(folder, 'vocab_size', 32000), numberField(folder, 'additional_vocab_size', 0)];
  const { source } = language;
  const table = (target: string, name: string, more: string) => {
    checkRows(folder, source, name, own);
    if (added > 0) checkRows(folder, source, more, added);
    book.set(target, book.whole(source, name), ...(added > 0 ? [book.whole(source, more)] : []));
  };
  table('embed.weight', language.embedding, 'model.embed_tokens.additional_embedding.weight');
  if (language.head !== null) table('head.weight', language.head, 'lm_head.additional_fc.weight');
  return own + added;
}

function checkRows({ configFile }: Described, source: TensorSource, name: string, rows: number): void {
  const { file, shape } = tensorOf(source, name);
  if (shape[0] === rows) return;
  throw new FlamingoError('shape-mismatch', `${file}: ${name} has ${shape[0]} rows, ${configFile} says ${rows}.`, {
    hint: 'config.json belongs to another model.',
    details: { tensor: name, rows: shape[0], configured: rows },
  });
}
