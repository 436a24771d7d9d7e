import { html, nothing, type TemplateResult } from 'lit';
import type { LoadProgress } from '../session/load-types';
import type { ModelState } from './model-controller';

export interface StatusActions {
  load(): void;
  cancel(): void;
}

/** What the model is doing: not loaded, loading (in bytes), running on what and why, or failed and what to do. */
export function statusView(state: ModelState, actions: StatusActions): TemplateResult {
  switch (state.kind) {
    case 'idle':
      return html`<div class="notice">
        <p>The model is not loaded.</p>
        <button type="button" class="plain" @click=${actions.load}>Load model</button>
      </div>`;
    case 'loading':
      return loadingView(state.progress, actions);
    case 'ready':
      return html`<p part="executor" class="executor">
        <strong>${state.model.manifest.name}</strong> is ready. ${state.model.executorReason}
      </p>`;
    case 'failed':
      return html`<div part="error" class="notice error" role="alert">
        <p><strong>${state.error.message}</strong> ${state.error.hint}</p>
        <button type="button" class="plain" @click=${actions.load}>Load again</button>
      </div>`;
  }
}

function loadingView(progress: LoadProgress | undefined, { cancel }: StatusActions): TemplateResult {
  const { phase = 'manifest', loadedBytes = 0, totalBytes = 0 } = progress ?? {};
  const weighed = phase === 'weights' && totalBytes > 0;
  const done = weighed ? html`: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}` : nothing;
  return html`
    <div part="progress" class="notice">
      <label class="grow">
        <span>${phase === 'compile' || phase === 'ready' ? 'Preparing the model' : 'Loading the model'}${done}</span>
        <progress
          aria-label="Loading the model"
          max=${totalBytes || 1}
          .value=${weighed || phase === 'compile' ? loadedBytes : 0}
          aria-valuetext=${`${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`}
        ></progress>
      </label>
      <button type="button" class="plain" @click=${cancel}>Cancel</button>
    </div>
  `;
}

/** Bytes as people read them: 532 bytes, 1.5 MB, 1.22 GB. Decimal units, as downloads are given. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** unit;
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`;
}
