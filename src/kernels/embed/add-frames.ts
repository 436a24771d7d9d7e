import { defineKernel } from '../../gpu/kernel';

/**
 * Frame embeddings of a clip: x[f, v, c] += table[f, c], x [frames, patches, cols]. The table `table` f32 [rows, cols] is interpolated linearly, its last row
 * at the last frame, when the clip has more frames than rows.
 */
export const addFrames = defineKernel({
  id: 'embed/add-frames',
  overrides: { WG: 64 },
  params: { frames: 'u32', patches: 'u32', cols: 'u32', rows: 'u32' },
  bindings: { x: 'read-write', table: 'read' },
  workgroups: ({ frames, patches, cols }, { WG }) => [Math.ceil(cols / WG), patches, frames],
});
