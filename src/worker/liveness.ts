/**
 * How a page learns that a worker died. No event tells it: a worker killed by the browser, for memory or otherwise, is just silent, and silence
 * may also be a long computation. So the worker holds a Web Lock for as long as it lives, and the page waits for the same lock.
 */

/** Takes the lock and keeps it until the worker ends. Resolves with false where Web Locks do not exist (Node, insecure pages). */
export async function holdLock(name: string, locks = locksOf(globalThis)): Promise<boolean> {
  if (!locks) return false;
  return await new Promise<boolean>((resolve) => {
    const held = locks.request(name, () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    });
    held.catch(() => resolve(false));
  });
}

/** Calls `ended` when the holder of the lock is gone. Returns a function that stops watching. */
export function watchLock(name: string, ended: () => void, locks = locksOf(globalThis)): () => void {
  const stop = new AbortController();
  locks?.request(name, { signal: stop.signal }, async () => ended()).catch(() => undefined); // rejects when watching stops
  return () => stop.abort();
}

function locksOf(scope: { navigator?: { locks?: LockManager } }): LockManager | undefined {
  return scope.navigator?.locks;
}
