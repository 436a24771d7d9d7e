import type { PictureElement } from './types';

/** Elements without anything to read: code, other media, what only looks like content where scripts are off, controls, and what CM3 leaves out of documents. */
const DROPPED = new Set(
  'script style noscript template head iframe object embed svg math canvas audio video map nav form dialog button input select textarea menu'.split(
    ' ',
  ),
);

/** False for what a reader of the page would not see as its content. Styles in sheets are not looked at: a parsed document has no layout. */
export function isVisible(element: Element): boolean {
  const name = element.localName;
  if (DROPPED.has(name) || element.hasAttribute('hidden')) return false;
  if ((name === 'header' || name === 'footer') && element.parentElement?.localName === 'body') return false; // of the site, not of an article
  return !/(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(element.getAttribute('style') ?? '');
}

/** Where a picture lies and what is written about it. Pages that load pictures late keep the address in data-src. */
export function pictureOf(element: Element): PictureElement {
  const value = (name: string) => element.getAttribute(name)?.trim() ?? '';
  const number = (name: string) => Number.parseInt(value(name), 10);
  const src = value('data-src') || value('src') || value('srcset').split(/[\s,]/)[0];
  return { src, alt: value('alt'), width: number('width'), height: number('height') };
}
