import { FlamingoError } from '../core/errors';
import type { FlamingoConfig } from '../format/config';
import { type OrtRuntime, type OrtSession, ortRuntime } from '../ort/runtime';

/** vision.onnx in onnxruntime-web: pixels [F,3,S,S] -> features [F,v,Dv], F frames or the tiles of one picture. Counts its runs: a picture is encoded once. */
export class VisionEncoder implements AsyncDisposable {
  /** Pictures and frames encoded so far. */
  runs = 0;
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly ort: OrtRuntime,
    private readonly session: OrtSession,
    private readonly config: FlamingoConfig,
  ) {}

  static async load(
    model: Uint8Array,
    data: readonly { path: string; data: Uint8Array }[],
    config: FlamingoConfig,
  ): Promise<VisionEncoder> {
    const ort = await ortRuntime();
    return new VisionEncoder(ort, await ort.session('vision.onnx', model, data), config);
  }

  /** One run for all frames, or for all tiles of one picture, arranged as said. A session takes one run at a time, so calls queue up. */
  encode(pixels: Float32Array, frames: number, arrangement?: number): Promise<Float32Array> {
    return this.queued(async () => {
      const features = await this.run(pixels, frames, arrangement);
      this.runs += arrangement === undefined ? frames : 1;
      return features;
    });
  }

  /** Encodes a grey picture, so that the browser has compiled what the first real one needs. Not counted. */
  async rehearse(): Promise<void> {
    const { imageSize, tiles } = this.config.vision;
    await this.queued(() => this.run(new Float32Array((tiles ?? 1) * 3 * imageSize ** 2), tiles ?? 1, tiles && 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queued(() => this.session.release());
  }

  private queued<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async run(pixels: Float32Array, frames: number, arrangement?: number): Promise<Float32Array> {
    const { imageSize: S, patches, width } = this.config.vision;
    if (pixels.length !== frames * 3 * S * S) {
      throw new FlamingoError(
        'shape-mismatch',
        `${frames} frames have ${pixels.length} pixel values, ${frames * 3 * S * S} are expected.`,
      );
    }
    const [name, arrangementName] = this.session.inputNames;
    const inputs =
      arrangement === undefined
        ? { [name]: this.ort.floats(pixels, [frames, 3, S, S]) }
        : {
            [name]: this.ort.floats(pixels, [1, frames, 3, S, S]),
            [arrangementName]: this.ort.longs([arrangement], [1]),
          };
    const { [this.session.outputNames[0]]: features } = await this.session.run(inputs);
    const values = (await features.getData()) as Float32Array;
    const expected = frames * patches * width;
    if (values.length === expected) return values;
    throw new FlamingoError(
      'shape-mismatch',
      `vision.onnx gave ${values.length} values for ${frames} frames, the config asks for ${expected}.`,
      {
        hint: 'The encoder does not fit the model: convert the package again.',
        details: { got: values.length, expected, shape: features.dims },
      },
    );
  }
}
