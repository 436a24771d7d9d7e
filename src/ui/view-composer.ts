import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ComposerController } from './composer-controller';
import { countFrames, describePicture } from './content';
import { isEmpty, type PlacedPicture, wordsComeFirst } from './draft';
import { icon } from './icons';
import type { Labels } from './labels';
import * as drag from './picture-drag';
import { documentView } from './view-document';

/** The message being written: its pictures between its words, the text box, and what can be done with them. */
export function composerView(
  composer: ComposerController,
  labels: Labels,
  { busy, orderless, stop }: { busy: boolean; orderless: boolean; stop(): void },
): TemplateResult {
  const { draft } = composer;
  return html`
    <form part="composer" class="composer" @submit=${composer.onSubmit}>
      ${draft.pictures.length > 0 ? orderView(composer) : nothing}
      ${wordsComeFirst(draft) ? hintView(composer) : nothing}
      ${orderless && draft.pictures.some(({ frames }) => frames) ? orderlessView() : nothing}
      ${documentView(composer.documents)}
      ${composer.reading === undefined ? nothing : html`<p class="note" role="status">Reading ${composer.reading}…</p>`}
      ${composer.problems.map(
        (problem) => html`
          <div part="error" class="notice error" role="alert">
            <p><strong>${problem.message}</strong> ${problem.hint}</p>
            <button type="button" class="plain" @click=${() => composer.dismiss(problem)}>Dismiss</button>
          </div>`,
      )}
      <label class="hidden" for="message">${labels.message}</label>
      <textarea
        id="message"
        part="message"
        rows="1"
        placeholder=${labels.placeholder}
        enterkeyhint="send"
        .value=${draft.text}
        @input=${composer.onInput}
        @keydown=${composer.onKeydown}
        @paste=${composer.onPaste}
      ></textarea>
      <div class="actions">
        <input
          id="files"
          type="file"
          accept="image/png,image/jpeg,image/webp,image/gif,video/*,.mkv,text/html"
          multiple
          hidden
          @change=${composer.onPicked}
        />
        <button type="button" part="add-images" class="plain" @click=${composer.onPick}>${icon('image')} ${labels.addImages}</button>
        ${
          busy
            ? html`<button type="button" part="stop" class="primary" @click=${stop}>${icon('stop')} ${labels.stop}</button>`
            : html`<button type="submit" part="send" class="primary" ?disabled=${isEmpty(draft)}>${icon('send')} ${labels.send}</button>`
        }
      </div>
      <p class="hidden" role="status">${composer.announcement}</p>
    </form>
  `;
}

/** The message in reading order. Words belong to the item they come before, so that list items are the pictures. */
function orderView(composer: ComposerController): TemplateResult {
  const { text, pictures } = composer.draft;
  const from = (index: number) => pictures[index - 1]?.offset ?? 0;
  return html`
    <div class="order" @dragover=${drag.over} @dragleave=${drag.leave} @drop=${drag.dropInto(composer)}>
      <ul class="flow" aria-label="Pictures in the message">
        ${repeat(
          pictures,
          ({ id }) => id,
          (picture, i) =>
            html`<li class="flow">${wordsView(text, from(i), picture.offset)}${chipView(composer, picture, i)}</li>`,
        )}
      </ul>
      ${wordsView(text, from(pictures.length), text.length)}
    </div>
  `;
}

/** Each word is a place where a picture can be dropped. */
function wordsView(text: string, start: number, end: number): TemplateResult | typeof nothing {
  if (text.slice(start, end).trim() === '') return nothing;
  const words = [...text.slice(start, end).matchAll(/\s*\S+\s*/g)];
  return html`<span class="words" aria-hidden="true">${words.map(
    (word) =>
      html`<span class="word" data-start=${start + word.index} data-end=${start + word.index + word[0].length}>${word[0]}</span>`,
  )}</span>`;
}

function chipView(composer: ComposerController, picture: PlacedPicture, index: number): TemplateResult {
  const { draft } = composer;
  const nth = `picture ${index + 1}`;
  const name = `Picture ${index + 1} of ${draft.pictures.length}: ${describePicture(picture)}`;
  const button = (action: 'left' | 'right' | 'remove', label: string, run: () => void, disabled: boolean) => html`
    <button
      type="button"
      class="icon"
      title=${label}
      aria-label=${label}
      data-chip=${`${picture.id} ${action}`}
      ?disabled=${disabled}
      @click=${run}
    >${icon(action)}</button>`;
  const first = index === 0 && picture.offset === 0;
  const last = index === draft.pictures.length - 1 && picture.offset === draft.text.length;
  return html`<div
    part="thumbnail"
    class="chip"
    draggable="true"
    data-picture=${picture.id}
    @dragstart=${drag.start}
  >
    <img src=${picture.url} alt=${name} draggable="false" />
    ${picture.frames ? html`<span part="frames" class="badge" aria-hidden="true">${countFrames(picture.frames)}</span>` : nothing}
    ${button('left', `Move ${nth} left`, () => composer.move(picture, -1), first)}
    ${button('right', `Move ${nth} right`, () => composer.move(picture, 1), last)}
    ${button('remove', `Remove ${nth}`, () => composer.remove(picture), false)}
  </div>`;
}

function hintView(composer: ComposerController): TemplateResult {
  return html`
    <div class="notice" role="status">
      <p>The words stand before the picture, so they are read without it.</p>
      <button type="button" class="plain" @click=${() => composer.picturesFirst()}>Put pictures first</button>
    </div>
  `;
}

/** What a model sees of a clip that was trained with single pictures: upstream's resampler flattens frames and patches into one list. */
function orderlessView(): TemplateResult {
  return html`
    <p class="notice" role="status">
      This model was trained with single pictures: it sees the frames of a clip all at once, not their order.
    </p>
  `;
}
