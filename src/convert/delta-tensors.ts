import type { TensorSource } from '../format/tensor-source';
import { stack } from './families/language';
import type { RecipeBook } from './recipe';

/** perceiver.*: open_flamingo/src/helpers.py PerceiverResampler. */
export function fillResampler(book: RecipeBook, source: TensorSource, layers: number): void {
  const copy = (target: string, name: string) => book.set(target, book.whole(source, name));
  copy('resampler.latents', 'perceiver.latents');
  if (source.tensors.has('perceiver.frame_embs')) copy('resampler.frame_embeddings', 'perceiver.frame_embs');
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`perceiver.layers.${i}`, `resampler.layers.${i}`];
    for (const part of ['weight', 'bias']) {
      copy(`${to}.norm_media.${part}`, `${from}.0.norm_media.${part}`);
      copy(`${to}.norm_latents.${part}`, `${from}.0.norm_latents.${part}`);
      copy(`${to}.ff.norm.${part}`, `${from}.1.0.${part}`);
    }
    for (const matrix of ['to_q', 'to_out']) copy(`${to}.${matrix}.weight`, `${from}.0.${matrix}.weight`);
    // One matrix for keys and values, or one each.
    const split = source.tensors.has(`${from}.0.to_k.weight`);
    stack(book, source, `${to}.to_kv`, split ? [`${from}.0.to_k`, `${from}.0.to_v`] : [`${from}.0.to_kv`], false);
    copy(`${to}.ff.up.weight`, `${from}.1.1.weight`);
    copy(`${to}.ff.down.weight`, `${from}.1.3.weight`);
  }
  for (const part of ['weight', 'bias']) copy(`resampler.norm.${part}`, `perceiver.norm.${part}`);
}

/** GatedCrossAttentionBlock of the same file, whose tensors begin with `from`. */
export function fillGatedLayer(book: RecipeBook, source: TensorSource, to: string, from: string): void {
  const copy = (target: string, name: string) => book.set(`${to}.${target}`, book.whole(source, `${from}${name}`));
  for (const part of ['weight', 'bias']) {
    copy(`norm.${part}`, `attn.norm.${part}`);
    copy(`ff.norm.${part}`, `ff.0.${part}`);
  }
  for (const matrix of ['to_q', 'to_kv', 'to_out']) copy(`${matrix}.weight`, `attn.${matrix}.weight`);
  copy('ff.up.weight', 'ff.1.weight');
  copy('ff.down.weight', 'ff.3.weight');
  copy('attn_gate', 'attn_gate');
  copy('ff_gate', 'ff_gate');
}
