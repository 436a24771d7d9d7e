import { FlamingoError, isFlamingoError, throwIfAborted } from '../core/errors';
import { permutations, seedFor } from '../core/permutations';
import type { VectorIndex } from '../retrieval/vector-index';
import type { LoadedModel } from '../session/load-types';
import type { FlamingoSession, Part } from '../session/types';
import { buildPrompt, type TaskItem, ZERO_SHOT_EXAMPLES } from '../tasks/build-prompt';
import { drawExamples } from '../tasks/draw-examples';
import { postProcess } from '../tasks/post-process';
import type { TaskTemplate } from '../tasks/template';
import { checkedLabels, type EvalData, type EvalItem } from './items';
import { MediaPool, type OpenPicture, type Pictures } from './media-pool';

/** Most orders of the examples that are averaged. Source: open_flamingo/eval/evaluate.py. */
const ORDERS = 6;

export interface EvalOptions {
  shots: readonly number[];
  seed: number;
  /** Average closed-ended answers over orders of the examples. */
  ensemble: boolean;
  /** Examples are the nearest of this index (ids are those of the items) instead of drawn by seed. */
  rices?: { index: VectorIndex; embed(item: EvalItem): Promise<Float32Array> };
  /** Answers of closed-ended tasks; default: the task's, else all labels of the file. */
  labels?: readonly string[];
  /** Width of the beam search; default: the task's. */
  beams?: number;
  /** What stands for a picture in a prompt; see media-pool. */
  pictures: Pictures;
  signal?: AbortSignal;
}

/** One answered query. */
export interface ItemResult {
  shots: number;
  line: number;
  id: string;
  /** Post-processed; what is compared. */
  answer: string;
  raw: string;
  references: readonly string[];
  /** Closed-ended: candidates with their shares. */
  shares?: Record<string, number>;
  /** Ids of the examples, in prompt order. */
  examples: readonly string[];
}

/**
 * Asks every query with every number of shots and gives each result as it comes. `isDone` leaves out what an earlier run did. Throws `invalid-option` before anything
 * runs when there are fewer examples than shots; an error of one item names its line.
 */
export async function* evaluate(
  model: LoadedModel,
  data: EvalData,
  options: EvalOptions,
  open: OpenPicture,
  isDone: (shots: number, item: EvalItem) => boolean = () => false,
): AsyncGenerator<ItemResult, void, undefined> {
  const { support, queries, labels } = checkEvaluation(data, options);
  await using session = await model.createSession();
  const pool = new MediaPool(session, open, model);
  for (const shots of options.shots) {
    for (const item of queries) {
      throwIfAborted(options.signal);
      if (isDone(shots, item)) continue;
      try {
        const others = support.filter((each) => each !== item);
        const examples = await chooseExamples(item, others, shots, options);
        yield await answerItem({ session, pool, data, options, labels }, item, examples, shots);
      } catch (error) {
        throw atLine(error, item);
      }
    }
  }
}

/** Who asks and who is shown, and the labels of a closed-ended task. Throws `invalid-option` for too few examples or wrong labels; needs no model. */
export function checkEvaluation(data: EvalData, options: Pick<EvalOptions, 'shots' | 'labels'>) {
  const support = data.items.filter(({ split }) => split !== 'query');
  const queries = data.items.filter(({ split }) => split !== 'support');
  checkEnough(support, queries, options.shots);
  return { support, queries, labels: data.task.closed ? allLabels(data, options.labels) : undefined };
}

interface Running {
  session: FlamingoSession;
  pool: MediaPool;
  data: EvalData;
  options: EvalOptions;
  labels: readonly string[] | undefined;
}

async function answerItem(
  run: Running,
  item: EvalItem,
  examples: readonly EvalItem[],
  shots: number,
): Promise<ItemResult> {
  const { data, options, session } = run;
  const { task } = data;
  const asked = {
    shots,
    line: item.line,
    id: item.id,
    references: item.references,
    examples: examples.map(({ id }) => id),
  };
  const candidates = item.candidates ?? run.labels;
  const prompt = (order: readonly number[]) =>
    promptParts(
      run,
      item,
      order.map((i) => examples[i]),
      shots,
    );
  const given = examples.map((_, i) => i);
  if (!candidates) {
    await session.setContext(await prompt(given), options);
    const raw = await write(session, task, options);
    return { ...asked, raw, answer: postProcess(task.post, raw) };
  }
  const orders = options.ensemble ? permutations(examples.length, ORDERS, seedFor(options.seed, item.line)) : [given];
  const sums = new Array<number>(candidates.length).fill(0);
  for (const order of orders) {
    await session.setContext(await prompt(order), options);
    const scores = await session.score(
      candidates.map((name) => task.beforeLabel + name),
      { signal: options.signal, ...strengthOf(options) },
    );
    for (const [i, { mean }] of scores.entries()) sums[i] += mean / orders.length; // per token, as open_flamingo
  }
  const shares = softmax(sums);
  const best = candidates[sums.indexOf(Math.max(...sums))];
  return {
    ...asked,
    raw: best,
    answer: best,
    shares: Object.fromEntries(candidates.map((name, i) => [name, shares[i]])),
  };
}

