import { FlamingoError, throwIfAborted } from '../core/errors';
import type { Lanes, LanesResult, LanesStep } from '../core/executor';
import { Staging } from '../gpu/readback';
import { destroyCaches } from './caches';
import { toFloats } from './elements';
import { type EngineParts, PREFILL_ROWS } from './parts';
import { samplingStep } from './sampler';
import { seenInputs } from './seen-inputs';
import type { KeyValueCache } from './self-attention';
import { stepModeOf } from './step';
import { stepMeter } from './step-meter';
import type { StepPrograms } from './step-programs';

/** Where lanes run: programs bound to caches of `slots` slots, whose first `prefix` hold the prefix. `caches` are those that go with the lanes. */
export interface LanesPlace {
  programs: StepPrograms;
  prefix: number;
  slots: number;
  caches?: readonly KeyValueCache[];
}

/** One row of a step: a token, the slots behind the prefix that its attention reads (its own last), and where its results belong. */
interface Row {
  id: number;
  path: readonly number[];
  lane: number;
  target: number;
}

/** Path tables are made in sizes of powers of two from this on, so that a growing answer needs few programs. */
const FEWEST_WORDS = 256;

/**
 * Continuations of one prefix in one cache. Each new token takes the next free slot; a lane is the list of its tokens' slots, and a row's attention follows its
 * lane's list (attention/causal with TREE). So a beam that goes on as two shares what they have in common, and no key or value is ever moved.
 */
export class WgslLanes implements Lanes {
  private paths: (readonly number[])[] = [[]];
  private used: number;
  private staging: Staging | undefined;

  constructor(
    private readonly parts: EngineParts,
    private readonly place: LanesPlace,
  ) {
    this.used = place.prefix;
  }

  async append(step: LanesStep): Promise<LanesResult> {
    const { rows, paths } = this.plan(step);
    this.check(rows, paths);
    const { vocab } = this.parts.config;
    const logits = step.logits ? new Float32Array(step.lanes.length * vocab) : undefined;
    const logprobs: number[][] = step.lanes.map(() => []);
    for (let start = 0; start < rows.length; start += PREFILL_ROWS) {
      throwIfAborted(step.signal);
      const chunk = rows.slice(start, start + PREFILL_ROWS);
      const got = await this.run(step, chunk);
      chunk.forEach(({ lane, target }, r) => {
        if (target >= 0) logprobs[lane].push(got.logprobs[2 * r]);
        logits?.set(got.logits.subarray(r * vocab, (r + 1) * vocab), lane * vocab); // the lane's last row comes last
      });
    }
    this.paths = paths;
    const { counters } = this.parts;
    counters[rows.length === step.lanes.length ? 'decodedTokens' : 'prefilledTokens'] += rows.length;
    return { logits, logprobs };
  }

  [Symbol.dispose](): void {
    this.staging?.[Symbol.dispose]();
    if (!this.place.caches) return;
    this.place.programs[Symbol.dispose]();
    destroyCaches(this.place.caches);
  }

  /** Rows of the step, lane by lane, and the lanes after it. */
  private plan({ lanes }: LanesStep): { rows: Row[]; paths: number[][] } {
    const rows: Row[] = [];
    const paths = lanes.map(({ from, ids, targets }, lane) => {
      const path = [...this.paths[from]];
      ids.forEach((id, t) => {
        path.push(this.used + rows.length);
        rows.push({ id, path: path.slice(), lane, target: targets?.[t] ?? -1 });
      });
      return path;
    });
    return { rows, paths };
  }

  /** One submit over up to PREFILL_ROWS rows. */
  private async run(step: LanesStep, rows: readonly Row[]) {
    const { config, elem, elemBytes, scratch, outputs } = this.parts;
    const stride = Math.max(...rows.map(({ path }) => path.length));
    const targets = rows.some(({ target }) => target >= 0);
    const words = tableWords(rows.length * (1 + stride));
    const mode = stepModeOf({ single: false, head: step.logits || targets ? 'all' : 'none', places: words, targets });
    const { program } = await this.place.programs.get(mode);
    const logitBytes = step.logits ? rows.length * config.vocab * elemBytes : 0;
    const staging = this.room(8 * PREFILL_ROWS + Math.ceil(logitBytes / 8) * 8);
    const noteStep = stepMeter(this.parts);
    const { media, mediaIndex, mediaFirst = mediaIndex } = step;
    const each = {
      ids: rows.map(({ id }) => id),
      mediaIndex: rows.map(() => mediaIndex),
      mediaFirst: rows.map(() => mediaFirst),
    };
    const values = { rows: rows.length, position: this.used, prefix: this.place.prefix, stride };
    this.parts.weights.useGateFactor(step.visualStrength ?? 1);
    program.submit(
      { ...values, ...samplingStep(undefined, config.vocab) },
      {
        ids: each.ids,
        ...seenInputs(config, { ...each, media }, 0, rows.length),
        places: placesOf(rows, this.place.prefix, stride),
        ...(targets ? { targets: rows.map(({ target }) => Math.max(0, target)) } : {}),
      },
      [
        ...(targets ? [staging.copy(outputs.get('logprobs', 2 * PREFILL_ROWS), 8 * rows.length)] : []),
        ...(step.logits ? [staging.copy(scratch.get('all_logits', config.vocab), logitBytes, 8 * PREFILL_ROWS)] : []),
      ],
    );
    noteStep();
    this.used += rows.length;
    const bytes = await staging.read(8 * PREFILL_ROWS + logitBytes);
    return {
      logprobs: new Float32Array(bytes.slice(0, 8 * rows.length)),
      logits: toFloats(bytes.slice(8 * PREFILL_ROWS), elem),
    };
  }

  private room(bytes: number): Staging {
    if (!this.staging || this.staging.size < bytes) {
      this.staging?.[Symbol.dispose]();
      this.staging = new Staging(this.parts.gpu, 'lanes', bytes);
    }
    return this.staging;
  }

  private check(rows: readonly Row[], paths: readonly (readonly number[])[]): void {
    const { vocab, embeddings = vocab, contextLength } = this.parts.config;
    const foreign = rows.find(({ id }) => !(id >= 0 && id < embeddings));
    if (foreign)
      throw new FlamingoError('invalid-option', `Token ${foreign.id} is outside the vocabulary of ${embeddings}.`);
    const longest = this.place.prefix + Math.max(0, ...paths.map((path) => path.length));
    const [tokens, most] = [Math.max(longest, this.used + rows.length), Math.min(contextLength, this.place.slots)];
    if (longest <= contextLength && this.used + rows.length <= this.place.slots) return;
    throw new FlamingoError(
      'context-overflow',
      `Continuations would have ${tokens} tokens; there is room for ${most}.`,
      {
        hint: 'Shorten the prompt or the answers.',
        details: { tokens, most },
      },
    );
  }
}

function placesOf(rows: readonly Row[], prefix: number, stride: number): Int32Array {
  const places = new Int32Array(rows.length * (1 + stride));
  rows.forEach(({ path }, r) => {
    places[r] = prefix + path.length - 1;
    places.set(path, rows.length + r * stride);
  });
  return places;
}

function tableWords(needed: number): number {
  return Math.max(FEWEST_WORDS, 2 ** Math.ceil(Math.log2(needed)));
}
