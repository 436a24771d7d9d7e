import { html, nothing, type TemplateResult } from 'lit';
import type { DocumentController, PendingDocument } from './document-controller';

/** What a page holds that was pasted or dropped, and what to do with it. */
export function documentView(documents: DocumentController): TemplateResult | typeof nothing {
  const { pending } = documents;
  if (!pending) return nothing;
  const { remote } = pending.read;
  const toggle = (event: Event) => void documents.keepMarkup((event.target as HTMLInputElement).checked);
  const button = (text: string, run: () => void) =>
    html`<button type="button" class="plain" ?disabled=${pending.fetching} @click=${run}>${text}</button>`;
  return html`
    <div part="document" class="notice document" role="group" aria-label="Web page">
      <p role="status">${summary(pending)}</p>
      <div>
        ${button(remote.length > 0 ? `Insert without ${count(remote.length, 'picture')}` : 'Insert', () => void documents.insert())}
        ${remote.length > 0 ? button(`Fetch ${count(remote.length, 'picture')} and insert`, () => void documents.fetchAndInsert()) : nothing}
        ${button('Cancel', () => documents.cancel())}
        <label><input type="checkbox" .checked=${pending.keepMarkup} @change=${toggle} /> Keep the markup</label>
      </div>
    </div>
  `;
}

function summary({ read: { parts, remote, leftOut }, fetching }: PendingDocument): string {
  const words = parts.flatMap((part) => (part.type === 'text' ? part.value.split(/\s+/).filter(Boolean) : [])).length;
  const pictures = parts.filter(({ type }) => type === 'image').length;
  const hosts = [...new Set(remote.map(({ address }) => new URL(address).host))];
  const from = hosts.length > 3 ? `${hosts.slice(0, 3).join(', ')} and ${hosts.length - 3} more` : hosts.join(', ');
  return [
    `The page has ${count(words, 'word')} and ${count(pictures, 'picture')}.`,
    remote.length > 0 ? `${count(remote.length, 'picture')} more would have to be fetched from ${from}.` : '',
    leftOut.length > 0 ? `Left out: ${leftOut.length} (the first ${leftOut[0].reason}).` : '',
    fetching ? 'Fetching…' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
