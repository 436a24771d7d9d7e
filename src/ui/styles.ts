import { css } from 'lit';
import { composerStyles } from './styles-composer';
import { logStyles } from './styles-log';

/** Colours and measures. Each custom property falls back to a calm default, in light and dark. */
const base = css`
  :host {
    --accent: var(--flamingo-accent, light-dark(#a3325a, #f2a0ba));
    --on-accent: var(--flamingo-on-accent, light-dark(#fff, #33101d));
    --surface: var(--flamingo-surface, light-dark(#fff, #1b1a1d));
    --raised: var(--flamingo-raised, light-dark(#f4f2f4, #29272c));
    --text: var(--flamingo-text, light-dark(#201c20, #eeeaf0));
    --dim: var(--flamingo-dim, light-dark(#625a63, #b1a9b5));
    --line: var(--flamingo-line, light-dark(#d9d4da, #46414a));
    --danger: var(--flamingo-danger, light-dark(#a51d12, #ffb0a3));
    --radius: var(--flamingo-radius, 12px);
    color-scheme: light dark;
    display: flex;
    flex-direction: column;
    box-sizing: border-box;
    position: relative;
    min-block-size: 24rem;
    background: var(--surface);
    color: var(--text);
    font: 1rem/1.5 var(--flamingo-font, system-ui, sans-serif);
    overflow-wrap: anywhere;
  }
  :host([hidden]) { display: none; }
  *, ::before, ::after { box-sizing: border-box; }
  .hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .column { inline-size: 100%; max-inline-size: 46rem; margin-inline: auto; padding-inline: 1rem; }
  p { margin: 0; }
  svg { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; flex: none; }
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5rem;
    min-block-size: 44px;
    min-inline-size: 44px;
    padding: 0 0.875rem;
    border: 1px solid transparent;
    border-radius: var(--radius);
    background: none;
    color: inherit;
    font: inherit;
    cursor: pointer;
  }
  button.plain { border-color: var(--line); }
  button.plain:hover, button.icon:hover { background: var(--raised); }
  button.primary { background: var(--accent); color: var(--on-accent); font-weight: 600; padding-inline: 1.125rem; }
  button.primary:hover { filter: brightness(1.08); }
  button.icon { padding: 0; border-radius: 8px; }
  button:disabled { cursor: default; color: var(--dim); }
  button.icon:disabled { opacity: 0.4; }
  button.primary:disabled { background: var(--raised); filter: none; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  .notice {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem 1rem;
    padding: 0.5rem 0.75rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--raised);
    font-size: 0.9375rem;
  }
  .notice > p, .grow { flex: 1 1 16rem; }
  .notice button { background: var(--surface); }
  .notice.error { border-color: var(--danger); }
  .notice.error strong { color: var(--danger); font-weight: 600; }
  progress { display: block; inline-size: 100%; block-size: 8px; margin-block: 0.25rem; accent-color: var(--accent); }
  .executor { padding-block: 0.375rem; color: var(--dim); font-size: 0.875rem; text-align: center; }
  .executor strong { font-weight: 600; }
  header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding-block: 0.5rem; }
  .drop {
    position: absolute;
    inset: 0.5rem;
    z-index: 1;
    display: grid;
    place-items: center;
    border: 2px dashed var(--accent);
    border-radius: var(--radius);
    background: color-mix(in srgb, var(--surface) 88%, transparent);
    font-weight: 600;
    pointer-events: none;
  }
`;

export const styles = [base, logStyles, composerStyles];
