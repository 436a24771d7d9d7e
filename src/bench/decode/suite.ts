import type { GpuDevice } from '../../gpu/device';
import type { GpuCalls } from '../gpu-calls';
import { abba, checksum, median } from '../interleave';
import { startFlamingoWeb } from './flamingo-web';
import { startOnnxruntimeWeb } from './onnxruntime-web';
import type { Started } from './strategy';
import { DECODE_TYPES, decodeWorkload, type Workload } from './workload';

/** One strategy with one storage type. */
export interface DecodeResult {
  name: string;
  dtype: string;
  ms_per_token: number;
  dispatches_per_token: number;
  submits_per_token: number;
  bind_groups_per_token: number;
  buffers_per_token: number;
  tokens: number;
  /** Of all tokens chosen; equal between strategies, or the run fails. */
  checksum: string;
}

export interface SuiteOptions {
  /** Rounds that are timed; one more goes before them. */
  rounds: number;
  /** Tokens per round; by default as many as take the slower strategy about ROUND_MS, 16 at most. */
  tokens?: number;
  onProgress(text: string): void;
}

const ROUND_MS = 300;
const MAX_TOKENS = 16;

interface Lane extends Started {
  chosen: number[];
  times: number[];
  calls: GpuCalls[];
}

/** Decodes the same tokens with both strategies, in turns, and compares what they chose. Throws when they disagree. */
export async function decodeSuite(
  gpu: GpuDevice,
  calls: () => GpuCalls,
  options: SuiteOptions,
): Promise<DecodeResult[]> {
  const results: DecodeResult[] = [];
  for (const type of DECODE_TYPES) {
    options.onProgress(`decode, ${type}: loading`);
    const work = decodeWorkload(type);
    const started = [await startFlamingoWeb(gpu, work), await startOnnxruntimeWeb(work)];
    const lanes = started.map((start): Lane => ({ ...start, chosen: [start.first], times: [], calls: [] }));
    try {
      const warmUp: number[] = [];
      for (const lane of lanes) warmUp.push(await runRound(lane, 2, calls));
      const tokens = options.tokens ?? Math.min(MAX_TOKENS, Math.ceil(ROUND_MS / Math.max(...warmUp)));
      checkContext(work, options.rounds * tokens + 2);
      for (let round = 0; round < options.rounds; round++) {
        options.onProgress(`decode, ${type}: round ${round + 1} of ${options.rounds}, ${tokens} tokens each`);
        for (const i of abba(round)) lanes[i].times.push(await runRound(lanes[i], tokens, calls));
      }
      const rows = lanes.map((lane) => summary(lane, type, options.rounds * tokens));
      compare(rows, lanes);
      results.push(...rows);
    } finally {
      for (const { strategy } of lanes) await strategy[Symbol.asyncDispose]();
    }
  }
  return results;
}

/** Milliseconds per token; the calls per token are kept in the lane. */
async function runRound(lane: Lane, tokens: number, calls: () => GpuCalls): Promise<number> {
  const before = calls();
  const start = performance.now();
  for (let i = 0; i < tokens; i++) lane.chosen.push(await lane.strategy.next(lane.chosen[lane.chosen.length - 1]));
  const spent = performance.now() - start;
  const after = calls();
  lane.calls.push({
    submits: (after.submits - before.submits) / tokens,
    dispatches: (after.dispatches - before.dispatches) / tokens,
    bindGroups: (after.bindGroups - before.bindGroups) / tokens,
    buffers: (after.buffers - before.buffers) / tokens,
  });
  return spent / tokens;
}

function summary({ strategy, times, calls, chosen }: Lane, dtype: string, tokens: number): DecodeResult {
  const per = (name: keyof GpuCalls) => median(calls.slice(1).map((round) => round[name]));
  return {
    name: strategy.name,
    dtype,
    ms_per_token: median(times),
    dispatches_per_token: per('dispatches'),
    submits_per_token: per('submits'),
    bind_groups_per_token: per('bindGroups'),
    buffers_per_token: per('buffers'),
    tokens,
    checksum: checksum(chosen),
  };
}

function checkContext({ config, prompt }: Workload, tokens: number): void {
  const room = config.contextLength - prompt.length;
  if (tokens <= room) return;
  throw new Error(`${tokens} tokens are asked for; ${room} fit. Take fewer rounds or fewer tokens per round.`);
}

function compare([first, second]: DecodeResult[], lanes: Lane[]): void {
  if (first.checksum === second.checksum) return;
  const at = lanes[0].chosen.findIndex((token, i) => token !== lanes[1].chosen[i]);
  const [a, b] = lanes.map(({ chosen }) => chosen[at]);
  throw new Error(
    `${first.dtype}: at token ${at} ${first.name} chose ${a}, ${second.name} ${b}; timings of different work say nothing.`,
  );
}
