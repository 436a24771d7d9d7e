import type { FlamingoConfig } from '../../format/config';
import { type Build, joinHeads, linear, normalize, splitHeads } from './layers';

/** What all blocks share about positions. */
export interface Positions {
  /** Position of each new token, [T]. */
  index: string;
  /** cos and sin [T, dims/2] of rotary embeddings. */
  rotary: { cos: string; sin: string } | null;
  /** Added to the scores, broadcast over [B, H, T, J]: ALiBi and the causal mask. */
  bias: string;
  /** Fixed caches: 1 where the new token is written, [1, 1, C, 1]. */
  write: string | null;
}

/** Far below any score, and finite: the row's own position is never masked, so masked ones become exactly 0. */
const MASKED = -1e30;

interface PositionInputs {
  ids: string;
  position: string;
  options: { staticCache?: number };
}

export function positions(
  build: Build,
  { decoder: d }: FlamingoConfig,
  { ids, position, options }: PositionInputs,
): Positions {
  const { g } = build;
  const length = g.size(ids, 1);
  const index = g.add(g.range(length), position);
  const keys = options.staticCache
    ? g.ints(Array.from({ length: options.staticCache }, (_, i) => i))
    : g.range(g.add(length, position));
  const distance = g.sub(g.unsqueeze(keys, 0), g.unsqueeze(index, 1)); // [T, J], 0 at the token itself
  const future = g.op('Greater', [distance, g.ints([0], [])]);
  let bias = g.op('Where', [future, g.scalar(MASKED), g.scalar(0)]);
  if (d.position.kind === 'alibi') {
    const slopes = g.floats(d.position.slopes, [d.heads, 1, 1]);
    const sloping = d.position.rounding
      ? g.mul(bfloat(g, g.mul(slopes, bfloat(g, g.cast(keys, 'f32')))), g.scalar(d.scale))
      : g.mul(slopes, g.cast(distance, 'f32'));
    bias = g.add(bias, sloping);
  }
  const write = options.staticCache ? g.reshape(g.op('Equal', [keys, position]), [1, 1, options.staticCache, 1]) : null;
  return { index, rotary: rotaryTables(build, d.position, index, options.staticCache), bias, write };
}

/** Rounded to bf16. */
function bfloat(g: Build['g'], x: string): string {
  return g.cast(g.cast(x, 'bf16'), 'f32');
}

function rotaryTables(
  { g }: Build,
  position: FlamingoConfig['decoder']['position'],
  index: string,
  staticCache: number | undefined,
): Positions['rotary'] {
  if (position.kind !== 'rotary') return null;
  const { dims, theta, factors } = position;
  const frequencies = Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims) * (factors?.[i] ?? 1));
  if (staticCache) {
    // Runtimes with fixed shapes run on GPUs, whose cos is only good to 2^-11.
    const table = (of: (angle: number) => number) => {
      const rows = Array.from({ length: staticCache }, (_, p) => frequencies.map((f) => of(p * f)));
      return g.gather(g.floats(rows.flat(), [staticCache, dims / 2]), index);
    };
    return { cos: table(Math.cos), sin: table(Math.sin) };
  }
  const angles = g.mul(g.unsqueeze(g.cast(index, 'f32'), 1), g.floats(frequencies, [1, dims / 2]));
  return { cos: g.op('Cos', [angles]), sin: g.op('Sin', [angles]) };
}

/** Output projection of causal attention over past and new tokens; x [B*T, D] is normalised already. */
export function selfAttention(
  build: Build,
  config: FlamingoConfig,
  i: number,
  x: string,
  at: Positions,
  batch: string,
): string {
  const { g } = build;
  const { decoder: d, width: D } = config;
  const name = `blocks.${i}.attn`;
  const [q, kv] = [d.heads * d.headDim, d.kvHeads * d.headDim];
  let projected = linear(build, x, `${name}.qkv.weight`, q + 2 * kv, D, d.bias.qkv);
  if (d.clipQkv !== null) projected = g.op('Clip', [projected, g.scalar(-d.clipQkv), g.scalar(d.clipQkv)]);
  const [queries, keys, values] = g.split(projected, [q, kv, kv], -1);
  const turned = [
    rotate(build, config, headsOf(build, config, queries, `${name}.q_norm`, d.heads, batch), at),
    rotate(build, config, headsOf(build, config, keys, `${name}.k_norm`, d.kvHeads, batch), at),
  ];
  const newValues = splitHeads(build, values, batch, d.kvHeads, d.headDim);
  const k = cached(build, config, `key.${i}`, turned[1], at);
  const v = cached(build, config, `value.${i}`, newValues, at);
  const attended = attend(build, config, g.mul(turned[0], g.scalar(d.scale)), k, v, at);
  return linear(build, attended, `${name}.out.weight`, D, q, d.bias.out);
}

