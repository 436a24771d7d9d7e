import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { FlamingoError } from '../core/errors';
import type { DocumentPart, InterleavedDocument } from '../media/document/types';
import type { MessagePart } from './content';
import { asFlamingoError } from './model-controller';
import { toPicture } from './take-file';

/** A page that was pasted or dropped and waits for a word of the user. */
export interface PendingDocument {
  readonly html: string;
  /** Pictures that came along or were fetched, by name or address. */
  readonly files: ReadonlyMap<string, Blob>;
  readonly caret: number;
  readonly keepMarkup: boolean;
  readonly read: InterleavedDocument;
  /** Pictures are being fetched. */
  readonly fetching: boolean;
}

export interface DocumentEvents {
  insert(parts: readonly MessagePart[], caret: number): void;
  failed(error: FlamingoError): void;
}

/** True for HTML that brings pictures; words alone are pasted as words. */
export function hasPictures(html: string): boolean {
  return /<img\b/i.test(html);
}

export function isPage(file: Blob): boolean {
  return file.type === 'text/html' || (file instanceof File && /\.x?html?$/i.test(file.name));
}

/** Web pages as messages. Says what is in them before anything is inserted, and fetches nothing that the user did not allow. */
export class DocumentController implements ReactiveController {
  pending: PendingDocument | undefined;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly events: DocumentEvents,
  ) {
    host.addController(this);
  }

  /** Nothing to do: a document comes with a drop or a paste. */
  hostConnected(): void {}

  /** Reads a page with the files beside it, and shows what was found. A page without pictures is inserted as its words. */
  async open(html: string, beside: Iterable<Blob>, caret: number): Promise<void> {
    const files = new Map<string, Blob>();
    for (const file of beside) if (file instanceof File) files.set(file.name, file);
    await this.tell(async () => {
      await this.read({ html, files, caret, keepMarkup: false, fetching: false });
      const { parts, remote } = this.pending!.read;
      if (remote.length === 0 && parts.every(({ type }) => type !== 'image')) await this.insert();
    });
  }

  keepMarkup(keepMarkup: boolean): Promise<void> {
    return this.tell(async () => this.pending && (await this.read({ ...this.pending, keepMarkup })));
  }

  /** Puts the page into the message as it is now; pictures elsewhere are left out. */
  async insert(): Promise<void> {
    const { pending } = this;
    if (!pending) return;
    await this.tell(async () => {
      const parts = await toMessage(pending.read.parts);
      this.become(undefined);
      this.events.insert(parts, pending.caret);
    });
  }

  /** Fetches the pictures that lie elsewhere, as the user said, and inserts the page with those that came. */
  async fetchAndInsert(): Promise<void> {
    const { pending } = this;
    if (!pending || pending.fetching) return;
    this.become({ ...pending, fetching: true });
    const files = new Map(pending.files);
    const failed: string[] = [];
    await Promise.all(
      pending.read.remote.map(async ({ address }) => {
        const blob = await fetchPicture(address);
        if (blob) files.set(address, blob);
        else failed.push(address);
      }),
    );
    if (this.pending?.html !== pending.html) return; // cancelled meanwhile
    await this.tell(() => this.read({ ...pending, keepMarkup: this.pending!.keepMarkup, files }));
    await this.insert();
    if (failed.length > 0) this.events.failed(notFetched(failed, pending.read.remote.length));
  }

  cancel(): void {
    this.become(undefined);
  }

  private async read(document: Omit<PendingDocument, 'read'>): Promise<void> {
    const { interleave } = await import('../media/document/interleave');
    const read = await interleave(document.html, document);
    this.become({ ...document, read });
  }

  /** Errors are shown where files are refused. */
  private async tell(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.become(undefined);
      this.events.failed(asFlamingoError(error));
    }
  }

  private become(pending: PendingDocument | undefined): void {
    this.pending = pending;
    this.host.requestUpdate();
  }
}

/** Parts of the message: a picture knows that a chunk ends before it. The end of the document's last chunk is left to what the user writes behind it. */
async function toMessage(parts: readonly DocumentPart[]): Promise<MessagePart[]> {
  const message: MessagePart[] = [];
  for (const [i, part] of parts.entries()) {
    const endsChunk = parts[i - 1]?.type === 'end-of-chunk';
    if (part.type === 'image') {
      const name = part.address.replace(/[?#].*$/, '').replace(/^.*\//, '');
      const file = new File([part.value], /^data:/.test(part.address) ? 'picture' : name, { type: part.value.type });
      message.push({ type: 'picture', value: { ...(await toPicture(file)), endsChunk } });
    } else if (part.type === 'text') {
      const ends = parts[i + 1]?.type === 'end-of-chunk' && i + 2 < parts.length;
      message.push({ type: 'text', value: ends ? `${part.value}\n` : part.value }); // to be seen; the prompt has no such blank
    }
  }
  return message;
}

/** Without cookies and without saying where the page is. Undefined when it cannot be had: most sites do not let other pages read their pictures. */
async function fetchPicture(address: string): Promise<Blob | undefined> {
  try {
    const response = await fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer' });
    return response.ok ? await response.blob() : undefined;
  } catch {
    return undefined;
  }
}

function notFetched(failed: readonly string[], wanted: number): FlamingoError {
  const hosts = [...new Set(failed.map((address) => new URL(address).host))].join(', ');
  return new FlamingoError('not-found', `${failed.length} of ${wanted} pictures could not be fetched (${hosts}).`, {
    hint: 'Their site may not allow it: save the pictures and add them by hand.',
    details: { failed: [...failed], wanted },
  });
}
