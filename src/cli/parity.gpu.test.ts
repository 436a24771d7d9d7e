import { describeParity, FAMILIES, isDeep, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// Drivers compile for minutes what wasm runs in seconds (parity.test.ts has every layout), so the layouts are shared out: those that differ most in `npm test`, the
// others in the deep tier, where every driver runs every layout.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const soon = f16 ? [...FAMILIES, 'idefics', 'mllama', 'mini-opt350'] : ['of-llama'];
const deep = [...FAMILIES, ...LEAN].filter((family) => !soon.includes(family));
describeParity('webgpu', isDeep() ? deep : soon);
