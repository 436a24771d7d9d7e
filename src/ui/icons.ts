import { html, svg, type TemplateResult } from 'lit';

/** Own line drawings on a 20 x 20 grid, in the colour of the text. */
const PATHS = {
  image: svg`<rect x="2.5" y="3.5" width="15" height="13" rx="2" /><circle cx="7" cy="8" r="1.5" /><path d="m3 15 5-4 3 2.5 3-3 3.5 4" />`,
  send: svg`<path d="M10 16V4m0 0L5 9m5-5 5 5" />`,
  stop: svg`<rect x="5" y="5" width="10" height="10" rx="1.5" fill="currentColor" />`,
  left: svg`<path d="m12 5-5 5 5 5" />`,
  right: svg`<path d="m8 5 5 5-5 5" />`,
  remove: svg`<path d="m5.5 5.5 9 9m0-9-9 9" />`,
  new: svg`<path d="M10 4v12M4 10h12" />`,
} as const;

export function icon(name: keyof typeof PATHS): TemplateResult {
  return html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">${PATHS[name]}</svg>`;
}
