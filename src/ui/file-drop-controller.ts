import type { LitElement, ReactiveController } from 'lit';
import { hasPictures } from './document-controller';
import { isPictureDrag } from './picture-drag';

/** Takes files and parts of web pages with pictures dropped anywhere on the element. `over` while some hover. */
export class FileDropController implements ReactiveController {
  over = false;

  constructor(
    private readonly host: LitElement,
    private readonly dropped: (files: File[]) => void,
    private readonly droppedPage: (html: string) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.host.addEventListener('dragover', this.onDragOver);
    this.host.addEventListener('dragleave', this.onDragLeave);
    this.host.addEventListener('drop', this.onDrop);
  }

  hostDisconnected(): void {
    this.host.removeEventListener('dragover', this.onDragOver);
    this.host.removeEventListener('dragleave', this.onDragLeave);
    this.host.removeEventListener('drop', this.onDrop);
  }

  private readonly onDragOver = (event: DragEvent): void => {
    if (!event.dataTransfer || !(event.dataTransfer.types.includes('Files') || isPageDrag(event))) return;
    event.preventDefault(); // without it the browser leaves the page and opens the file
    event.dataTransfer.dropEffect = 'copy';
    this.show(true);
  };

  private readonly onDragLeave = (event: DragEvent): void => {
    if (!this.host.contains(event.relatedTarget as Node | null)) this.show(false);
  };

  private readonly onDrop = (event: DragEvent): void => {
    this.show(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    const html = isPageDrag(event) ? (event.dataTransfer?.getData('text/html') ?? '') : '';
    if (files.length === 0 && !hasPictures(html)) return;
    event.preventDefault();
    if (files.length > 0) this.dropped(files);
    else this.droppedPage(html);
  };

  private show(over: boolean): void {
    if (this.over === over) return;
    this.over = over;
    this.host.requestUpdate();
  }
}

/** A part of a page from elsewhere; words dropped into the text box are the box's own matter, and pictures of the message move within it. */
function isPageDrag(event: DragEvent): boolean {
  if (isPictureDrag(event) || event.composedPath()[0] instanceof HTMLTextAreaElement) return false;
  return event.dataTransfer?.types.includes('text/html') ?? false;
}
