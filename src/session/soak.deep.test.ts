import { describe, expect, it } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { example, goldenModel, goldenPicture, sums } from '../testing/golden-model';
import type { LoadedParts } from './load-with';
import type { FlamingoSession, MediaHandle, Part } from './types';

// Hours of use in a minute: sessions are made, forked, edited, stopped and thrown away in random order. Now and then one is compared with a session
// that has seen nothing else; at the end nothing may be left in memory.

const STEPS = 250;
const FAMILY = 'of-opt';
const ANSWERS = [' a red circle', ' two'];

/** Numbers that are the same in every run. */
function generator(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { below: (n: number) => Math.floor(next() * n), chance: (p: number) => next() < p };
}

interface Kept {
  session: FlamingoSession;
  pictures: MediaHandle[];
  parts: Part[];
}

class Soak {
  private kept: Kept[] = [];
  compared = 0;
  stopped = 0;
  overflows = 0;

  constructor(
    private readonly model: LoadedParts,
    private readonly random: ReturnType<typeof generator>,
  ) {}

  async step(): Promise<void> {
    if (this.kept.length === 0) return await this.open();
    const one = this.kept[this.random.below(this.kept.length)];
    const actions = [
      this.open,
      this.fork,
      this.add,
      this.add,
      this.append,
      this.append,
      this.edit,
      this.answer,
      this.stop,
      this.compare,
      this.close,
    ];
    await actions[this.random.below(actions.length)].call(this, one);
  }

  async end(): Promise<void> {
    for (const { session } of this.kept) await session[Symbol.asyncDispose]();
  }

  private async open(): Promise<void> {
    if (this.kept.length >= 6) return;
    this.kept.push({ session: await this.model.createSession(), pictures: [], parts: [] });
  }

  private async fork({ session, pictures, parts }: Kept): Promise<void> {
    if (this.kept.length >= 6) return;
    this.kept.push({ session: await session.fork(), pictures: [...pictures], parts: [...parts] });
  }

  private async add(one: Kept): Promise<void> {
    one.pictures.push(await one.session.addMedia(goldenPicture(FAMILY, this.random.below(4))));
  }

  private async append(one: Kept): Promise<void> {
    const parts = this.shot(one);
    await this.fits(one, async () => {
      await one.session.append(parts);
      one.parts.push(...parts);
    });
  }

  /** A context of some of the parts that it has, in another order. */
  private async edit(one: Kept): Promise<void> {
    const parts = [...this.shot(one), ...one.parts.slice(this.random.below(one.parts.length + 1))];
    await this.fits(one, async () => {
      await one.session.setContext(parts);
      one.parts = parts;
    });
  }

  private async answer({ session, parts }: Kept): Promise<void> {
    if (parts.length === 0) return;
    const before = await session.position();
    try {
      for await (const { text } of session.generate({ maxNewTokens: 4, temperature: 1, seed: this.random.below(99) }))
        expect(text).toBeTypeOf('string');
    } catch (error) {
      if (!isFlamingoError(error) || error.code !== 'context-overflow') throw error;
    }
    await session.rewind(before);
  }

  private async stop({ session, parts }: Kept): Promise<void> {
    if (parts.length === 0) return;
    const before = await session.position();
    const stop = new AbortController();
    const tokens = session.generate({ maxNewTokens: 50, temperature: 1, seed: 1, signal: stop.signal });
    try {
      for await (const _ of tokens) stop.abort();
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/aborted|context-overflow/) });
      this.stopped++;
    }
    await session.rewind(before);
  }

  private async compare({ session, parts }: Kept): Promise<void> {
    if (parts.length === 0) return;
    await using cold = await this.model.createSession();
    await cold.append(parts);
    const [got, want] = [await sums(session, ANSWERS), await sums(cold, ANSWERS)];
    for (const [i, value] of got.entries()) expect(Math.abs(value - want[i])).toBeLessThan(1e-3);
    this.compared++;
  }

  private async close(one: Kept): Promise<void> {
    await one.session[Symbol.asyncDispose]();
    this.kept = this.kept.filter((other) => other !== one);
  }

  private shot({ pictures }: Kept): Part[] {
    const words = `the answer ${this.random.below(9)}`;
    if (pictures.length === 0 || this.random.chance(0.2)) return [{ type: 'text', value: words }];
    return example(pictures[this.random.below(pictures.length)], ` ${words}`);
  }

  /** Room for the answers that `compare` scores is left free. A context that is full is begun again. */
  private async fits(one: Kept, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if ((await one.session.position()) < this.model.contextLength - 16) return;
    } catch (error) {
      if (!isFlamingoError(error) || error.code !== 'context-overflow') throw error;
    }
    this.overflows++;
    await one.session.setContext([]);
    one.parts = [];
  }
}

describe.each(['wasm', 'webgpu'] as const)('%s', (executor) => {
  it('sessions in random use stay exact, and nothing is left of them', async () => {
    const model = await goldenModel(FAMILY, executor);
    const soak = new Soak(model, generator(7));
    for (let i = 0; i < STEPS; i++) await soak.step();
    expect(soak.compared).toBeGreaterThan(5);
    expect(soak.stopped).toBeGreaterThan(3);
    await soak.end();
    expect(model.engine.memory().selfKv).toBe(0);
    await model[Symbol.asyncDispose]();
    expect(model.engine.memory()).toEqual({ weights: 0, selfKv: 0, mediaKv: 0, scratch: 0 });
  }, 300_000);
});
