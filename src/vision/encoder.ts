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

  /** CLIP's embedding of each frame [F, E], not scaled, where vision.onnx gives it. Throws `unsupported`. */
  embed(pixels: Float32Array, frames: number): Promise<Float32Array> {
    return this.queued(async () => {
      if (!this.session.outputNames.includes('embedding')) {
        throw new FlamingoError(
          'unsupported',
          `vision.onnx has ${this.session.outputNames.length} outputs, none is an embedding.`,
          {
            hint: 'Convert the model again with a vision source that has a text tower.',
          },
        );
      }
      const values = await this.output('embedding', pixels, frames);
      this.runs += frames;
      return values;
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

  private async output(
    name: string,
    pixels: Float32Array,
    frames: number,
    arrangement?: number,
  ): Promise<Float32Array> {
    const { imageSize: S } = this.config.vision;
    if (pixels.length !== frames * 3 * S * S) {
      throw new FlamingoError(
        'shape-mismatch',
        `${frames} frames have ${pixels.length} pixel values, ${frames * 3 * S * S} are expected.`,
      );
    }
    const [pixelsName, arrangementName] = this.session.inputNames;
    const inputs =
      arrangement === undefined
        ? { [pixelsName]: this.ort.floats(pixels, [frames, 3, S, S]) }
        : {
            [pixelsName]: this.ort.floats(pixels, [1, frames, 3, S, S]),
            [arrangementName]: this.ort.longs([arrangement], [1]),
          };
    const { [name]: values } = await this.session.run(inputs, [name]);
    return (await values.getData()) as Float32Array;
  }

  private async run(pixels: Float32Array, frames: number, arrangement?: number): Promise<Float32Array> {
    const { patches, width } = this.config.vision;
    const values = await this.output(this.session.outputNames[0], pixels, frames, arrangement);
    const expected = frames * patches * width;
    if (values.length === expected) return values;
    throw new FlamingoError(
      'shape-mismatch',
      `vision.onnx gave ${values.length} values for ${frames} frames, the config asks for ${expected}.`,
      {
        hint: 'The encoder does not fit the model: convert the package again.',
        details: { got: values.length, expected },
      },
    );
  }
}