async function write(session: FlamingoSession, task: TaskTemplate, options: EvalOptions): Promise<string> {
  const { beams = task.beams, signal } = options;
  const asked = { maxNewTokens: task.maxNewTokens, signal, ...strengthOf(options) };
  let raw = '';
  for await (const { text } of session.generate(
    beams > 1 ? { ...asked, numBeams: beams, lengthPenalty: task.lengthPenalty } : asked,
  ))
    raw += text;
  return raw;
}

/** A visual prefix speaks alone. */
function strengthOf({ pictures }: EvalOptions): { visualStrength?: number } {
  return pictures === 'prefix' ? { visualStrength: 0 } : {};
}

async function promptParts(
  { pool, data, options }: Running,
  item: EvalItem,
  examples: readonly EvalItem[],
  shots: number,
): Promise<Part[]> {
  const withMedia = async (each: EvalItem, seen: boolean): Promise<TaskItem<Part>> => {
    const media: Part[] = [];
    for (const frames of each.media)
      media.push(seen ? await pool.part(options.pictures, each, frames) : { type: 'text', value: '' });
    return { fields: each.fields, media };
  };
  const shown: TaskItem<Part>[] = [];
  for (const example of examples) shown.push(await withMedia(example, shots > 0));
  const query = await withMedia(item, true);
  const parts = buildPrompt(data.task, shown, query, { textOnlyExamples: shots === 0 });
  return parts.map((part) => (part.type === 'media' ? part.value : part));
}

/** The nearest pictures, the most similar last; or examples by seed and line. Zero shots are two examples without their pictures. */
async function chooseExamples(
  item: EvalItem,
  others: readonly EvalItem[],
  shots: number,
  { seed, rices }: EvalOptions,
): Promise<readonly EvalItem[]> {
  const count = shots === 0 ? ZERO_SHOT_EXAMPLES : shots;
  if (!rices) return drawExamples(others.length, count, seedFor(seed, item.line)).map((i) => others[i]);
  const byId = new Map(others.map((other) => [other.id, other]));
  const found = rices.index.nearest(await rices.embed(item), count, { except: item.id });
  return found.flatMap(({ id }) => byId.get(id) ?? []);
}

function checkEnough(support: readonly EvalItem[], queries: readonly EvalItem[], shots: readonly number[]): void {
  if (queries.length === 0) {
    throw new FlamingoError('invalid-option', `All ${support.length} lines are support; there are 0 queries.`, {
      hint: 'Give lines with "split": "query".',
    });
  }
  const most = Math.max(...shots.map((count) => (count === 0 ? ZERO_SHOT_EXAMPLES : count)));
  const asksItself = queries.some(({ split }) => split === 'both');
  const available = support.length - (asksItself ? 1 : 0);
  if (most <= available) return;
  throw new FlamingoError(
    'invalid-option',
    `${most} examples are needed${most > Math.max(...shots) ? ' for zero shots (their words without their pictures)' : ''}; there are ${available} beside the query.`,
    { hint: 'Give more support lines, or fewer shots.', details: { needed: most, available } },
  );
}

function allLabels({ task, items }: EvalData, given: readonly string[] | undefined): readonly string[] {
  const labels = given ?? task.labels ?? [...new Set(items.map(({ references }) => references[0]))];
  return checkedLabels(labels, task.name);
}

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** The same error with the line of its item, unless it names a line already (an example's). */
function atLine(error: unknown, { line, id }: EvalItem): unknown {
  if (!isFlamingoError(error) || error.code === 'aborted' || 'line' in error.details) return error;
  const { code, message, hint, details, cause } = error;
  return new FlamingoError(code, `Line ${line} (${id}): ${message}`, { hint, details: { ...details, line }, cause });
}
