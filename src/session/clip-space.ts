import { throwIfAborted } from '../core/errors';
import type { Package } from '../format/package-reader';
import { TextTokenizer } from '../text/tokenizer';
import { ClipTextEncoder } from '../vision/clip-text-encoder';
import type { Cleanup } from './cleanup';
import { clipOf, unit } from './embed';
import { graphPaths } from './open-engine';

/** File of a package that holds the text tower's tokenizer. */
const TOKENIZER = 'clip-tokenizer.json';

interface Tower {
  encoder: ClipTextEncoder;
  tokenizer: TextTokenizer;
}

/** CLIP's text tower of a package. Its files are read when the first text comes: who never asks pays nothing. */
export class ClipSpace {
  private tower: Promise<Tower> | undefined;

  constructor(
    private readonly source: Package,
    private readonly cleanup: Cleanup,
  ) {}

  /** A text as a vector of length 1. Throws `unsupported` for a package without the tower. */
  async embedText(text: string, signal?: AbortSignal): Promise<Float32Array> {
    throwIfAborted(signal);
    this.tower ??= this.open().catch((error) => {
      this.tower = undefined; // a download that broke can be tried again
      throw error;
    });
    const { encoder, tokenizer } = await this.tower;
    throwIfAborted(signal);
    return unit(await encoder.encode(tokenizer.encodeText(text)));
  }

  private async open(): Promise<Tower> {
    const { manifest } = this.source;
    const clip = clipOf(manifest);
    const [path, ...rest] = graphPaths(manifest, 'text');
    const [model, json, ...data] = await Promise.all([path, TOKENIZER, ...rest].map((each) => this.source.read(each)));
    const files = rest.map((each, i) => ({ path: each, data: data[i] }));
    const encoder = this.cleanup.use(await ClipTextEncoder.load(model, files, clip));
    return { encoder, tokenizer: new TextTokenizer(new TextDecoder().decode(json)) };
  }
}
