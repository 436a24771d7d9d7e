import { describeParity, FAMILIES, isDeep, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// Every layout runs on every driver; `npm test` has those that differ most, the deep tier the others. Drivers without f16 compile every pipeline anew.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const soon = f16 ? ['idefics', 'mllama'] : [];
const later = LEAN.filter((family) => !soon.includes(family));
describeParity('webgpu', isDeep() ? later : [...FAMILIES, ...soon]);
