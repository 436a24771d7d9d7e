import { describeParity, FAMILIES, LEAN } from '../testing/parity';

describeParity('wasm', [...FAMILIES, ...LEAN]);
