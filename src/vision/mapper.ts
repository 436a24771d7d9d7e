import { FlamingoError } from '../core/errors';
import type { PrefixMapper } from '../format/manifest';
import { type OrtRuntime, type OrtSession, ortRuntime } from '../ort/runtime';

/** mapper.onnx in onnxruntime-web: what the vision encoder says of one picture -> vectors [k, E] in the text stream. */
export class VisualMapper implements AsyncDisposable {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly ort: OrtRuntime,
    private readonly session: OrtSession,
    private readonly prefix: PrefixMapper,
    private readonly width: number,
  ) {}

  static async load(model: Uint8Array, prefix: PrefixMapper, width: number): Promise<VisualMapper> {
    const ort = await ortRuntime();
    return new VisualMapper(ort, await ort.session('mapper.onnx', model, []), prefix, width);
  }

  /** One picture's values of the shape that the mapper takes. A session takes one run at a time, so calls queue up. */
  map(values: Float32Array, shape: readonly number[]): Promise<Float32Array> {
    const result = this.queue.then(() => this.run(values, shape));
    this.queue = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue;
    await this.session.release();
  }

  private async run(values: Float32Array, shape: readonly number[]): Promise<Float32Array> {
    const results = await this.session.run({ [this.prefix.input]: this.ort.floats(values, shape) });
    const vectors = (await results[this.session.outputNames[0]].getData()) as Float32Array;
    const expected = this.prefix.tokens * this.width;
    if (vectors.length === expected) return vectors;
    throw new FlamingoError('shape-mismatch', `mapper.onnx gave ${vectors.length} values, ${expected} are expected.`, {
      hint: 'The mapper does not fit the model: convert the package again.',
      details: { got: vectors.length, expected },
    });
  }
}
