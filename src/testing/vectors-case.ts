import { expect } from 'vitest';
import type { Executor } from '../core/executor';
import { embeddingWidth, type FlamingoConfig } from '../format/config';
import { decode } from '../reference/model/decoder';
import type { WeightValues } from '../reference/model/math';
import { uniform } from '../reference/random';
import { tinyConfig } from './tiny-model';

const learned = { decoder: { position: { kind: 'learned', offset: 2, rows: 302 } } } as const;

/** Vectors go through the projection of a narrower table, as `inputs_embeds` do in transformers. */
export const VECTOR_CONFIGS: [string, FlamingoConfig][] = [
  ['learned positions', tinyConfig(learned)],
  ['and a narrower table', tinyConfig({ ...learned, embeddingWidth: 32 })],
];

/** More than one run takes, with vectors in both. */
const TOKENS = 131;
const GIVEN = [0, 1, 4, 130];

/**
 * Vectors between tokens, with the gates closed, give the f64 reference's logits: that of the language model alone over a table with the vectors behind its rows. So
 * do they when they come one by one. The config has a head of its own.
 */
export async function expectVectorsAsReference(executor: Executor, config: FlamingoConfig, values: WeightValues) {
  const { vocab, gated } = config;
  const width = embeddingWidth(config);
  const vectors = Array.from({ length: TOKENS }, (_, t) =>
    GIVEN.includes(t) ? uniform(width, -1.5, 1.5, 900 + t) : undefined,
  );
  const ids = vectors.map((vector, t) => (vector ? 3 : (t * 31 + 5) % vocab));
  const table = Float64Array.from([...values('embed.weight'), ...GIVEN.flatMap((t) => [...vectors[t]!])]);
  const withVectors: WeightValues = (name) => (name === 'embed.weight' ? table : values(name));
  const alone = { ...config, gated: { ...gated, before: [] } };
  const tableIds = ids.map((id, t) => (vectors[t] ? vocab + GIVEN.indexOf(t) : id));
  const mediaIndex = ids.map(() => -1);
  const { logits } = decode(alone, withVectors, { ids: tableIds, mediaIndex, media: [] });
  const close = (got: Float32Array | undefined, start: number, end: number) => {
    const wanted = logits.slice(start, end).flat();
    expect(got).toHaveLength(wanted.length);
    expect(wanted.reduce((worst, value, i) => Math.max(worst, Math.abs(value - got![i])), 0)).toBeLessThan(1e-4);
  };
  using sequence = await executor.createSequence(TOKENS);
  const step = (start: number, end: number) => {
    const part = { ids: ids.slice(start, end), mediaIndex: mediaIndex.slice(start, end), media: [] };
    return { ...part, vectors: vectors.slice(start, end), visualStrength: 0, logits: 'all' as const };
  };
  close((await sequence.append(step(0, TOKENS))).logits, 0, TOKENS);
  sequence.truncate(0);
  for (let t = 0; t < 6; t++) close((await sequence.append(step(t, t + 1))).logits, t, t + 1);
  const narrow = { ...step(0, 1), vectors: [new Float32Array(width - 1)] };
  await expect(sequence.append(narrow)).rejects.toMatchObject({ code: 'shape-mismatch' });
}
