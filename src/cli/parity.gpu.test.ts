import { describeParity, FAMILIES, isDeep, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// Drivers compile for minutes what wasm runs in seconds (parity.test.ts has every layout), so the layouts are shared out: those that differ most in `npm test`, the
// others in the deep tier. Drivers without f16 compile every pipeline anew and leave three layouts to the one that keeps them, whose kernels others of the list reach too.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const soon = f16 ? [...FAMILIES, 'idefics', 'mllama', 'mini-opt350'] : ['of-llama'];
const left = f16 ? [] : ['of-falcon', 'otter-image', 'mini-opt'];
const deep = [...FAMILIES, ...LEAN].filter((family) => !soon.includes(family) && !left.includes(family));
describeParity('webgpu', isDeep() ? deep : soon);
