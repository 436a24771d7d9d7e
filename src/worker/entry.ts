import { loadModel } from '../session/load';
import { type HostPort, serve } from './host';

/** The worker: everything that computes runs here, so that the page never waits for it. */
serve(globalThis as unknown as HostPort, loadModel);
