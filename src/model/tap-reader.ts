import { FlamingoError } from '../core/errors';
import type { AppendStep } from '../core/executor';
import type { Copy } from '../gpu/program';
import { Staging } from '../gpu/readback';
import type { Recording, Tap } from '../gpu/recording';
import { toFloats } from './elements';
import { type EngineParts, readsRanges } from './parts';
import type { StepMode } from './step';

/** The copies of one chunk, and how to read them once the chunk was submitted. */
export interface ChunkReads {
  copies: Copy[];
  /** Logits of the chunk; taps are kept by the reader. */
  read(start: number, end: number): Promise<Float32Array | undefined>;
}

/** Collects what one append was asked to read back: logits and named intermediate results, chunk by chunk. */
export class TapReader {
  private readonly results = new Map<string, Float32Array>();

  constructor(
    private readonly parts: EngineParts,
    private readonly step: AppendStep,
  ) {}

  prepare(recording: Recording, mode: StepMode, rows: number): ChunkReads {
    const { gpu, config, elem, elemBytes, scratch, outputs } = this.parts;
    const reads: { copy: Copy; staging: Staging; done(values: Float32Array, start: number, end: number): void }[] = [];
    let logits: Float32Array | undefined;
    const add = (
      label: string,
      elements: number,
      make: (staging: Staging, bytes: number) => Copy,
      done: (typeof reads)[0]['done'],
    ) => {
      const bytes = elements * elemBytes;
      const staging = new Staging(gpu, `read ${label}`, Math.ceil(bytes / 8) * 8);
      reads.push({ copy: make(staging, bytes), staging, done });
    };
    const wantsLogits = this.step.logits === 'all' || (this.step.logits === 'last' && mode.head === 'last');
    if (wantsLogits) {
      const from = mode.head === 'all' ? scratch.get('all_logits', config.vocab) : outputs.get('logits', config.vocab);
      const count = (mode.head === 'all' ? rows : 1) * config.vocab;
      add(
        'logits',
        count,
        (staging, bytes) => staging.copy(from, bytes),
        (values) => {
          logits = values.slice(0, count);
        },
      );
    }
    for (const tap of this.wanted(recording)) {
      const count = tap.heads * rows * tap.width;
      add(
        tap.name,
        count,
        (staging, bytes) => ({ ...staging.copy(tap.buffer, bytes), after: tap.after }),
        (values, start, end) => this.place(tap, values, start, end),
      );
    }
    const read = async (start: number, end: number) => {
      for (const { staging, done } of reads) {
        done(toFloats(await staging.read(staging.size), elem), start, end);
        staging[Symbol.dispose]();
      }
      return logits;
    };
    return { copies: reads.map(({ copy }) => copy), read };
  }

  finish(): Map<string, Float32Array> {
    return this.results;
  }

  private wanted(recording: Recording): Tap[] {
    const names = this.step.taps ?? [];
    return names.map((name) => {
      const tap = recording.taps.find((candidate) => candidate.name === name);
      if (tap) return tap;
      throw new FlamingoError('invalid-option', `There is no intermediate result named ${name}.`, {
        hint: `Known names: ${recording.taps.map((known) => known.name).join(', ')}.`,
      });
    });
  }

  /** Puts the rows start..end into the result: hidden states [T, D], probabilities [H, T, M*n]. */
  private place({ name, heads, width }: Tap, values: Float32Array, start: number, end: number): void {
    const { ids, media, mediaIndex } = this.step;
    const rows = end - start;
    // Probabilities of one medium per token have their place among all media; those over ranges come with it.
    const isPlaced = name.startsWith('attention.') && !readsRanges(this.parts.config);
    const rowWidth = isPlaced ? Math.max(1, media.length) * width : width;
    const result = this.results.get(name) ?? new Float32Array(heads * ids.length * rowWidth);
    this.results.set(name, result);
    for (let h = 0; h < heads; h++) {
      for (let r = 0; r < rows; r++) {
        const medium = isPlaced ? mediaIndex[start + r] : 0;
        if (medium < 0) continue; // no picture yet: all zero
        const from = (h * rows + r) * width;
        const to = (h * ids.length + start + r) * rowWidth + medium * width;
        result.set(values.subarray(from, from + width), to);
      }
    }
  }
}
