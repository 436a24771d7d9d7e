import { expect } from 'vitest';
import type { EncodedMedia, Executor } from '../core/executor';
import { logProbability } from '../core/log-probability';

const PREFIX = [5, 36, 67, 1, 32, 63];
/** Two steps: three lanes of several tokens from the prefix, then four lanes of one token in another order. */
const FIRST = [[11, 12, 13], [14], [15, 16]];
const SECOND = [
  { from: 1, ids: [21] },
  { from: 0, ids: [22] },
  { from: 0, ids: [23] },
  { from: 2, ids: [24] },
];

/** Of tinyConfig. */
const vocab = 97;

/** Lanes give the logits and log-probabilities that each text gives alone, within 1e-4, with room for `capacity` tokens in the sequence. */
export async function expectLanesAsAlone(executor: Executor, media: EncodedMedia[], capacity: number): Promise<void> {
  const alone = async (ids: readonly number[]) => {
    using sequence = await executor.createSequence(64);
    const mediaIndex = [-1, 0, 0, 1, ...ids.slice(4).map(() => 1)];
    return (await sequence.append({ ids, mediaIndex, media, logits: 'all' })).logits!;
  };
  using sequence = await executor.createSequence(capacity);
  await sequence.append({ ids: PREFIX, mediaIndex: [-1, 0, 0, 1, 1, 1], media });
  const seen = { media, mediaIndex: 1 };
  {
    using lanes = await sequence.lanes(20);
    const targets = FIRST.map((ids) => ids.map((id) => (id * 7) % vocab));
    const first = await lanes.append({
      lanes: FIRST.map((ids, i) => ({ from: 0, ids, targets: targets[i] })),
      ...seen,
    });
    for (const [i, ids] of FIRST.entries()) {
      const want = await alone([...PREFIX, ...ids]);
      const rows = ids.map((_, t) => want.subarray((PREFIX.length + t) * vocab, (PREFIX.length + t + 1) * vocab));
      const logprobs = rows.map((row, t) => logProbability(row, targets[i][t]));
      expectNear(first.logprobs[i], logprobs);
    }
    const before = executor.counters.lastStep;
    const second = await lanes.append({ lanes: SECOND, ...seen, logits: true });
    expectNoted(executor, before);
    for (const [b, { from, ids }] of SECOND.entries()) {
      const want = await alone([...PREFIX, ...FIRST[from], ...ids]);
      expectNear(second.logits!.subarray(b * vocab, (b + 1) * vocab), want.slice(-vocab));
    }
    const tooMany = lanes.append({ lanes: [{ from: 0, ids: Array(300).fill(1) }], ...seen });
    await expect(tooMany).rejects.toMatchObject({ code: 'context-overflow' });
  }
  const next = { ids: [40], mediaIndex: [1], media, logits: 'last' as const };
  expectNear((await sequence.append(next)).logits!, (await alone([...PREFIX, 40])).slice(-vocab)); // the sequence is as it was
}

/** On the GPU a step of lanes is the last step, and costs one submit that creates nothing. */
function expectNoted({ kind, counters: { lastStep } }: Executor, before: object): void {
  if (kind !== 'webgpu') return;
  expect(lastStep).not.toBe(before);
  expect(lastStep).toMatchObject({ submits: 1, bindGroups: 0, buffers: 0 });
}

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(Math.abs(got[i] - want[i])).toBeLessThan(1e-4);
}
