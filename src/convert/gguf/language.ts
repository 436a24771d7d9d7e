import { FlamingoError } from '../../core/errors';
import type { GgufFile } from '../../format/gguf/gguf';
import type { MetadataValue } from '../../format/gguf/header-reader';
import { type TensorSource, tensorOf } from '../../format/tensor-source';
import { renamed } from '../renamed';

/** The config.json that the model had before it became a GGUF file, and its tensors under their own names again. */
export interface GgufLanguage {
  config: Record<string, unknown>;
  source: TensorSource;
}

/** Modules of a block: names in GGUF, and in transformers' LlamaForCausalLM. Source: gguf-py constants.py and tensor_mapping.py. */
const MODULES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};
const TABLES: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output: 'lm_head',
  output_norm: 'model.norm',
};
/** Divisors of the rotary frequencies, computed from the scaling of Llama 3. */
const DIVISORS = 'rope_freqs.weight';

/** Keys that say nothing which is computed otherwise, beside those that are read. */
const SILENT = [
  'vocab_size',
  'rope.dimension_count',
  'attention.key_length',
  'attention.value_length',
  'tensor_data_layout',
];

/** Reads the LLaMA family. Throws `unsupported` for other architectures and for keys that change the model in an unknown way, `bad-file` for missing ones. */
export async function ggufLanguage({ metadata, source }: GgufFile): Promise<GgufLanguage> {
  const file = source.label;
  const architecture = metadata.get('general.architecture');
  if (architecture !== 'llama') throw refused(file, 'general.architecture', architecture, '"llama"');
  const keys = new Keys(file, metadata);
  const heads = keys.number('attention.head_count');
  const kvHeads = keys.number('attention.head_count_kv', heads);
  const width = keys.number('embedding_length');
  const headDim = keys.number('attention.key_length', width / heads);
  for (const name of ['rope.dimension_count', 'attention.value_length']) keys.expect(name, headDim);
  keys.expect('expert_count', 0);
  const divisors = source.tensors.has(DIVISORS) ? [...(await source.read(DIVISORS))] : undefined;
  const config = {
    model_type: 'llama',
    hidden_size: width,
    intermediate_size: keys.number('feed_forward_length'),
    num_hidden_layers: keys.number('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    max_position_embeddings: keys.number('context_length'),
    rms_norm_eps: keys.number('attention.layer_norm_rms_epsilon'),
    hidden_act: 'silu',
    rope_theta: keys.number('rope.freq_base', 10000),
    rope_scaling: divisors ? { rope_type: 'divisors', divisors } : keys.ropeScaling(),
    tie_word_embeddings: !source.tensors.has('output.weight'),
  };
  keys.refuseRest();
  return { config, source: ownNames(source, heads, kvHeads) };
}

/** The keys under `llama.`, each of which has to be known. */
class Keys {
  private readonly used = new Set(SILENT.map((name) => `llama.${name}`));

  constructor(
    private readonly file: string,
    private readonly metadata: ReadonlyMap<string, MetadataValue>,
  ) {}

  number(name: string, otherwise?: number): number {
    const value = this.get(name) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    const what = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, a number is expected`;
    throw new FlamingoError('bad-file', `${this.file}: llama.${name} ${what}.`, {
      hint: 'Get the file again, or convert the model to GGUF with a current llama.cpp.',
      details: { file: this.file, key: `llama.${name}`, value },
    });
  }

  /** Refuses another value than this one; the key may be absent. */
  expect(name: string, value: number): void {
    const found = this.get(name);
    if (found !== undefined && found !== value) throw refused(this.file, `llama.${name}`, found, String(value));
  }

  ropeScaling(): Record<string, unknown> | undefined {
    const [type, factor] = [this.get('rope.scaling.type') ?? 'none', this.get('rope.scaling.factor')];
    const linear = this.get('rope.scale_linear');
    if (type === 'linear' || (type === 'none' && linear !== undefined && linear !== 1))
      return { rope_type: 'linear', factor: factor ?? linear };
    if (type === 'none') return undefined;
    throw refused(this.file, 'llama.rope.scaling.type', type, '"none" or "linear"');
  }

  refuseRest(): void {
    const key = [...this.metadata.keys()].find((name) => name.startsWith('llama.') && !this.used.has(name));
    if (key !== undefined) throw refused(this.file, key, this.metadata.get(key), 'absent');
  }

  private get(name: string): MetadataValue | undefined {
    this.used.add(`llama.${name}`);
    return this.metadata.get(`llama.${name}`);
  }
}

function ownNames(source: TensorSource, heads: number, kvHeads: number): TensorSource {
  const own = renamed(source, (name) => {
    const block = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
    if (block && Object.hasOwn(MODULES, block[2])) return `model.layers.${block[1]}.${MODULES[block[2]]}.${block[3]}`;
    const table = /^(\w+)\.(weight|bias)$/.exec(name);
    return table && Object.hasOwn(TABLES, table[1]) ? `${TABLES[table[1]]}.${table[2]}` : name;
  });
  const tensors = new Map([...own.tensors].filter(([name]) => name !== DIVISORS));
  return {
    ...own,
    tensors,
    read: (name) => readTurned(own, name, 0, tensorOf(own, name).shape[0] ?? 1, heads, kvHeads),
    readRows: (name, start, end) => readTurned(own, name, start, end, heads, kvHeads),
  };
}

/**
 * Rows of a tensor as transformers has them. llama.cpp turns neighbouring rows of q and k, transformers one of each half of a head, so its converter interleaves
 * the halves: row 2 i + t of a head there is row t d/2 + i here. Source: llama.cpp convert_hf_to_gguf.py, LlamaModel.permute.
 */
async function readTurned(
  source: TensorSource,
  name: string,
  start: number,
  end: number,
  heads: number,
  kvHeads: number,
): Promise<Float32Array<ArrayBuffer>> {
  const which = /\.self_attn\.([qk])_proj\.(?:weight|bias)$/.exec(name)?.[1];
  if (which === undefined || start === end) return await source.readRows(name, start, end);
  const rows = tensorOf(source, name).shape[0] ?? 1;
  const d = rows / (which === 'q' ? heads : kvHeads);
  if (!Number.isInteger(d) || d % 2 !== 0) {
    throw new FlamingoError('shape-mismatch', `${source.label}: ${name} has ${rows} rows for heads of ${d}.`, {
      hint: 'The file’s attention.head_count does not fit its tensors: get it again.',
      details: { name, rows, heads, kvHeads },
    });
  }
  const first = Math.floor(start / d) * d;
  const whole = await source.readRows(name, first, Math.ceil(end / d) * d);
  const length = whole.length / (Math.ceil(end / d) * d - first);
  const turned = new Float32Array((end - start) * length);
  for (let row = start; row < end; row++) {
    const within = row % d;
    const from = row - within - first + 2 * (within % (d / 2)) + Math.floor(within / (d / 2));
    turned.set(whole.subarray(from * length, (from + 1) * length), (row - start) * length);
  }
  return turned;
}

function refused(file: string, key: string, value: unknown, expected: string): FlamingoError {
  return new FlamingoError('unsupported', `${file}: ${key} is ${JSON.stringify(value)}; it must be ${expected}.`, {
    hint: 'Language models of the LLaMA family are read from GGUF. Give the model’s own folder instead.',
    details: { file, key, value },
  });
}
