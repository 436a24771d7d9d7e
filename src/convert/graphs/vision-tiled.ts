import { tileArrangements } from '../../core/tile-arrangements';
import type { Activation } from '../../format/config';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { activate, type Build, joinHeads, linear, normalize, splitHeads } from './layers';

/** A vision transformer over all tiles of a picture at once. W width, T tiles, P tokens of a tile: its patches and a class token. */
export interface TiledVisionConfig {
  imageSize: number;
  patch: number;
  width: number;
  heads: number;
  inner: number;
  activation: Activation;
  eps: number;
  /** Blocks whose states may be tapped, and gated blocks behind them. */
  layers: number;
  globalLayers: number;
  /** Features beside the last block's: the states before these blocks; `layers` stands for the state behind the last one. */
  taps: number[];
  tiles: number;
  /** Rows of the tables of arrangements: padding, then each arrangement that the tower knows. */
  arrangements: number;
}

/** The norms before and behind the first blocks have torch's own eps, whatever the blocks have. */
const OUTER_EPS = 1e-5;

/** Tokens of a tile are padded with zeros to a multiple of this. They are masked from each other only, so they do take part. */
const TOKENS_ALIGN = 8;

/** Tokens of a tile, which are its features. */
export function tileTokens({ imageSize, patch }: Pick<TiledVisionConfig, 'imageSize' | 'patch'>): number {
  return Math.floor(imageSize / patch) ** 2 + 1;
}

/** Width of the features: the last state, then the tapped ones, interleaved. */
export function tiledWidth({ width, taps }: Pick<TiledVisionConfig, 'width' | 'taps'>): number {
  return width * (1 + taps.length);
}

/** Canonical names of the encoder's tensors and their shapes. */
export function tiledVisionTensors(config: TiledVisionConfig): [string, number[]][] {
  const { patch, width: W, inner, tiles: T, arrangements: A } = config;
  const P = tileTokens(config);
  const norm = (at: string): [string, number[]][] => [
    [`${at}.weight`, [W]],
    [`${at}.bias`, [W]],
  ];
  const block = (at: string, gated: boolean): [string, number[]][] => [
    ...norm(`${at}.norm1`),
    [`${at}.qkv.weight`, [3 * W, W]],
    [`${at}.out.weight`, [W, W]],
    ...norm(`${at}.norm2`),
    [`${at}.up.weight`, [inner, W]],
    [`${at}.up.bias`, [inner]],
    [`${at}.down.weight`, [W, inner]],
    [`${at}.down.bias`, [W]],
    ...(gated ? ['attn_gate', 'ff_gate'].map((gate): [string, number[]] => [`${at}.${gate}`, [1]]) : []),
  ];
  return [
    ['vision.patch.weight', [W, 3, patch, patch]],
    ['vision.class', [1, 1, W]],
    ['vision.tiles_before', [A, T * W]],
    ['vision.tiles_before_gate', [1]],
    ['vision.positions', [P, W]],
    ['vision.positions_gate', [1]],
    ['vision.tile_positions', [A, T * P * W]],
    ...norm('vision.norm_pre'),
    ...Array.from({ length: config.layers }, (_, i) => block(`vision.blocks.${i}`, false)).flat(),
    ...norm('vision.norm_post'),
    ['vision.tiles_behind', [A, T * W]],
    ['vision.tiles_behind_gate', [1]],
    ...Array.from({ length: config.globalLayers }, (_, i) => block(`vision.global.${i}`, true)).flat(),
  ];
}

/**
 * pixels [N,T,3,S,S], arrangement [N] -> features [N,T,P,W * (1 + taps)]. Source: transformers models/mllama/modeling_mllama.py MllamaVisionModel.
 */
