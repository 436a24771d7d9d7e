import type { WeightType } from '../core/dtypes';
import { FlamingoError } from '../core/errors';
import { floatsToHalves } from '../core/half';
import { scaleName } from '../format/tensor-names';
import type { WeightSlot } from './graphs/graph-builder';
import type { WeightPieces } from './graphs/write-graph';
import { quantizeRows } from './quantize';
import { type Recipe, readRecipe } from './recipe';

/** Values that are in memory at once while a matrix is converted. */
const VALUES_AT_ONCE = 1024 * 1024;

/** Quantisation error of one tensor, as `convert` prints it. */
export interface TensorError {
  name: string;
  /** Root of mean squared error over root of mean square. */
  relative: number;
  /** Largest error in steps of its block's scale. The value on the code -levels may be off by one step where the other end has no code. */
  worstSteps: number;
}

/** Bytes of weights as a package stores them, made from recipes piece by piece. Scales are kept until they are asked for, right after their codes. */
export class WeightEncoder {
  readonly errors: TensorError[] = [];
  private readonly scales = new Map<string, Uint8Array>();

  constructor(
    private readonly recipes: ReadonlyMap<string, Recipe>,
    /** [outputs, columns] of every matrix that is quantised. */
    private readonly matrices: ReadonlyMap<string, number[]>,
    private readonly type: WeightType,
  ) {}

  readonly pieces: WeightPieces = (slot) => this.encode(slot);

  private async *encode(slot: WeightSlot): AsyncGenerator<Uint8Array> {
    const scales = this.scales.get(slot.name);
    if (scales) {
      this.scales.delete(slot.name);
      yield scales;
      return;
    }
    const recipe = this.recipes.get(slot.name);
    if (!recipe) throw new FlamingoError('internal', `The graph asks for ${slot.name}, for which there is no recipe.`);
    if (slot.type === 'u8') yield* this.quantize(slot, recipe);
    else yield* plain(slot, recipe);
  }

  private async *quantize({ name }: WeightSlot, recipe: Recipe): AsyncGenerator<Uint8Array> {
    const columns = this.matrices.get(name)?.[1] ?? 0;
    const type = this.type === 'q8' ? 'q8' : 'q4';
    const scales: Uint16Array[] = [];
    const sums = { errorSquares: 0, squares: 0, worstSteps: 0 };
    for await (const values of readRecipe(recipe, columns, rowsAtOnce(columns))) {
      checkFinite(name, values);
      const rows = quantizeRows(values, columns, type);
      scales.push(rows.scales);
      sums.errorSquares += rows.errorSquares;
      sums.squares += rows.squares;
      sums.worstSteps = Math.max(sums.worstSteps, rows.worstSteps);
      yield rows.codes;
    }
    this.scales.set(scaleName(name), concatBytes(scales));
    this.record(name, sums);
  }

  /** Checks the format's bound: half a step everywhere, one step for values beyond the last positive code, plus the scale's own rounding. */
  private record(
    name: string,
    { errorSquares, squares, worstSteps }: { errorSquares: number; squares: number; worstSteps: number },
  ): void {
    const bound = this.type === 'q8' ? 1.1 : 1.01;
    if (worstSteps > bound) {
      throw new FlamingoError(
        'internal',
        `${name} was quantised with an error of ${worstSteps} steps; at most ${bound} is possible.`,
      );
    }
    this.errors.push({ name, relative: squares > 0 ? Math.sqrt(errorSquares / squares) : 0, worstSteps });
  }
}

async function* plain({ name, type, shape }: WeightSlot, recipe: Recipe): AsyncGenerator<Uint8Array> {
  const rowLength = sourceRowLength(recipe, shape);
  for await (const values of readRecipe(recipe, rowLength, rowsAtOnce(rowLength))) {
    checkFinite(name, values);
    if (type === 'f32') yield new Uint8Array(values.buffer);
    else yield new Uint8Array(halvesInRange(name, values).buffer);
  }
}

/** Elements behind one row of the source, which may have another rank than the slot (a class token [W] for [1, 1, W]). */
function sourceRowLength(recipe: Recipe, shape: readonly number[]): number {
  const first = recipe[0];
  if ('of' in first) return shape.slice(1).reduce((a, b) => a * b, 1);
  return (first.source.tensors.get(first.name)?.shape ?? []).slice(1).reduce((a, b) => a * b, 1);
}

function rowsAtOnce(rowLength: number): number {
  return Math.max(1, Math.floor(VALUES_AT_ONCE / Math.max(1, rowLength)));
}

function halvesInRange(name: string, values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = floatsToHalves(values);
  let at = 0;
  while (at < halves.length && (halves[at] & 0x7c00) !== 0x7c00) at++;
  if (at === halves.length) return halves;
  throw new FlamingoError(
    'unsupported',
    `${name} holds ${values[at]}, which f16 cannot; its largest number is 65504.`,
    {
      hint: 'Convert with --dtype f32, q8 or q4.',
      details: { name, value: values[at] },
    },
  );
}

function checkFinite(name: string, values: Float32Array): void {
  let at = 0;
  while (at < values.length && values[at] - values[at] === 0) at++; // NaN for the infinite and for NaN
  if (at === values.length) return;
  throw new FlamingoError('bad-file', `${name} holds ${values[at]} (element ${at} of the rows read).`, {
    hint: 'The checkpoint is damaged: get it again.',
  });
}

function concatBytes(parts: readonly Uint16Array[]): Uint8Array {
  const whole = new Uint16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(whole.buffer);
}
