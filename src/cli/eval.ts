import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FlamingoError, isFlamingoError } from '../core/errors';
import { curveSvg } from '../eval/curve-svg';
import { checkEvaluation, type EvalOptions, evaluate } from '../eval/evaluate';
import { type EvalData, type EvalItem, parseItems } from '../eval/items';
import { publishedFor } from '../eval/published';
import { type CurvePoint, summarize } from '../eval/summary';
import { readIndex, writeIndex } from '../retrieval/index-file';
import { VectorIndex } from '../retrieval/vector-index';
import { indexSpace } from '../session/embed';
import { loadFolder } from '../session/load-node';
import type { LoadedParts } from '../session/load-with';
import { prefixOf } from '../session/visual-prefix';
import { inPackageWords } from '../tasks/package-prompts';
import { EvalResults } from './eval-results';

export interface EvalCommand {
  package: string;
  file: string;
  task?: string;
  shots: number[];
  seed: number;
  rices: boolean;
  by: 'features' | 'clip';
  ensemble: boolean;
  pictures: EvalOptions['pictures'];
  /** Upstream's words, or those that the package says it was trained with. */
  prompts: 'upstream' | 'package';
  labels?: string;
  beams?: number;
  out?: string;
  published?: string;
  executor: 'auto' | 'webgpu' | 'wasm';
  onProgress?: (line: string) => void;
}

export interface EvalReport {
  package: string;
  task: string;
  metric: string;
  /** Whether every query was answered with every number of shots. */
  complete: boolean;
  executor: string;
  adapter: string;
  curve: CurvePoint[];
  notes: string[];
  [setting: string]: unknown;
}

/** `flamingo-web eval`: answers the queries of a task file and scores them. Results so far are kept in `out` whatever happens. */
export async function runEval(command: EvalCommand): Promise<EvalReport> {
  const { file, out } = command;
  const published = command.published === undefined ? [] : publishedFor(command.published);
  const parsed = parseItems(file, await readTaskFile(file), command.task);
  const labels = command.labels === undefined ? undefined : await readLabels(command.labels);
  checkEvaluation(parsed, { shots: command.shots, labels });
  await using model = await loadFolder(command.package, { executor: command.executor });
  if (command.pictures === 'prefix') prefixOf(model.manifest);
  const own = command.prompts === 'package';
  const data = own ? { ...parsed, task: inPackageWords(parsed.task, model.manifest.prompt) } : parsed;
  const { shots, ensemble, pictures, seed, beams, rices, by } = command;
  const { name, files } = model.manifest;
  const weights = files.flatMap(({ chunks }) => chunks.map((sum) => sum.slice(0, 4))).join('');
  const set = {
    task: data.task.name,
    prompts: command.prompts,
    seed,
    rices,
    by,
    ensemble,
    pictures,
    beams: beams ?? null,
    labels: labels ?? null,
  };
  const results = await EvalResults.open(out, { package: name, weights, ...set }, data.items);
  const open = async (path: string) => await openPicture(dirname(file), path);
  const report = (complete: boolean) => {
    const { curve, notes } = summarize(data.task.metric, results.results, seed);
    if (ensemble && !data.task.closed) notes.push('--ensemble is for closed-ended tasks; texts were written once.');
    const { executor, adapter } = model;
    return { package: name, ...set, metric: data.task.metric, complete, executor, adapter, curve, notes };
  };
  let complete = false;
  try {
    const retrieval = rices ? await openRices(model, data, command, open) : undefined;
    const byLine = new Map(data.items.map((item) => [item.line, item]));
    const options = { shots, seed, ensemble, pictures, beams, labels, rices: retrieval };
    for await (const result of evaluate(model, data, options, open, (count, item) => results.has(count, item))) {
      await results.add(result, byLine.get(result.line)!);
      command.onProgress?.(`${result.shots} shots, line ${result.line}: ${JSON.stringify(result.answer)}`);
    }
    complete = true;
  } catch (error) {
    throw named(error, file, results.results.length, out);
  } finally {
    if (out !== undefined) await writeReport(out, report(complete), published, `${basename(file)}: ${data.task.name}`);
  }
  return report(complete);
}

