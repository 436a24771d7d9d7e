import type { AppendStep } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import type { SeenMedia } from './media-stack';

/** Puts the intermediate results of several runs together: `hidden.<block>` [T, D], `attention.<k>` [H, T, M*n] over all media of the step. */
export class TapCollector {
  readonly taps = new Map<string, Float32Array>();

  constructor(
    private readonly config: FlamingoConfig,
    private readonly step: AppendStep,
  ) {}

  /** What one run over the tokens from `start` on gave: [rows, D], or [H, rows, seen*n]. */
  add(name: string, values: Float32Array, start: number, rows: number, seen: SeenMedia): void {
    if (name.startsWith('attention.')) this.addAttention(name, values, start, rows, seen);
    else this.whole(name, this.step.ids.length * this.config.width).set(values, start * this.config.width);
  }

  private addAttention(name: string, values: Float32Array, start: number, rows: number, seen: SeenMedia): void {
    const { heads } = this.config.gated;
    const n = this.config.resampler.latents;
    const T = this.step.ids.length;
    const [from, to] = [Math.max(1, seen.places.length), Math.max(1, this.step.media.length)];
    const all = this.whole(name, heads * T * to * n);
    for (let row = 0; row < heads * rows; row++) {
      const target = Math.floor(row / rows) * T + start + (row % rows);
      seen.places.forEach((place, m) => {
        const at = (row * from + m) * n;
        all.set(values.subarray(at, at + n), (target * to + place) * n);
      });
    }
  }

  private whole(name: string, length: number): Float32Array {
    const known = this.taps.get(name) ?? new Float32Array(length);
    this.taps.set(name, known);
    return known;
  }
}
