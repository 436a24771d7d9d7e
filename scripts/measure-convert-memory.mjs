// `node scripts/measure-convert-memory.mjs [--dtype q4] [--keep-under 700]`: converts a synthetic checkpoint of 2 GB in a child process and fails when its peak
// memory is above the limit (MB). Linux only: the peak is the kernel's own (VmHWM). Part of the deep tier.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { dtype: { type: 'string', default: 'q4' }, 'keep-under': { type: 'string', default: '700' } },
});
const limit = Number(options['keep-under']);
const root = fileURLToPath(new URL('..', import.meta.url));

/** LLaMA with 2 GB in bf16, and what OpenFlamingo adds to it. */
const [D, INNER, LAYERS, HEADS, VOCAB, EVERY] = [2048, 5632, 16, 16, 32000, 8];
const [DV, GATED] = [256, 512];

function language() {
  const tensors = { 'model.embed_tokens.weight': [VOCAB, D], 'lm_head.weight': [VOCAB, D], 'model.norm.weight': [D] };
  for (let i = 0; i < LAYERS; i++) {
    const at = `model.layers.${i}`;
    for (const which of ['q', 'k', 'v', 'o']) tensors[`${at}.self_attn.${which}_proj.weight`] = [D, D];
    for (const which of ['gate', 'up']) tensors[`${at}.mlp.${which}_proj.weight`] = [INNER, D];
    tensors[`${at}.mlp.down_proj.weight`] = [D, INNER];
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) tensors[`${at}.${norm}.weight`] = [D];
  }
  return tensors;
}

function delta() {
  const tensors = { 'perceiver.latents': [64, DV] };
  const norm = (name, width) => Object.assign(tensors, { [`${name}.weight`]: [width], [`${name}.bias`]: [width] });
  const attention = (name, width) =>
    Object.assign(tensors, {
      [`${name}.to_q.weight`]: [GATED, width],
      [`${name}.to_kv.weight`]: [2 * GATED, DV],
      [`${name}.to_out.weight`]: [width, GATED],
    });
  const mlp = (name, width) => {
    norm(`${name}.0`, width);
    Object.assign(tensors, { [`${name}.1.weight`]: [4 * width, width], [`${name}.3.weight`]: [width, 4 * width] });
  };
  for (const part of ['media', 'latents']) norm(`perceiver.layers.0.0.norm_${part}`, DV);
  attention('perceiver.layers.0.0', DV);
  mlp('perceiver.layers.0.1', DV);
  norm('perceiver.norm', DV);
  for (let i = EVERY - 1; i < LAYERS; i += EVERY) {
    const at = `lang_encoder.model.layers.${i}.gated_cross_attn_layer`;
    norm(`${at}.attn.norm`, D);
    attention(`${at}.attn`, D);
    mlp(`${at}.ff`, D);
    Object.assign(tensors, { [`${at}.attn_gate`]: [1], [`${at}.ff_gate`]: [1] });
  }
  tensors['lang_encoder.model.embed_tokens.weight'] = [VOCAB + 3, D];
  tensors['lang_encoder.lm_head.weight'] = [VOCAB + 3, D];
  return tensors;
}

function clip() {
  const tensors = {
    'visual.class_embedding': [DV],
    'visual.conv1.weight': [DV, 3, 16, 16],
    'visual.positional_embedding': [17, DV],
  };
  const both = (name, rows, ...columns) =>
    Object.assign(tensors, { [`visual.${name}weight`]: [rows, ...columns], [`visual.${name}bias`]: [rows] });
  for (const norm of ['ln_pre', 'ln_post']) both(`${norm}.`, DV);
  const at = 'transformer.resblocks.0';
  for (const norm of ['ln_1', 'ln_2']) both(`${at}.${norm}.`, DV);
  both(`${at}.attn.in_proj_`, 3 * DV, DV);
  both(`${at}.attn.out_proj.`, DV, DV);
  both(`${at}.mlp.c_fc.`, 4 * DV, DV);
  both(`${at}.mlp.c_proj.`, DV, 4 * DV);
  return tensors;
}

/** A block of bf16 values in (-0.02, 0.02), written again and again. */
function block() {
  const bytes = new Uint8Array(16 * 1024 * 1024);
  const codes = new Uint16Array(bytes.buffer);
  const [float, bits] = [new Float32Array(1), new Uint32Array(1)];
  let state = 1;
  for (let i = 0; i < codes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    float[0] = (state / 2 ** 32 - 0.5) * 0.04;
    bits.set(new Uint32Array(float.buffer));
    codes[i] = bits[0] >>> 16;
  }
  return bytes;
}

/** Writes a safetensors file; returns its size. */
function write(path, shapes, content) {
  let size = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [size, size + bytes] };
    size += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, json);
  for (let left = size; left > 0; left -= Math.min(left, content.length)) {
    writeSync(file, content, 0, Math.min(left, content.length));
  }
  closeSync(file);
  return size;
}

function writeCheckpoint(folder) {
  const json = (path, value) => writeFileSync(join(folder, path), JSON.stringify(value));
  for (const part of ['lm', 'clip']) mkdirSync(join(folder, part));
  const content = block();
  json('lm/config.json', {
    model_type: 'llama',
    hidden_size: D,
    intermediate_size: INNER,
    num_hidden_layers: LAYERS,
    num_attention_heads: HEADS,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    tie_word_embeddings: false,
  });
  json('clip/open_clip_config.json', { model_cfg: { quick_gelu: true, vision_cfg: { width: DV, head_width: 64 } } });
  json('flamingo.json', { vision: 'clip', language: 'lm', flamingo: 'delta.safetensors', tokenizer: 'tokenizer.json' });
  const added = ['<|endofchunk|>', '<image>', '<PAD>'].map((text, i) => ({ id: VOCAB + i, content: text }));
  json('tokenizer.json', { added_tokens: added });
  const sizes = [
    write(join(folder, 'lm/model.safetensors'), language(), content),
    write(join(folder, 'clip/open_clip_model.safetensors'), clip(), content),
    write(join(folder, 'delta.safetensors'), delta(), content),
  ];
  return sizes.reduce((a, b) => a + b, 0);
}

/** Runs the converter; its peak resident memory in MB is read while it lives. */
function convert(folder) {
  const args = ['scripts/cli.mjs', 'convert', '--model', folder, '--out', join(folder, 'package')];
  const child = spawn(process.execPath, [...args, '--dtype', options.dtype], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      peak = Math.max(peak, (Number(kilobytes) * 1024) / 1e6);
    } catch {
      // it has ended
    }
  }, 20);
  return new Promise((resolve) => {
    child.on('exit', (code) => {
      clearInterval(timer);
      resolve({ code, peak });
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), 'flamingo-memory-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const size = writeCheckpoint(folder);
const started = Date.now();
const { code, peak } = await convert(folder);
const seconds = (Date.now() - started) / 1000;
const passed = code === 0 && peak > 0 && peak <= limit;
console.log(
  `${(size / 1e9).toFixed(2)} GB to ${options.dtype} in ${seconds.toFixed(1)} s, peak memory ${peak.toFixed(0)} MB (limit ${limit} MB)${code === 0 ? '' : `, exit code ${code}`}`,
);
console.log(passed ? '1 passed, 0 failed' : '0 passed, 1 failed');
process.exit(passed ? 0 : 1);