/** softmax(q k^T + bias) v -> [B*T, H*d]. Grouped heads get an axis of their own, so that keys are not repeated. */
function attend(
  build: Build,
  { decoder: d }: FlamingoConfig,
  q: string,
  k: string,
  v: string,
  { bias }: Positions,
): string {
  const { g } = build;
  const group = d.heads / d.kvHeads;
  if (group === 1) {
    const weights = g.softmax(g.add(g.matmul(q, g.transpose(k, [0, 1, 3, 2])), bias));
    return joinHeads(build, g.matmul(weights, v), d.heads, d.headDim);
  }
  const grouped = g.reshape(
    q,
    g.concat([g.size(q, 0), g.ints([d.kvHeads, group]), g.size(q, 2), g.ints([d.headDim])], 0),
  );
  const scores = g.matmul(grouped, g.unsqueeze(g.transpose(k, [0, 1, 3, 2]), 2));
  const perGroup =
    d.position.kind === 'alibi'
      ? g.reshape(bias, g.concat([g.ints([d.kvHeads, group]), g.size(q, 2), g.ints([-1])], 0))
      : bias;
  const out = g.matmul(g.softmax(g.add(scores, perGroup)), g.unsqueeze(v, 2));
  const merged = g.reshape(out, g.concat([g.size(q, 0), g.ints([d.heads, -1, d.headDim])], 0));
  return joinHeads(build, merged, d.heads, d.headDim);
}

/** [B*T, heads*d] -> normalised where the model does so -> [B, heads, T, d]. */
function headsOf(
  build: Build,
  { decoder: d }: FlamingoConfig,
  x: string,
  norm: string,
  heads: number,
  batch: string,
): string {
  const { qkNorm } = d;
  if (qkNorm?.over === 'width') x = normalize(build, x, norm, qkNorm.norm, heads * d.headDim);
  const split = splitHeads(build, x, batch, heads, d.headDim);
  return qkNorm?.over === 'head' ? normalize(build, split, norm, qkNorm.norm, d.headDim) : split;
}

/** Rotary embedding of the first dims of x [B, heads, T, d]. */
function rotate({ g }: Build, { decoder: d }: FlamingoConfig, x: string, { rotary }: Positions): string {
  if (!rotary || d.position.kind !== 'rotary') return x;
  const { dims, pairing } = d.position;
  const half = dims / 2;
  const rest = d.headDim - dims;
  const [turning, ...still] = rest > 0 ? g.split(x, [dims, rest], -1) : [x];
  const parts = pairing === 'half' ? g.split(turning, [half, half], -1) : pairs(g, turning, half);
  const first = g.sub(g.mul(parts[0], rotary.cos), g.mul(parts[1], rotary.sin));
  const second = g.add(g.mul(parts[1], rotary.cos), g.mul(parts[0], rotary.sin));
  const turned = pairing === 'half' ? g.concat([first, second], -1) : interleave(g, first, second, x, dims);
  return rest > 0 ? g.concat([turned, ...still], -1) : turned;
}

function pairs(g: Build['g'], x: string, half: number): string[] {
  const shape = g.concat([g.op('Shape', [x], { start: 0, end: 3 }), g.ints([half, 2])], 0);
  return g.split(g.reshape(x, shape), [1, 1], -1).map((part) => g.op('Squeeze', [part, g.ints([-1])]));
}

function interleave(g: Build['g'], first: string, second: string, like: string, dims: number): string {
  const stacked = g.concat([g.unsqueeze(first, -1), g.unsqueeze(second, -1)], -1);
  return g.reshape(stacked, g.concat([g.op('Shape', [like], { start: 0, end: 3 }), g.ints([dims])], 0));
}

/** Past and new keys or values together; they are also the graph's `present` output. */
function cached(
  { g }: Build,
  { decoder: d }: FlamingoConfig,
  name: string,
  fresh: string,
  { write }: Positions,
): string {
  const past = g.input(`past_${name}`, 'f32', ['B', d.kvHeads, 'P', d.headDim]);
  const present = write ? g.op('Where', [write, fresh, past]) : g.concat([past, fresh], 2);
  g.output(present, `present_${name}`, 'f32', ['B', d.kvHeads, 'P+T', d.headDim]);
  return present;
}
