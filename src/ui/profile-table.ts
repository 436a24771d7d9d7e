import type { KernelTime } from '../core/executor';
import type { SessionStats } from '../session/types';
import type { FlamingoChat } from './flamingo-chat';

/** `?profile=1` and `?tap=`: after every answer, a table of the GPU time per kernel, and what the named stage held, below the chat. */
export function showProfile(chat: FlamingoChat): void {
  const place = document.createElement('section');
  place.className = 'profile';
  place.setAttribute('aria-label', 'Profile');
  chat.after(place);
  chat.addEventListener('flamingo-answer', () => {
    void chat.stats().then((stats) => stats && place.replaceChildren(...content(stats)));
  });
}

function content(stats: SessionStats): HTMLElement[] {
  return [...tapped(stats), ...profiled(stats)];
}

function tapped({ tap }: SessionStats): HTMLElement[] {
  if (!tap) return [];
  const { name, count, broken, ...numbers } = tap;
  const told = Object.entries(numbers).map(([what, value]) => `${what} ${value.toPrecision(6)}`);
  return [element('p', `${name}: ${count} values, ${broken} not finite, ${told.join(', ')}`)];
}

function profiled({ profile, executor, msPerToken, dispatchesPerToken }: SessionStats): HTMLElement[] {
  const perToken = `${msPerToken.toFixed(1)} ms a token, ${dispatchesPerToken} dispatches`;
  if (!profile)
    return [element('p', `No kernels to time: the model runs on ${executor}. Add &executor=webgpu. ${perToken}.`)];
  const whole = profile.reduce((sum, { ms }) => sum + ms, 0);
  const table = document.createElement('table');
  table.append(
    row('th', ['kernel', 'dispatches', 'ms', 'share']),
    ...profile.map((time) => row('td', cells(time, whole))),
  );
  return [element('p', `GPU time since the model was loaded; ${perToken}.`), table];
}

function cells({ kernel, dispatches, ms }: KernelTime, whole: number): string[] {
  return [kernel, `${dispatches}`, ms.toFixed(2), `${((100 * ms) / (whole || 1)).toFixed(1)} %`];
}

function row(kind: 'th' | 'td', texts: readonly string[]): HTMLElement {
  const line = document.createElement('tr');
  line.append(...texts.map((text) => element(kind, text)));
  return line;
}

function element(tag: string, text: string): HTMLElement {
  return Object.assign(document.createElement(tag), { textContent: text });
}
