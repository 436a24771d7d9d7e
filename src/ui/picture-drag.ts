import type { ComposerController } from './composer-controller';

/** Dragging a picture within the message: to a place between two words, or before or behind another picture. */

/** Marks such a drag, as against files from outside. */
const PICTURE_TYPE = 'application/x-flamingo-picture';

export function isPictureDrag({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes(PICTURE_TYPE) ?? false;
}

export function start(event: DragEvent): void {
  const chip = event.currentTarget as HTMLElement;
  event.dataTransfer?.setData(PICTURE_TYPE, chip.dataset.picture ?? '');
}

export function over(event: DragEvent): void {
  if (!isPictureDrag(event)) return;
  event.preventDefault();
  unmark(event);
  const target = targetOf(event);
  target?.setAttribute('data-drop', isBehind(target, event) ? 'behind' : 'before');
}

export function leave(event: DragEvent): void {
  unmark(event);
}

export function dropInto(composer: ComposerController): (event: DragEvent) => void {
  return (event) => {
    if (!isPictureDrag(event)) return;
    event.preventDefault();
    event.stopPropagation();
    unmark(event);
    const target = targetOf(event);
    const id = event.dataTransfer?.getData(PICTURE_TYPE);
    if (target && id) drop(composer, id, target, isBehind(target, event));
  };
}

function drop(composer: ComposerController, id: string, target: HTMLElement, behind: boolean): void {
  const { picture, start, end } = target.dataset;
  if (picture === undefined) {
    composer.place(id, Number(behind ? end : start));
    return;
  }
  const others = composer.draft.pictures.filter((each) => each.id !== id);
  const index = others.findIndex((each) => each.id === picture);
  if (index < 0) return;
  const next = others[index + 1];
  const neighbour = next?.offset === others[index].offset ? next.id : undefined;
  composer.place(id, others[index].offset, behind ? neighbour : picture);
}

function targetOf(event: DragEvent): HTMLElement | null {
  return (event.target as Element).closest<HTMLElement>('[data-picture], [data-start]');
}

function isBehind(target: HTMLElement, { clientX }: DragEvent): boolean {
  const { left, width } = target.getBoundingClientRect();
  return clientX > left + width / 2;
}

function unmark(event: DragEvent): void {
  for (const marked of (event.currentTarget as Element).querySelectorAll('[data-drop]'))
    marked.removeAttribute('data-drop');
}
