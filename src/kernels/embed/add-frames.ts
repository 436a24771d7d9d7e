import { defineKernel } from '../../gpu/kernel';

/** Frame embeddings of a clip: x[f, v, c] += table[f, c]. x [frames, patches, cols]; table `frames` f32 [at least frames, cols]. */
export const addFrames = defineKernel({
  id: 'embed/add-frames',
  overrides: { WG: 64 },
  params: { frames: 'u32', patches: 'u32', cols: 'u32' },
  bindings: { x: 'read-write', frames: 'read' },
  workgroups: ({ frames, patches, cols }, { WG }) => [Math.ceil(cols / WG), patches, frames],
});
