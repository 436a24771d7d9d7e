import type { LitElement, ReactiveController } from 'lit';
import type { FlamingoError } from '../core/errors';
import { type MessagePart, type Picture, picturesOf } from './content';
import { DocumentController, hasPictures, isPage } from './document-controller';
import {
  type Draft,
  EMPTY_DRAFT,
  editText,
  insertParts,
  insertPictures,
  isEmpty,
  movePicture,
  picturesFirst,
  placePicture,
  removePicture,
  toDraft,
  toMessage,
} from './draft';
import { asFlamingoError } from './model-controller';
import { takeFile } from './take-file';

export interface ComposerEvents {
  send(message: MessagePart[]): void;
  /** A picture came into the message, or left it. */
  added(picture: Picture): void;
  removed(picture: Picture): void;
}

/** Keeps the draft: typing, pictures by drop, paste and picker, moving them between the words. */
export class ComposerController implements ReactiveController {
  draft: Draft = EMPTY_DRAFT;
  problems: readonly FlamingoError[] = [];
  /** What a screen reader says after a change that only eyes can see. */
  announcement = '';
  /** Name of the file that is being read: a long video takes seconds. */
  reading: string | undefined;
  readonly documents: DocumentController;

  constructor(
    private readonly host: LitElement,
    private readonly busy: () => boolean,
    private readonly clipFrames: () => number,
    private readonly events: ComposerEvents,
  ) {
    host.addController(this);
    this.documents = new DocumentController(host, {
      insert: (parts, caret) => this.insert(parts, caret),
      failed: (error) => this.refuse(error),
    });
  }

  /** The box grows with its text, up to the limit in the style sheet. */
  hostUpdated(): void {
    const box = this.box;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight}px`;
  }

  /** Puts pictures and clips where the caret is. Files that are neither are named in place; the others are taken. */
  async add(files: Iterable<Blob>, caret = this.caret): Promise<void> {
    this.problems = [];
    const all = [...files];
    const page = all.find(isPage);
    if (page) return await this.addPage(page, all, caret);
    const taken: Picture[] = [];
    for (const file of all) {
      this.read(file instanceof File ? file.name : 'the file');
      try {
        taken.push(await takeFile(file, this.clipFrames()));
      } catch (error) {
        this.refuse(asFlamingoError(error));
      }
    }
    this.read(undefined);
    this.change(insertPictures(this.draft, taken, caret));
    for (const picture of taken) this.events.added(picture);
    if (taken.length > 0) this.say(`${taken.length} ${taken.length > 1 ? 'pictures' : 'picture'} added.`);
  }

  /** Reads a web page; the files that come with it are its pictures. */
  async addPage(page: Blob | string, beside: Iterable<Blob> = [], caret = this.caret): Promise<void> {
    const html = typeof page === 'string' ? page : await page.text().catch(() => '');
    await this.documents.open(html, beside, caret);
  }

  /** Names a picture that the model cannot read, and takes it out of the message. */
  reject(picture: Picture, error: FlamingoError): void {
    if (!this.draft.pictures.some(({ id }) => id === picture.id)) return;
    this.refuse(error);
    this.remove(picture);
  }

  dismiss(problem: FlamingoError): void {
    this.problems = this.problems.filter((each) => each !== problem);
    this.host.requestUpdate();
    this.box?.focus();
  }

  remove(picture: Picture): void {
    this.change(removePicture(this.draft, picture.id));
    this.events.removed(picture);
    this.say(`${picture.name} removed.`);
    this.box?.focus();
  }

  move(picture: Picture, direction: -1 | 1): void {
    this.change(movePicture(this.draft, picture.id, direction));
    this.say(this.whereabouts(picture));
    void this.refocus(`${picture.id} ${direction < 0 ? 'left' : 'right'}`);
  }

  picturesFirst(): void {
    this.change(picturesFirst(this.draft));
    this.box?.focus();
  }

  /** A sample picture in front of its question. */
  async begin(file: File, question: string): Promise<void> {
    this.change(editText(this.draft, question));
    await this.add([file], 0);
    this.box?.focus();
  }

  /** Puts a message that was sent before in front of the draft. */
  edit(message: readonly MessagePart[]): void {
    this.change(toDraft([...message, ...toMessage(this.draft)]));
    this.box?.focus();
  }

  readonly onInput = (event: Event): void => {
    this.change(editText(this.draft, (event.target as HTMLTextAreaElement).value));
  };

  readonly onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  };

  readonly onSubmit = (event: Event): void => {
    event.preventDefault();
    this.send();
  };

  readonly onPick = (): void => this.find<HTMLInputElement>('#files')?.click();

  readonly onPicked = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = ''; // the same file can be chosen again
    void this.add(files);
  };

  readonly onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    const html = event.clipboardData?.getData('text/html') ?? '';
    if (files.length === 0 && !hasPictures(html)) return; // words are pasted by the text box itself
    event.preventDefault();
    void (files.length > 0 ? this.add(files) : this.addPage(html));
  };

  /** Puts a picture that was dragged at an offset of the words, or before another picture. */
  place(id: string, offset: number, before?: string): void {
    this.change(placePicture(this.draft, id, offset, before));
    const picture = this.draft.pictures.find((each) => each.id === id);
    if (picture) this.say(this.whereabouts(picture));
  }

  private send(): void {
    if (this.busy() || isEmpty(this.draft)) return; // what is written while an answer comes stays written
    const message = toMessage(this.draft);
    this.problems = [];
    this.change(EMPTY_DRAFT);
    this.box?.focus(); // the button that was pressed goes away
    this.events.send(message);
  }

  private get box(): HTMLTextAreaElement | null {
    return this.find<HTMLTextAreaElement>('#message');
  }

  private get caret(): number {
    return this.box?.selectionStart ?? this.draft.text.length;
  }

  private find<E extends Element>(selector: string): E | null {
    return this.host.renderRoot.querySelector<E>(selector);
  }

  private change(draft: Draft): void {
    this.draft = draft;
    this.host.requestUpdate();
  }

  /** A document at the caret. */
  private insert(parts: readonly MessagePart[], caret: number): void {
    this.change(insertParts(this.draft, parts, caret));
    const pictures = picturesOf(parts);
    for (const picture of pictures) this.events.added(picture);
    this.say(`The page was inserted with ${pictures.length} ${pictures.length === 1 ? 'picture' : 'pictures'}.`);
    this.box?.focus();
  }

  private refuse(error: FlamingoError): void {
    this.problems = [...this.problems, error];
    this.host.requestUpdate();
  }

  private read(name: string | undefined): void {
    this.reading = name;
    this.host.requestUpdate();
  }

  private say(announcement: string): void {
    this.announcement = announcement;
    this.host.requestUpdate();
  }

  private whereabouts({ id, name }: Picture): string {
    const index = this.draft.pictures.findIndex((each) => each.id === id);
    const word = /(\S+)\s*$/.exec(this.draft.text.slice(0, this.draft.pictures[index].offset))?.[1];
    return `${name} is now picture ${index + 1}, ${word ? `behind “${word}”` : 'before all words'}.`;
  }

  /** Moving an element takes the focus from the button in it. */
  private async refocus(button: string): Promise<void> {
    await this.host.updateComplete;
    const moved = this.find<HTMLButtonElement>(`[data-chip="${button}"]`);
    if (moved && !moved.disabled) moved.focus();
    else this.find<HTMLButtonElement>(`[data-chip^="${button.split(' ')[0]}"]:not(:disabled)`)?.focus();
  }
}
