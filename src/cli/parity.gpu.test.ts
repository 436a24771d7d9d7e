import { describeParity, FAMILIES, isDeep, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// Drivers compile for minutes what wasm runs in seconds (parity.test.ts has every layout), so the layouts are shared out: those that differ most in `npm test`, the
// others in the deep tier. Drivers without f16 compile every pipeline anew and leave the variants of known layouts to the one that keeps them.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const soon = f16 ? [...FAMILIES, 'idefics', 'mllama', 'mini-opt350'] : ['of-llama'];
const all = f16 ? [...FAMILIES, ...LEAN] : [...FAMILIES, 'idefics', 'mini-gpt2', 'mllama', 'of-previous'];
describeParity('webgpu', isDeep() ? all.filter((family) => !soon.includes(family)) : soon);
