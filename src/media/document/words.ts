import type { Item } from './types';
import { isVisible, pictureOf } from './visible';

/** Elements that begin and end a line. */
const BLOCKS = new Set(
  'address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr li main ol p pre section summary table tbody tfoot thead tr ul'.split(
    ' ',
  ),
);

/** The words and pictures of a document in order: blanks as a browser shows them, one line per block, cells of a table apart. Alternative texts are no words: they would tell what the picture shows. */
export function wordsOf(root: Element): Item[] {
  const items: Item[] = [];
  walk(root, items, false);
  return items;
}

function walk(node: Node, items: Item[], pre: boolean): void {
  if (node.nodeType === 3) {
    const value = node.nodeValue ?? '';
    items.push({ type: 'text', value: pre ? value : value.replace(/[ \t\n\r\f]+/g, ' ') });
  }
  if (node.nodeType !== 1) return;
  const element = node as Element;
  const name = element.localName;
  if (!isVisible(element)) return;
  if (name === 'img') items.push({ type: 'picture', ...pictureOf(element) });
  const edge = name === 'br' || BLOCKS.has(name) ? '\n' : name === 'td' || name === 'th' ? ' ' : '';
  if (edge) items.push({ type: 'text', value: edge });
  for (const child of element.childNodes) walk(child, items, pre || name === 'pre');
  if (edge && name !== 'br') items.push({ type: 'text', value: edge });
}

/** Text without blanks at the ends of lines and without empty lines. */
export function tidy(text: string): string {
  return text.replace(/[ \t\u00a0]*\n\s*/g, '\n').replace(/ {2,}/g, ' ');
}