export function buildTiledVision(config: TiledVisionConfig, type: 'f32' | 'f16'): GraphPlan {
  const g = new GraphBuilder('vision');
  const build: Build = { g, type };
  const { imageSize: S, width: W, tiles: T, layers, globalLayers } = config;
  const P = tileTokens(config);
  const pixels = g.input('pixels', 'f32', ['N', T, 3, S, S]);
  const arrangement = g.input('arrangement', 'i64', ['N']);
  const padded = Math.ceil(P / TOKENS_ALIGN) * TOKENS_ALIGN;
  const tokens = embedTiles(build, config, pixels, arrangement);
  let x = normalize(build, tokens, 'vision.norm_pre', { kind: 'layer', eps: OUTER_EPS, bias: true }, W);
  const zeros = g.op('Expand', [g.scalar(0), g.concat([g.size(x, 0), g.ints([T, padded - P, W])], 0)]);
  x = g.reshape(g.concat([x, zeros], 2), [-1, W]);
  const both = bothPadding(build, config, arrangement, padded);
  const states = [x];
  for (let i = 0; i < layers; i++) {
    x = tiledBlock(build, config, `vision.blocks.${i}`, x, both, false);
    states.push(x);
  }
  x = normalize(build, x, 'vision.norm_post', { kind: 'layer', eps: OUTER_EPS, bias: true }, W);
  x = g.reshape(addArrangement(build, config, g.reshape(x, [-1, T, padded, W]), arrangement, 'behind'), [-1, W]);
  for (let i = 0; i < globalLayers; i++) x = tiledBlock(build, config, `vision.global.${i}`, x, both, true);
  const kept = (rows: string) =>
    g.op('Slice', [g.reshape(rows, [-1, T, padded, W]), g.ints([0]), g.ints([P]), g.ints([2])]);
  const taps = config.taps.map((tap) => g.unsqueeze(kept(states[tap]), -1));
  // Upstream stacks the states behind the channels, so that the taps of one channel lie side by side.
  const tapped = taps.length > 0 ? [g.reshape(g.concat(taps, -1), [-1, T, P, W * taps.length])] : [];
  g.output(g.concat([kept(x), ...tapped], -1), 'features', 'f32', ['N', T, P, tiledWidth(config)]);
  return g.plan();
}

/** Patches of all tiles with what says where they are: [N, T, P, W]. */
function embedTiles(build: Build, config: TiledVisionConfig, pixels: string, arrangement: string): string {
  const { g, type } = build;
  const { imageSize: S, patch, width: W, tiles: T } = config;
  const P = tileTokens(config);
  const kernel = g.weight('vision.patch.weight', type as 'f32' | 'f16', [W, 3, patch, patch]);
  const grid = g.op('Conv', [g.reshape(pixels, [-1, 3, S, S]), type === 'f16' ? g.cast(kernel, 'f32') : kernel], {
    kernel_shape: [patch, patch],
    strides: [patch, patch],
  });
  const patches = g.transpose(g.reshape(grid, [-1, T, W, P - 1]), [0, 1, 3, 2]);
  const placed = addArrangement(build, config, patches, arrangement, 'before');
  const first = g.reshape(g.weight('vision.class', 'f32', [1, 1, W]), [1, 1, 1, W]);
  const classes = g.op('Expand', [first, g.concat([g.size(pixels, 0), g.ints([T, 1, W])], 0)]);
  const gate = g.op('Tanh', [g.weight('vision.positions_gate', 'f32', [1])]);
  const positions = g.mul(g.sub(g.scalar(1), gate), g.weight('vision.positions', 'f32', [P, W]));
  const table = g.gather(storedTable(build, 'vision.tile_positions', [config.arrangements, T * P * W]), arrangement);
  const tilePositions = g.mul(gate, g.reshape(asFloats(build, table), [-1, T, P, W]));
  return g.add(g.add(g.concat([classes, placed], 2), positions), tilePositions);
}

