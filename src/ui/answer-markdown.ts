import { type ElementPart, noChange } from 'lit';
import { Directive, directive, type PartInfo, PartType } from 'lit/directive.js';
import * as smd from 'streaming-markdown';

/** Elements an answer may hold. Everything else stays text: no raw HTML, no pictures from elsewhere, no scripts. */
const ELEMENTS = new Map<smd.Token, string>([
  [smd.PARAGRAPH, 'p'],
  [smd.HEADING_1, 'h3'],
  [smd.HEADING_2, 'h4'],
  [smd.HEADING_3, 'h5'],
  [smd.HEADING_4, 'h6'],
  [smd.HEADING_5, 'h6'],
  [smd.HEADING_6, 'h6'],
  [smd.CODE_BLOCK, 'pre'],
  [smd.CODE_FENCE, 'pre'],
  [smd.CODE_INLINE, 'code'],
  [smd.ITALIC_AST, 'em'],
  [smd.ITALIC_UND, 'em'],
  [smd.STRONG_AST, 'strong'],
  [smd.STRONG_UND, 'strong'],
  [smd.STRIKE, 's'],
  [smd.LINK, 'a'],
  [smd.RAW_URL, 'a'],
  [smd.BLOCKQUOTE, 'blockquote'],
  [smd.LINE_BREAK, 'br'],
  [smd.RULE, 'hr'],
  [smd.LIST_UNORDERED, 'ul'],
  [smd.LIST_ORDERED, 'ol'],
  [smd.LIST_ITEM, 'li'],
  [smd.TABLE, 'table'],
  [smd.TABLE_ROW, 'tr'],
  [smd.TABLE_CELL, 'td'],
]);

/** Addresses a link of an answer may lead to. */
const SAFE_SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** True for an absolute address of a harmless scheme: an answer has no business with addresses of the page. */
export function isSafeLink(address: string): boolean {
  return URL.canParse(address) && SAFE_SCHEMES.has(new URL(address).protocol);
}

/** Renders into `root`, element by element and text by text; nothing is ever parsed as HTML. */
export function safeRenderer(root: Element): smd.Renderer<{ at: Element }> {
  return {
    data: { at: root },
    add_token(data, type) {
      const element = document.createElement(ELEMENTS.get(type) ?? 'span');
      data.at = data.at.appendChild(element);
    },
    end_token(data) {
      if (data.at !== root) data.at = data.at.parentElement ?? root;
    },
    add_text(data, text) {
      data.at.append(text);
    },
    set_attr(data, type, value) {
      if (type === smd.START) data.at.setAttribute('start', value);
      if (type !== smd.HREF || !isSafeLink(value)) return;
      data.at.setAttribute('href', value);
      data.at.setAttribute('rel', 'noopener noreferrer');
      data.at.setAttribute('target', '_blank');
    },
  };
}

class StreamedMarkdown extends Directive {
  private shown = '';
  private parser: smd.Parser | undefined;
  private finished: string | undefined;

  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new TypeError('streamedMarkdown belongs on an element.');
  }

  override render(_text: string, _complete: boolean) {
    return noChange;
  }

  /** Writes only what is new; a text that does not go on from the last one is rendered afresh. */
  override update({ element }: ElementPart, [text, complete]: [string, boolean]) {
    if (complete && this.finished === text) return noChange;
    this.finished = undefined;
    if (!this.parser || !text.startsWith(this.shown)) {
      element.replaceChildren();
      this.parser = smd.parser(safeRenderer(element));
      this.shown = '';
    }
    if (text.length > this.shown.length) smd.parser_write(this.parser, text.slice(this.shown.length));
    this.shown = text;
    if (complete) {
      smd.parser_end(this.parser);
      this.parser = undefined;
      this.finished = text;
    }
    return noChange;
  }
}

/** `<div ${streamedMarkdown(text, complete)}>`: shows a growing markdown text. */
export const streamedMarkdown = directive(StreamedMarkdown);
