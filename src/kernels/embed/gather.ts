import { defineKernel } from '../../gpu/kernel';

/** The id of a row that is given as a vector. */
export const NO_TOKEN = 0xffffffff;

/**
 * Token embedding: y[r, c] = table[ids[r], c], and with LEARNED + positions[p_r + offset, c]; p_r = position + r, or with TREE places[r].
 * Without TABLE the positions alone: a projected embedding is added to them. With GIVEN, row r of `given` stands in the place of the table's where ids[r] is NO_TOKEN.
 * ids u32 [rows]; weight, scale: the table [vocabulary, cols] in STORAGE; positions f32 [., cols]; given f32 [rows, cols]; y [rows, cols].
 */
export const gather = defineKernel({
  id: 'embed/gather',
  overrides: { WG: 64, STORAGE: 0, TABLE: 1, LEARNED: 0, TREE: 0, GIVEN: 0 },
  params: { rows: 'u32', cols: 'u32', position: 'u32', offset: 'u32' },
  bindings: {
    ids: 'read',
    weight: 'read',
    scale: 'read',
    positions: 'read',
    places: 'read',
    given: 'read',
    y: 'write',
  },
  workgroups: ({ rows, cols }, { WG }) => [Math.ceil(cols / WG), rows, 1],
});
