import { FlamingoError } from '../core/errors';
import type { AppendResult } from '../core/executor';
import type { FlamingoConfig } from '../format/config';

/** What a named stage of the model held in its last run, in numbers: enough to see where NaN, zeros or an explosion begin. */
export interface TapSummary {
  name: string;
  /** Elements read. */
  count: number;
  /** Of them not finite. */
  broken: number;
  min: number;
  max: number;
  mean: number;
  rms: number;
}

/** Reads one stage back in every step: `hidden.<block>` or `attention.<layer>`. A debugging aid; it makes steps slower. */
export class Tap {
  summary: TapSummary | undefined;

  private constructor(readonly name: string) {}

  /** Throws `invalid-option` for a stage that the model does not have. */
  static of(name: string, { decoder, gated }: FlamingoConfig): Tap {
    const [, kind, index] = /^(hidden|attention)\.(\d+)$/.exec(name) ?? [];
    const count = kind === 'hidden' ? decoder.layers : gated.before.length;
    if (kind && Number(index) < count) return new Tap(name);
    throw new FlamingoError('invalid-option', `There is no stage ${name} to read.`, {
      hint: `This model has hidden.0 to hidden.${decoder.layers - 1} and attention.0 to attention.${gated.before.length - 1}.`,
      details: { name, blocks: decoder.layers, gatedLayers: gated.before.length },
    });
  }

  see({ taps }: AppendResult): void {
    const values = taps.get(this.name);
    if (values) this.summary = summarise(this.name, values);
  }
}

function summarise(name: string, values: Float32Array): TapSummary {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const rms = Math.sqrt(finite.reduce((sum, value) => sum + value * value, 0) / finite.length);
  const [min, max] = [
    finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  ];
  return { name, count: values.length, broken: values.length - finite.length, min, max, mean, rms };
}
