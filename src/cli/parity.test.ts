import { describeParity } from '../testing/parity';

describeParity('wasm');
