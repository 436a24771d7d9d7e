import type { WeightType } from '../../core/dtypes';
import type { Activation } from '../../format/config';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { type Build, normalize, tableRows } from './layers';
import { project, transformerBlock } from './vision';

/** CLIP's text tower as data. */
export interface ClipTextConfig {
  vocab: number;
  contextLength: number;
  width: number;
  layers: number;
  heads: number;
  inner: number;
  activation: Activation;
  eps: number;
  /** Numbers in the common space of pictures and texts. */
  embedding: number;
  /** How the projection is stored: [W, E] (`columns`, open_clip's parameter) or [E, W] (`rows`, a linear layer). */
  projection: 'columns' | 'rows';
}

/** What a token may not attend to; exp of it is 0 in f32. */
const MASKED = -1e30;

/** Canonical names of the tower's tensors and their shapes. */
export function clipTextTensors(config: ClipTextConfig): [string, number[]][] {
  const { vocab, contextLength, width: W, layers, inner, embedding: E, projection } = config;
  const module = (at: string, rows: number, columns?: number): [string, number[]][] => [
    [`${at}.weight`, columns === undefined ? [rows] : [rows, columns]],
    [`${at}.bias`, [rows]],
  ];
  const blocks = Array.from({ length: layers }, (_, i) => {
    const at = `text.blocks.${i}`;
    return [
      ...module(`${at}.norm1`, W),
      ...module(`${at}.qkv`, 3 * W, W),
      ...module(`${at}.out`, W, W),
      ...module(`${at}.norm2`, W),
      ...module(`${at}.up`, inner, W),
      ...module(`${at}.down`, W, inner),
    ];
  }).flat();
  return [
    ['text.tokens.weight', [vocab, W]],
    ['text.positions', [contextLength, W]],
    ...blocks,
    ...module('text.norm', W),
    ['text.projection', projection === 'rows' ? [E, W] : [W, E]],
  ];
}

/**
 * input_ids [B,T], last [B] -> embedding [B,E]: what the token at `last` (the end of the text) says of the whole. Source: open_clip/src/open_clip/model.py
 * encode_text; transformers CLIPTextTransformer.
 */
export function buildClipText(config: ClipTextConfig, type: 'f32' | 'f16'): GraphPlan {
  const g = new GraphBuilder('text');
  const build: Build = { g, type: type as WeightType };
  const { vocab, contextLength, width: W, eps, embedding: E } = config;
  const ids = g.input('input_ids', 'i64', ['B', 'T']);
  const last = g.input('last', 'i64', ['B']);
  const [batch, length] = [g.size(ids, 0), g.size(ids, 1)];
  const words = tableRows(build, 'text.tokens.weight', g.reshape(ids, [-1]), vocab, W);
  const table = g.weight('text.positions', 'f32', [contextLength, W]);
  const positions = g.op('Slice', [table, g.ints([0]), length, g.ints([0])]);
  const placed = g.add(g.reshape(words, g.concat([batch, length, g.ints([W])], 0)), positions);
  const steps = g.range(length);
  const sees = g.op('LessOrEqual', [g.unsqueeze(steps, 0), g.unsqueeze(steps, 1)]);
  const mask = g.op('Where', [sees, g.scalar(0), g.scalar(MASKED)]);
  let x = g.reshape(placed, [-1, W]);
  for (let i = 0; i < config.layers; i++) x = transformerBlock(build, config, `text.blocks.${i}`, x, batch, mask);
  const ends = g.add(g.mul(g.range(batch), length), last);
  const pooled = normalize(build, g.gather(x, ends), 'text.norm', { kind: 'layer', eps, bias: true }, W);
  g.output(project(build, pooled, 'text.projection', config), 'embedding', 'f32', ['B', E]);
  return g.plan();
}
