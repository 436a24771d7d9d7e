import type { WorkerLike } from '../channel';
import { type HostPort, type LoadModel, serve } from '../host';

/** A "worker" on the other end of a MessageChannel: real structured clones and real turns of the event loop, without a second thread. */
export function portWorker(loadModel: LoadModel): WorkerLike & { fail(event: Event): void; terminated: boolean } {
  const { port1, port2 } = new MessageChannel();
  const events = new EventTarget();
  serve(port2 as unknown as HostPort, loadModel);
  port2.start();
  port1.start();
  return {
    terminated: false,
    postMessage: (message) => port1.postMessage(message),
    addEventListener(type, listener) {
      if (type === 'message') port1.addEventListener(type, listener as (event: MessageEvent) => void);
      else events.addEventListener(type, listener);
    },
    terminate() {
      this.terminated = true;
      port1.close();
    },
    fail: (event) => events.dispatchEvent(event),
  };
}
