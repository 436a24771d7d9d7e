import type { LanguageCheckpoint } from './language';
import type { CheckpointTensor } from './tensors';

type Value = number | boolean | string | string[] | number[];

/** A GGUF file with f32 tensors. Source: ggml docs/gguf.md. Whole numbers are written as u32, others as f32. */
export function writeGguf(metadata: Record<string, Value>, tensors: ReadonlyMap<string, CheckpointTensor>): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.size), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...typed(value));
  let offset = 0;
  const data: Buffer[] = [];
  for (const [name, { shape, values }] of tensors) {
    parts.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(0), u64(offset));
    const bytes = Buffer.from(Float32Array.from(values).buffer);
    data.push(bytes, Buffer.alloc(-bytes.length & 31));
    offset += bytes.length + (-bytes.length & 31);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(-header.length & 31), ...data]);
}

/** A LLaMA as llama.cpp's convert_hf_to_gguf.py writes it: its names, and rows of q and k with the halves of each head interleaved. */
export function ggufOfLlama({ tensors, config }: LanguageCheckpoint, more: Record<string, Value> = {}): Buffer {
  const c = config as Record<string, number>;
  const heads = { q: c.num_attention_heads, k: c.num_key_value_heads ?? c.num_attention_heads };
  const names: [RegExp, string][] = [
    [/^model\.embed_tokens\./, 'token_embd.'],
    [/^lm_head\./, 'output.'],
    [/^model\.norm\./, 'output_norm.'],
    [/^model\.layers\.(\d+)\./, 'blk.$1.'],
    [/self_attn\.([qkv])_proj/, 'attn_$1'],
    [/self_attn\.o_proj/, 'attn_output'],
    [/mlp\.(\w+)_proj/, 'ffn_$1'],
    [/post_attention_layernorm/, 'ffn_norm'],
    [/input_layernorm/, 'attn_norm'],
  ];
  const written = [...tensors].map(([name, tensor]): [string, CheckpointTensor] => {
    const which = /\.self_attn\.([qk])_proj/.exec(name)?.[1] as 'q' | 'k' | undefined;
    const renamed = names.reduce((text, [pattern, by]) => text.replace(pattern, by), name);
    return [renamed, which ? interleaved(tensor, heads[which]) : tensor];
  });
  const metadata = {
    'general.architecture': 'llama',
    'llama.embedding_length': c.hidden_size,
    'llama.feed_forward_length': c.intermediate_size,
    'llama.block_count': c.num_hidden_layers,
    'llama.context_length': c.max_position_embeddings,
    'llama.attention.head_count': heads.q,
    'llama.attention.head_count_kv': heads.k,
    'llama.attention.layer_norm_rms_epsilon': c.rms_norm_eps,
    ...(c.rope_theta ? { 'llama.rope.freq_base': c.rope_theta } : {}),
    ...more,
  };
  return writeGguf(metadata, new Map(written));
}

/** numpy: w.reshape(heads, 2, d / 2, -1).swapaxes(1, 2) */
function interleaved(tensor: CheckpointTensor, heads: number): CheckpointTensor {
  const rows = tensor.shape[0];
  const length = tensor.values.length / rows;
  const half = rows / heads / 2;
  const values = tensor.values.slice();
  for (let head = 0; head < heads; head++)
    for (let t = 0; t < 2; t++)
      for (let i = 0; i < half; i++) {
        const from = head * 2 * half + t * half + i;
        const to = head * 2 * half + 2 * i + t;
        values.set(tensor.values.subarray(from * length, (from + 1) * length), to * length);
      }
  return { ...tensor, values };
}

function typed(value: Value): Buffer[] {
  if (typeof value === 'string') return [u32(8), text(value)];
  if (typeof value === 'boolean') return [u32(7), Buffer.of(value ? 1 : 0)];
  if (typeof value === 'number') return Number.isInteger(value) ? [u32(4), u32(value)] : [u32(6), f32(value)];
  const texts = typeof value[0] === 'string';
  const items = value.map((item) => (typeof item === 'string' ? text(item) : f32(item)));
  return [u32(9), u32(texts ? 8 : 6), u64(value.length), ...items];
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}
