import type { LitElement, ReactiveController } from 'lit';

/** Pixels from the end that still count as reading the end. */
const NEAR = 48;

/** Follows a growing answer, unless the reader has scrolled away from its end. A new exchange is always shown. */
export class ScrollController implements ReactiveController {
  private atEnd = true;
  private shown = 0;

  constructor(
    private readonly host: LitElement,
    private readonly exchanges: () => number,
  ) {
    host.addController(this);
  }

  hostUpdate(): void {
    const box = this.box;
    if (box) this.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  }

  hostUpdated(): void {
    const count = this.exchanges();
    const box = this.box;
    if (box && count > 0 && (this.atEnd || count > this.shown)) box.scrollTop = box.scrollHeight;
    this.shown = count;
  }

  private get box(): Element | null {
    return this.host.renderRoot?.querySelector('.scroll') ?? null;
  }
}
