import { FlamingoError } from '../core/errors';
import type { ClipText } from '../format/manifest';
import { type OrtRuntime, type OrtSession, ortRuntime } from '../ort/runtime';

/** text.onnx in onnxruntime-web: ids of a text -> its embedding [E] in CLIP's common space. */
export class ClipTextEncoder implements AsyncDisposable {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly ort: OrtRuntime,
    private readonly session: OrtSession,
    private readonly clip: ClipText,
  ) {}

  static async load(
    model: Uint8Array,
    data: readonly { path: string; data: Uint8Array }[],
    clip: ClipText,
  ): Promise<ClipTextEncoder> {
    const ort = await ortRuntime();
    return new ClipTextEncoder(ort, await ort.session('text.onnx', model, data), clip);
  }

  /**
   * Ids of the words alone; the tokens at both ends are added here, and words that do not fit are cut off, as CLIP's tokenisers do. A session takes one run at a
   * time, so calls queue up.
   */
  encode(words: readonly number[]): Promise<Float32Array> {
    const result = this.queue.then(() => this.run(words));
    this.queue = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue;
    await this.session.release();
  }

  private async run(words: readonly number[]): Promise<Float32Array> {
    const { contextLength, startId, endId, embedding: E } = this.clip;
    const ids = [startId, ...words.slice(0, contextLength - 2), endId];
    const { embedding } = await this.session.run({
      input_ids: this.ort.longs(ids, [1, ids.length]),
      last: this.ort.longs([ids.length - 1], [1]),
    });
    const values = (await embedding.getData()) as Float32Array;
    if (values.length === E) return values;
    throw new FlamingoError('shape-mismatch', `text.onnx gave ${values.length} values, model.json says ${E}.`, {
      hint: 'The text tower does not fit the model: convert the package again.',
      details: { got: values.length, expected: E },
    });
  }
}