async function writeReport(out: string, report: EvalReport, published: ReturnType<typeof publishedFor>, title: string) {
  await writeFile(join(out, 'results.json'), `${JSON.stringify({ ...report, published }, null, 1)}\n`);
  const unit = { 'vqa-accuracy': 'VQA accuracy (%)', cider: 'CIDEr (x 100)', accuracy: 'accuracy (%)' }[report.metric];
  const drawing = { title: `${title}, ${report.package}`, unit: unit ?? 'ROC-AUC (%)', curve: report.curve, published };
  await writeFile(join(out, 'curve.svg'), curveSvg(drawing));
}

/** Vectors of all lines that can be examples; those that `out` has from before are taken from there. */
async function openRices(
  model: LoadedParts,
  data: EvalData,
  { by, out, onProgress }: EvalCommand,
  open: (path: string) => Promise<Blob>,
): Promise<EvalOptions['rices']> {
  const space = await indexSpace(model.manifest, by);
  const path = out === undefined ? undefined : join(out, `index-${by}.bin`);
  const bytes = path && (await readFile(path).catch(() => undefined));
  const index = bytes ? await readIndex(new Uint8Array(bytes), space) : new VectorIndex(space);
  const support = data.items.filter(({ split }) => split !== 'query');
  const labels = new Map(index.entries().map(({ id, label }) => [id, label]));
  const current = new Set(support.map(({ id }) => id));
  for (const id of labels.keys()) if (!current.has(id)) index.remove(id);
  const embed = async (item: EvalItem) => {
    if (item.media.length === 0)
      throw atLine(item, new FlamingoError('media-count', 'it has 0 pictures; --rices needs 1.'));
    try {
      return await model.embedImage(await Promise.all(item.media[0].map(open)), { by });
    } catch (error) {
      throw atLine(item, error);
    }
  };
  for (const item of support) {
    if (labels.get(item.id) === item.text) continue; // the label is the line, so that a changed one is made again
    index.add({ id: item.id, label: item.text }, await embed(item));
    if (index.size % 100 === 0) onProgress?.(`${index.size} of ${support.length} pictures in the index`);
  }
  if (path) await writeFile(path, await writeIndex(index));
  return { index, embed };
}

async function readTaskFile(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => {
    throw new FlamingoError('not-found', `${path} does not exist.`, {
      hint: 'Give the task file: one JSON object per line; see docs/eval.md.',
    });
  });
}

/** One label per line. */
async function readLabels(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new FlamingoError('not-found', `--labels: ${path} does not exist.`, {
      hint: 'Give a file with one label per line.',
    });
  });
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

async function openPicture(folder: string, path: string): Promise<Blob> {
  const bytes = await readFile(resolve(folder, path)).catch(() => {
    throw new FlamingoError('not-found', `the picture ${path} does not exist.`, {
      hint: 'Paths are relative to the task file. Put it there, or remove the line, and call again: results are kept.',
      details: { path },
    });
  });
  return new File([new Uint8Array(bytes)], basename(path));
}

function atLine({ line }: EvalItem, error: unknown): unknown {
  if (!isFlamingoError(error)) return error;
  const { code, message, hint, details, cause } = error;
  return new FlamingoError(code, `Line ${line}: ${message}`, { hint, details: { ...details, line }, cause });
}

/** The same error with the file, and where the results so far are. */
function named(error: unknown, file: string, kept: number, out: string | undefined): unknown {
  if (!isFlamingoError(error)) return error;
  const { code, message, hint, details, cause } = error;
  const where = out === undefined ? 'Without --out no results are kept.' : `${kept} results are kept in ${out}.`;
  return new FlamingoError(code, `${file}: ${message} ${where}`, { hint, details: { ...details, file, kept }, cause });
}
