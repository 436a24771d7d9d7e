import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { FlamingoError } from '../core/errors';
import { streamedMarkdown } from './answer-markdown';
import { countFrames, describePicture, type MessagePart } from './content';
import type { Exchange } from './conversation-controller';

export interface LogActions {
  retry(exchange: Exchange): void;
  edit(exchange: Exchange): void;
}

/** The conversation. Each question and answer stands as its own message; what went wrong stands where it happened. */
export function logView(exchanges: readonly Exchange[], actions: LogActions): TemplateResult {
  const last = exchanges.at(-1);
  return html`
    <div part="log" class="log" role="log" aria-label="Conversation" tabindex="0">
      ${repeat(
        exchanges,
        ({ id }) => id,
        (exchange) => exchangeView(exchange, exchange === last ? actions : undefined),
      )}
    </div>
  `;
}

function exchangeView(exchange: Exchange, actions: LogActions | undefined): TemplateResult {
  const { content, answer, phase, error } = exchange;
  const open = phase === 'loading' || phase === 'reading' || phase === 'answering';
  return html`
    <article part="user-message" class="user" data-role="user" aria-label="Your message">${content.map(partView)}</article>
    <article
      part="assistant-message"
      class="assistant"
      data-role="assistant"
      aria-label="Answer"
      aria-busy=${open}
      ${streamedMarkdown(answer.trimStart(), !open)}
    ></article>
    ${open && answer === '' ? waitingView(phase) : nothing}
    ${phase === 'done' && answer.trim() === '' ? html`<p class="note">The model gave an empty answer.</p>` : nothing}
    ${phase === 'stopped' ? endView('Stopped.', exchange, actions) : nothing}
    ${error ? errorView(error, exchange, actions) : nothing}
  `;
}

function partView(part: MessagePart): TemplateResult {
  if (part.type === 'text') return html`<span class="text">${part.value}</span>`;
  const { url, frames } = part.value;
  const badge = frames ? html`<span class="badge" aria-hidden="true">${countFrames(frames)}</span>` : nothing;
  return html`<span class="sent"><img src=${url} alt=${describePicture(part.value)} />${badge}</span>`;
}

const WAITING = {
  loading: 'Waiting for the model…',
  reading: 'Reading the message…',
  answering: 'Thinking…',
} as const;

function waitingView(phase: keyof typeof WAITING): TemplateResult {
  return html`<p class="note waiting" role="status">${WAITING[phase]}</p>`;
}

function endView(text: string, exchange: Exchange, actions: LogActions | undefined): TemplateResult {
  return html`<div class="note">${text} ${buttonsView(exchange, actions)}</div>`;
}

function errorView(error: FlamingoError, exchange: Exchange, actions: LogActions | undefined): TemplateResult {
  return html`
    <div part="error" class="notice error" role="alert">
      <p><strong>${error.message}</strong> ${error.hint}</p>
      <div>${buttonsView(exchange, actions)}</div>
    </div>
  `;
}

/** Only the last exchange can be asked again: later ones were answered with the earlier ones before them. */
function buttonsView(exchange: Exchange, actions: LogActions | undefined): TemplateResult | typeof nothing {
  if (!actions) return nothing;
  return html`
    <button type="button" class="plain" @click=${() => actions.retry(exchange)}>Try again</button>
    <button type="button" class="plain" @click=${() => actions.edit(exchange)}>Edit message</button>
  `;
}
