import type { GraphBuilder } from './graph-builder';

/**
 * Embeddings [F, Dv] of a clip's frames: the first rows of the table, or, when the clip has more frames than the table has rows, the table interpolated
 * linearly with its last row at the last frame (numpy.interp; Flamingo stretches 8 to 30). Positions are split into row and rest in integers, which is
 * exact, so that frames that fall on a row get that row itself.
 */
export function frameEmbeddings(g: GraphBuilder, rows: number, Dv: number, frames: string): string {
  const table = g.weight('resampler.frame_embeddings', 'f32', [rows, Dv]);
  const stretched = g.op('Greater', [frames, g.ints([rows])]);
  const pick = (yes: string, no: number) => g.op('Where', [stretched, yes, g.ints([no])]);
  const steps = pick(g.sub(frames, g.ints([1])), 1);
  const scaled = g.mul(g.range(frames), pick(g.ints([rows - 1]), 1));
  const row = g.op('Div', [scaled, steps]);
  const rest = g.sub(scaled, g.mul(row, steps));
  const fraction = g.op('Div', [g.cast(rest, 'f32'), g.cast(steps, 'f32')]);
  const next = g.op('Min', [g.add(row, g.ints([1])), g.ints([rows - 1])]);
  const here = g.gather(table, row);
  return g.add(here, g.mul(g.sub(g.gather(table, next), here), g.unsqueeze(fraction, 1)));
}
