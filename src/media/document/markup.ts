import type { Item } from './types';
import { isVisible, pictureOf } from './visible';

/** Attributes that say what something is: addresses, titles, and those of structured data (schema.org, Open Graph), as in CM3. */
const KEPT = new Set('href title itemscope itemtype itemprop property typeof content lang colspan rowspan'.split(' '));

/**
 * Cleaned HTML as text, with each picture in the place of its address: `<img alt="A cat" src="` picture `">`. As in CM3 (Aghajanyan et al. 2022, section 2): branches without words or pictures are left out, a division that
 * holds nothing but another is folded into it, attributes without meaning are gone. Alternative texts stay, as attributes.
 */
export function markupOf(root: Element): Item[] {
  return [...root.childNodes].flatMap((child) => write(child));
}

function write(node: Node): Item[] {
  if (node.nodeType === 3) {
    const value = (node.nodeValue ?? '').replace(/\s+/g, ' ');
    return value === '' ? [] : [text(escaped(value))];
  }
  if (node.nodeType !== 1 || !isVisible(node as Element)) return [];
  const element = node as Element;
  const name = element.localName;
  if (name === 'img') {
    const picture = pictureOf(element);
    return [text(`<img alt="${escaped(picture.alt)}" src="`), { type: 'picture', ...picture }, text('">')];
  }
  if (name === 'br' || name === 'hr') return [text(`<${name}>`)];
  const inside = [...element.childNodes].flatMap((child) => write(child));
  if (inside.every((item) => item.type === 'text' && item.value.trim() === '')) return [];
  if (name === 'div' && isFolded(element)) return inside;
  return [text(`<${name}${attributes(element)}>`), ...inside, text(`</${name}>`)];
}

/** A division whose only content is one division. */
function isFolded(element: Element): boolean {
  const content = [...element.childNodes].filter(
    (child) => (child.nodeValue ?? 'x').trim() !== '' && child.nodeType !== 8,
  );
  return content.length === 1 && (content[0] as Element).localName === 'div' && attributes(element) === '';
}

function attributes(element: Element): string {
  return [...element.attributes]
    .filter(({ name, value }) => KEPT.has(name) && !/^\s*(javascript|data):/i.test(value))
    .map(({ name, value }) => (value === '' ? ` ${name}` : ` ${name}="${escaped(value)}"`))
    .join('');
}

function text(value: string): Item {
  return { type: 'text', value };
}

function escaped(value: string): string {
  return value.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}
