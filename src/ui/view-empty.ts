import { html, type TemplateResult } from 'lit';

/** A picture to begin with, and a question it answers. */
export interface Sample {
  readonly src: string;
  /** What the picture shows, for those who cannot see it. */
  readonly alt: string;
  readonly question: string;
}

/** What a new conversation shows. */
export function emptyView(samples: readonly Sample[], choose: (sample: Sample) => void): TemplateResult {
  return html`
    <div part="empty" class="empty">
      <slot name="about"><p>Drop pictures here and ask about them. They stay on this machine.</p></slot>
      ${samples.length > 0 ? html`<p class="hint" id="samples">Or begin with one of these:</p>` : ''}
      <div class="samples" role="group" aria-label="Sample pictures">
        ${samples.map(
          (sample) => html`
            <button type="button" part="sample" class="sample" @click=${() => choose(sample)}>
              <img src=${sample.src} alt=${sample.alt} width="224" height="224" />
              <span>${sample.question}</span>
            </button>`,
        )}
      </div>
    </div>
  `;
}
