import { expect, it } from 'vitest';
import { holdLock, watchLock } from './liveness';

/** Web Locks of one name, exclusive and first come first served, as browsers have them; Node 20 has none. */
class Locks {
  private last: Promise<unknown> = Promise.resolve();
  release: () => void = () => undefined;

  request(_name: string, first: unknown, second?: () => unknown): Promise<unknown> {
    const work = (second ?? first) as () => unknown;
    const before = this.last;
    const released = new Promise<void>((resolve) => {
      this.release = resolve; // what the browser does when the holder's thread ends
    });
    const granted = before.then(() => Promise.race([work(), released]));
    this.last = granted;
    return granted;
  }
}

it('tells the page when the holder of the lock ends, and not before', async () => {
  const locks = new Locks();
  expect(await holdLock('x', locks as unknown as LockManager)).toBe(true);
  const endHolder = locks.release;
  let ended = false;
  watchLock(
    'x',
    () => {
      ended = true;
    },
    locks as unknown as LockManager,
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(ended).toBe(false);
  endHolder();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(ended).toBe(true);
});

it('says so where Web Locks do not exist', async () => {
  const refusing = { request: () => Promise.reject(new Error('insecure')) };
  expect(await holdLock('x', refusing as unknown as LockManager)).toBe(false);
});
