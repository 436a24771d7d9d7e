import { FlamingoError, STOPPED } from '../core/errors';

/** Exit codes of a command that a signal ended, as shells give them. */
export const SIGNAL_EXITS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Runs work that cleans up after itself when its AbortSignal fires, and fires it on Ctrl-C (SIGINT) or SIGTERM; a second one ends the process at once.
 * Throws `aborted` with the name of the signal.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = Object.keys(SIGNAL_EXITS) as NodeJS.Signals[];
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(SIGNAL_EXITS[name]);
    controller.abort(name);
  };
  for (const name of names) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    const name = controller.signal.reason as string | undefined;
    if (name === undefined || !(error instanceof FlamingoError) || error.code !== 'aborted') throw error;
    const details = { ...error.details, signal: name };
    const more = error.message === STOPPED ? '' : ` ${error.message}`;
    throw new FlamingoError('aborted', `Stopped by ${name}.${more}`, { hint: error.hint, details });
  } finally {
    for (const name of names) process.off(name, stop);
  }
}
