import { FlamingoError } from '../core/errors';
import type { TensorSpec } from '../format/tensor-names';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import { unknownTensors } from './renamed';

/** Rows start..end of a source tensor. */
type Read = { source: TensorSource; name: string; start: number; end: number };

/** Rows that no source has, of one number. */
type Filled = { rows: number; of: 0 | 1 };

export type Piece = Read | Filled;

/** A piece of `count` rows of zeros, or none. */
export function zeroRows(count: number): Filled[] {
  return count > 0 ? [{ rows: count, of: 0 }] : [];
}

/** Where a canonical tensor comes from: row ranges, one behind the other. Stacking q, k and v, or taking heads apart, is a list of ranges. */
export type Recipe = readonly Piece[];

/** Collects recipes and remembers which source tensors were used, so that none is forgotten. */
export class RecipeBook {
  readonly recipes = new Map<string, Recipe>();
  private readonly used = new Map<TensorSource, Set<string>>();

  /** All rows of a source tensor. Throws `bad-file` when it is missing. */
  whole(source: TensorSource, name: string): Piece {
    return this.rows(source, name, 0, tensorOf(source, name).shape[0] ?? 1);
  }

  rows(source: TensorSource, name: string, start: number, end: number): Piece {
    tensorOf(source, name);
    this.markUsed(source, name);
    return { source, name, start, end };
  }

  set(target: string, ...pieces: Piece[]): void {
    this.recipes.set(target, pieces);
  }

  /** Reads a tensor from another source wherever a recipe reads it from this one. */
  replace(from: TensorSource, name: string, to: TensorSource, other: string): void {
    for (const [target, recipe] of this.recipes) {
      const replaced = recipe.map((piece) =>
        'of' in piece || piece.source !== from || piece.name !== name
          ? piece
          : this.rows(to, other, piece.start, piece.end),
      );
      this.recipes.set(target, replaced);
    }
  }

  /** A tensor that is known and not needed. */
  markUsed(source: TensorSource, name: string): void {
    const names = this.used.get(source) ?? new Set();
    this.used.set(source, names.add(name));
  }

  /** Tensors of a source that no recipe reads. */
  unused(source: TensorSource): string[] {
    const used = this.used.get(source);
    return [...source.tensors.keys()].filter((name) => !used?.has(name));
  }
}

/** Checks every canonical tensor against its recipe. Throws `shape-mismatch` naming the tensor, its sources and both shapes. */
export function checkRecipes(
  specs: readonly Pick<TensorSpec, 'name' | 'shape'>[],
  recipes: ReadonlyMap<string, Recipe>,
): void {
  for (const { name, shape } of specs) {
    const recipe = recipes.get(name);
    if (!recipe) throw new FlamingoError('internal', `Nothing says where ${name} [${shape.join(', ')}] comes from.`);
    const rows = recipe.reduce((sum, piece) => sum + ('of' in piece ? piece.rows : piece.end - piece.start), 0);
    const fits = (piece: Piece) =>
      'of' in piece || (piece.end <= (wholeShape(piece)[0] ?? 1) && sizes(rowShape(piece)) === sizes(shape.slice(1)));
    // A class token is [W] in one file and [1, 1, W] in another, a gate [1, 1, W] and [W]: a whole tensor may gain and lose sizes of 1.
    const whole = recipe.length === 1 && isWhole(recipe[0]) && sizes(wholeShape(recipe[0])) === sizes(shape);
    if (!whole && !(rows === (shape[0] ?? 1) && recipe.every(fits))) throw mismatch(name, shape, recipe);
  }
}

function isWhole(piece: Piece): piece is Read {
  return !('of' in piece) && piece.start === 0 && piece.end === (wholeShape(piece)[0] ?? 1);
}

function wholeShape({ source, name }: Read): readonly number[] {
  return tensorOf(source, name).shape;
}

function rowShape(piece: Read): readonly number[] {
  return wholeShape(piece).slice(1);
}

function sizes(shape: readonly number[]): string {
  return shape.filter((size) => size !== 1).join();
}

function mismatch(name: string, shape: readonly number[], recipe: Recipe): FlamingoError {
  const parts = recipe.map((piece) => {
    if ('of' in piece) return `${piece.rows} rows of ${piece.of}`;
    const info = tensorOf(piece.source, piece.name);
    return `${info.file}: ${info.name} [${info.shape.join(', ')}]`;
  });
  const made = [...new Set(parts)].join(' and ');
  return new FlamingoError('shape-mismatch', `${name} should be [${shape.join(', ')}], but is made of ${made}.`, {
    hint: 'The parts belong to different models, or a config.json does: check the paths of vision, language and flamingo, and heads in flamingo.json.',
    details: { name, shape, parts: [...new Set(parts)] },
  });
}

/** Every tensor that no recipe reads, with the reason. Throws `bad-file` for those without one. */
export function explainUnused(
  book: RecipeBook,
  source: TensorSource,
  reason: (name: string) => string | undefined,
): { name: string; reason: string }[] {
  const left = book.unused(source).map((name) => ({ name, reason: reason(name) }));
  const names = left.filter((item) => item.reason === undefined).map(({ name }) => name);
  if (names.length === 0) return left.map(({ name, reason: why }) => ({ name, reason: why ?? '' }));
  throw unknownTensors(source, names);
}

/** Rows of a canonical tensor as f32, at most `rowsAtOnce` at a time. */
export async function* readRecipe(
  recipe: Recipe,
  rowLength: number,
  rowsAtOnce: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  for (const piece of recipe) {
    const [first, end] = 'of' in piece ? [0, piece.rows] : [piece.start, piece.end];
    for (let row = first; row < end; row += rowsAtOnce) {
      const until = Math.min(row + rowsAtOnce, end);
      if ('of' in piece) yield new Float32Array((until - row) * rowLength).fill(piece.of);
      else yield await piece.source.readRows(piece.name, row, until);
    }
  }
}