/** x [N, T, tokens, W] and, for every tile, tanh(gate) times its place in the arrangement. */
function addArrangement(
  build: Build,
  { tiles: T, width: W, arrangements }: TiledVisionConfig,
  x: string,
  arrangement: string,
  where: 'before' | 'behind',
): string {
  const { g } = build;
  const table = g.weight(`vision.tiles_${where}`, 'f32', [arrangements, T * W]);
  const gate = g.op('Tanh', [g.weight(`vision.tiles_${where}_gate`, 'f32', [1])]);
  return g.add(x, g.mul(gate, g.reshape(g.gather(table, arrangement), [-1, T, 1, W])));
}

/** The table of positions is the largest tensor beside the blocks: it is stored as they are. */
function storedTable({ g, type }: Build, name: string, shape: number[]): string {
  return g.weight(name, type as 'f32' | 'f16', shape);
}

function asFloats({ g, type }: Build, x: string): string {
  return type === 'f16' ? g.cast(x, 'f32') : x;
}

/** [N, 1, L, L]: whether both of two tokens are padding, of a tile or of the picture: only then they do not see each other. */
function bothPadding({ g }: Build, config: TiledVisionConfig, arrangement: string, padded: number): string {
  const { tiles: T, arrangements } = config;
  const counts = [1, ...tileArrangements(T).map(([rows, columns]) => rows * columns)]; // padding counts as one tile
  const filled = g.gather(g.ints(counts.slice(0, arrangements)), arrangement);
  const places = Array.from({ length: T * padded }, (_, i) => i);
  const tile = g.ints(places.map((i) => Math.floor(i / padded)));
  const beyond = places.map((i) => Number(i % padded >= tileTokens(config)));
  const isPadding = g.op('Or', [
    g.op('GreaterOrEqual', [g.unsqueeze(tile, 0), g.unsqueeze(filled, 1)]),
    g.op('Greater', [g.unsqueeze(g.ints(beyond), 0), g.ints([0])]),
  ]);
  return g.unsqueeze(g.op('And', [g.unsqueeze(isPadding, 2), g.unsqueeze(isPadding, 1)]), 1);
}

/** x [N*L, W]. One head after the other: all scores at once, [heads, L, L], would not fit into wasm's memory for real towers. */
function tiledBlock(
  build: Build,
  { width: W, heads, inner, activation, eps, tiles, imageSize, patch }: TiledVisionConfig,
  at: string,
  x: string,
  both: string,
  gated: boolean,
): string {
  const { g } = build;
  const d = W / heads;
  const norm = { kind: 'layer', eps, bias: true } as const;
  const L = tiles * Math.ceil(tileTokens({ imageSize, patch }) / TOKENS_ALIGN) * TOKENS_ALIGN;
  const batch = g.op('Div', [g.size(x, 0), g.ints([L])]);
  const qkv = linear(build, normalize(build, x, `${at}.norm1`, norm, W), `${at}.qkv.weight`, 3 * W, W);
  const [q, k, v] = g.split(qkv, [W, W, W], -1).map((part) => {
    const split = splitHeads(build, part, batch, heads, d);
    return heads > 1 ? g.split(split, Array<number>(heads).fill(1), 1) : [split];
  });
  const attended = q.map((query, h) => {
    const scores = g.matmul(g.mul(query, g.scalar(d ** -0.5)), g.transpose(k[h], [0, 1, 3, 2]));
    return g.matmul(g.softmax(g.op('Where', [both, g.scalar(-1e30), scores])), v[h]);
  });
  const out = linear(build, joinHeads(build, g.concat(attended, 1), heads, d), `${at}.out.weight`, W, W);
  const gate = (name: string, y: string) =>
    gated ? g.mul(y, g.op('Tanh', [g.weight(`${at}.${name}`, 'f32', [1])])) : y;
  const after = g.add(x, gate('attn_gate', out));
  const up = linear(build, normalize(build, after, `${at}.norm2`, norm, W), `${at}.up.weight`, inner, W, true);
  const down = linear(build, activate(build, up, activation), `${at}.down.weight`, W, inner, true);
  return g.add(after, gate('ff_gate', down));
}
