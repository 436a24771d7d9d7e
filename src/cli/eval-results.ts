import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlamingoError } from '../core/errors';
import type { ItemResult } from '../eval/evaluate';
import type { EvalItem } from '../eval/items';

const FORMAT = 'flamingo-web-eval/1';

/** What two calls must have in common for one to go on where the other stopped. */
export type RunSettings = Record<string, string | number | boolean | readonly string[] | null>;

/**
 * The results of one evaluation as they come: `results.jsonl`, whose first line holds the settings, then one line per answered query. Without a folder they stay in
 * memory. A result is kept while its own line of the task file is unchanged.
 */
export class EvalResults {
  readonly results: ItemResult[] = [];
  private readonly done = new Set<string>();

  private constructor(private readonly path: string | undefined) {}

  /** Opens a folder and takes what is there. Throws `invalid-option` when it holds the results of another evaluation. */
  static async open(out: string | undefined, settings: RunSettings, items: readonly EvalItem[]): Promise<EvalResults> {
    if (out === undefined) return new EvalResults(undefined);
    await mkdir(out, { recursive: true });
    const all = new EvalResults(join(out, 'results.jsonl'));
    const text = await readFile(all.path!, 'utf8').catch(() => '');
    const [first = '', ...lines] = text.split('\n');
    const header = { format: FORMAT, ...settings };
    if (text !== '') refuseOther(out, first, header);
    const sums = new Map(items.map((item) => [item.line, sumOf(item)]));
    const kept = lines.flatMap((line) => parse(line) ?? []).filter(({ line, sum }) => sums.get(line) === sum);
    for (const { sum, ...result } of kept) all.take(result, sum);
    // Written anew: a line that a crash cut, or whose question changed, is gone.
    const rows = [header, ...kept].map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(all.path!, rows.join(''));
    return all;
  }

  has(shots: number, item: EvalItem): boolean {
    return this.done.has(keyOf(shots, sumOf(item)));
  }

  async add(result: ItemResult, item: EvalItem): Promise<void> {
    const sum = sumOf(item);
    this.take(result, sum);
    if (this.path !== undefined) await appendFile(this.path, `${JSON.stringify({ ...result, sum })}\n`);
  }

  private take(result: ItemResult, sum: string): void {
    this.results.push(result);
    this.done.add(keyOf(result.shots, sum));
  }
}

function keyOf(shots: number, sum: string): string {
  return `${shots} ${sum}`;
}

function sumOf({ line, text }: EvalItem): string {
  return createHash('sha256').update(`${line}\n${text}`).digest('hex').slice(0, 16);
}

function parse(line: string): (ItemResult & { sum: string }) | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as ItemResult & { sum: string });
  } catch {
    return undefined; // the process ended while it was written
  }
}

function refuseOther(out: string, first: string, header: RunSettings): void {
  const before = (parse(first) ?? {}) as unknown as RunSettings;
  const other = Object.keys(header).find((name) => JSON.stringify(before[name]) !== JSON.stringify(header[name]));
  if (other === undefined) return;
  const show = (value: unknown) => JSON.stringify(value) ?? 'nothing';
  throw new FlamingoError(
    'invalid-option',
    `--out: ${out} holds results of another evaluation: ${other} was ${show(before[other])}, now it is ${show(header[other])}.`,
    { hint: 'Give another folder, or the options of before.', details: { out, field: other } },
  );
}
