import { FlamingoError } from '../core/errors';
import { floatToHalf, halfToFloat, roundToBfloat } from '../core/half';
import { type TensorInfo, type TensorSource, tensorOf } from '../format/tensor-source';
import { languageName } from './delta';
import type { LanguageModel } from './families/language';
import type { RecipeBook } from './recipe';

/** Rows that are compared of a large tensor: training changes all of them. */
const COMPARED_ROWS = 4;

/**
 * Checkpoints may repeat tensors of the language model. Upstream loads them over the language model's own, which matters where they were trained: those whose
 * values differ (beyond the rounding of their type) are taken from the checkpoint. The tables are not looked at: fillTables knows them.
 */
export async function preferTrained(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  notes: string[],
): Promise<void> {
  const changed: string[] = [];
  for (const name of delta.tensors.keys()) {
    const own = languageName(name, language);
    if (own === undefined || isTable(own, language)) continue;
    if (!language.source.tensors.has(own) || language.ignore(own) !== undefined) continue;
    if (await isCopy(language.source, own, delta, name)) continue;
    book.replace(language.source, own, delta, name);
    changed.push(name);
  }
  if (changed.length > 0) {
    notes.push(
      `${changed.length} tensors of the language model have other values in the Flamingo checkpoint and are taken from there, first ${changed[0]}.`,
    );
  }
}

function isTable(own: string, { embedding, head, headBias }: LanguageModel): boolean {
  return own === embedding || own === head || own === headBias;
}

/** Whether `copy` is `own` as it would be after rounding to the copy's type. Throws `shape-mismatch`. */
async function isCopy(source: TensorSource, own: string, delta: TensorSource, copy: string): Promise<boolean> {
  const [a, b] = [tensorOf(source, own), tensorOf(delta, copy)];
  if (a.shape.join() !== b.shape.join()) {
    throw new FlamingoError(
      'shape-mismatch',
      `${b.file}: ${copy} is [${b.shape.join(', ')}], in ${a.file} it is [${a.shape.join(', ')}].`,
      {
        hint: 'Give the language model that the checkpoint was trained with as --language.',
        details: { tensor: copy, shapes: [a.shape, b.shape] },
      },
    );
  }
  const rows = a.shape[0] ?? 1;
  for (let k = 0; k < COMPARED_ROWS; k++) {
    // Vectors are compared whole: a row of theirs is one number.
    const whole = a.shape.length < 2;
    const start = whole ? 0 : Math.floor((k * (rows - 1)) / (COMPARED_ROWS - 1));
    const end = whole ? rows : start + 1;
    const [x, y] = [await source.readRows(own, start, end), await delta.readRows(copy, start, end)];
    if (x.some((value, i) => value !== y[i] && rounded(value, b.dtype) !== y[i])) return false;
    if (whole) break;
  }
  return true;
}

/** A value as a type stores it, ties to even. */
function rounded(value: number, type: TensorInfo['dtype']): number {
  if (type === 'f16') return halfToFloat(floatToHalf(value));
  return type === 'bf16' ? roundToBfloat(value) : value;
}
