import { describeParity, FAMILIES, LEAN } from '../testing/parity';
import { testDevice } from '../testing/test-device';

// The small ones on the driver with f16, which keeps what it compiled.
const { f16 } = await testDevice({ f16: true, subgroups: true });
describeParity('webgpu', f16 ? [...FAMILIES, ...LEAN] : FAMILIES);
