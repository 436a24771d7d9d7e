import type { Executor } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import type { Manifest } from '../format/manifest';
import type { Vocabulary } from '../text/constraint/guide';
import type { VisionEncoder } from '../vision/encoder';
import type { KeptMedia } from './kept-media';
import type { MediaStore } from './media-store';
import type { Rollouts } from './rollouts';
import type { Tap } from './tap';
import type { MediaSource } from './types';

/** Text to ids and back, with the special tokens of one package. */
export interface SessionTokenizer {
  /** Tokens that begin every context (`</s>` for OPT, `<s>` for LLaMA, none for GPT-NeoX). */
  readonly beginIds: readonly number[];
  /** Ids of plain text: text that spells a special token stays text. */
  encodeText(text: string): number[];
  decode(ids: readonly number[]): string;
  /** The bytes that tokens write, for constrained answers. */
  vocabulary(): Omit<Vocabulary, 'size'>;
  /** Streams text: `push` gives what became complete, `flush` what is left. */
  detokenizer(): { push(id: number): string; flush(): string };
}

/** Everything the sessions of one loaded model share. */
export interface ModelParts {
  readonly manifest: Manifest;
  readonly executor: Executor;
  readonly tokenizer: SessionTokenizer;
  readonly media: MediaStore;
  /** What stays of pictures from visit to visit, where that is wanted. */
  readonly kept?: KeptMedia;
  /** Of media whose attention somebody wants to follow to patches. */
  readonly rollouts: Rollouts;
  /** vision.onnx: pixels [F,3,S,S] -> features [F,v,Dv]. */
  readonly vision: Pick<VisionEncoder, 'runs' | 'encode' | 'embed'>;
  /** Pictures -> pixels [F,3,S,S], preprocessed as the manifest says. */
  pixels(frames: readonly MediaSource[], signal?: AbortSignal): Promise<MediaPixels>;
  networkRequests(): number;
  /** A stage to read back in every step, for debugging. */
  readonly tap?: Tap;
}
