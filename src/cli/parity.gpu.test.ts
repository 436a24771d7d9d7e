import { describeParity, FAMILIES, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// All on the driver with f16, which keeps what it compiled. On others the further layouts are part of the deep tier (PARITY=lean).
const { f16 } = await testDevice({ f16: true, subgroups: true });
const lean = process.env.PARITY === 'lean';
describeParity('webgpu', lean ? LEAN : f16 ? [...FAMILIES, ...LEAN] : FAMILIES);
