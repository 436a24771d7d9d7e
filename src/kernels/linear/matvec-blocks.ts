import { defineKernel } from '../../gpu/kernel';
import { BINDINGS, OVERRIDES, PARAMS, spread } from './matvec';

/** linear/matvec for cols a multiple of 32: teams compute four rows of the weight each, that is four outputs, or two with PAIR. */
export const matvecBlocks = defineKernel({
  id: 'linear/matvec-blocks',
  overrides: { ...OVERRIDES, LANES: 16 },
  params: PARAMS,
  bindings: BINDINGS,
  workgroups: ({ rows, outputs }, { WG, LANES, PAIR }) =>
    spread(Math.ceil(outputs / ((WG / LANES) * (PAIR ? 2 : 4))), rows),
});
