import { describeParity } from '../testing/parity';

describeParity('webgpu');
