import { FlamingoError } from '../core/errors';
import type { TensorSpec } from '../format/tensor-names';
import { type TensorSource, tensorOf } from '../format/tensor-source';

/** Rows start..end of a source tensor, or rows of zeros. */
export type Piece = { source: TensorSource; name: string; start: number; end: number } | { zeros: number };

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
export function checkRecipes(specs: readonly TensorSpec[], recipes: ReadonlyMap<string, Recipe>): void {
  for (const { name, shape } of specs) {
    const recipe = recipes.get(name);
    if (!recipe) throw new FlamingoError('bad-file', `The checkpoint has nothing for ${name} [${shape.join(', ')}].`);
    const rows = recipe.reduce((sum, piece) => sum + ('zeros' in piece ? piece.zeros : piece.end - piece.start), 0);
    const rowLength = shape.slice(1).reduce((a, b) => a * b, 1);
    const wrong = recipe.find((piece) => !('zeros' in piece) && sourceRow(piece.source, piece.name) !== rowLength);
    if (rows === (shape[0] ?? 1) && !wrong) continue;
    throw mismatch(name, shape, recipe);
  }
}

function sourceRow(source: TensorSource, name: string): number {
  return tensorOf(source, name)
    .shape.slice(1)
    .reduce((a, b) => a * b, 1);
}

function mismatch(name: string, shape: readonly number[], recipe: Recipe): FlamingoError {
  const parts = recipe.map((piece) => {
    if ('zeros' in piece) return `${piece.zeros} rows of zeros`;
    const info = tensorOf(piece.source, piece.name);
    return `rows ${piece.start} to ${piece.end} of ${info.file}: ${piece.name} [${info.shape.join(', ')}]`;
  });
  return new FlamingoError(
    'shape-mismatch',
    `${name} should be [${shape.join(', ')}], but is made of ${parts.join(' and ')}.`,
    {
      hint: 'The parts belong to different models: check vision, language and flamingo paths, and heads in flamingo.json.',
      details: { name, shape },
    },
  );
}

/** Rows of a canonical tensor as f32, at most `rowsAtOnce` at a time. */
export async function* readRecipe(
  recipe: Recipe,
  rowLength: number,
  rowsAtOnce: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  for (const piece of recipe) {
    const [first, end] = 'zeros' in piece ? [0, piece.zeros] : [piece.start, piece.end];
    for (let row = first; row < end; row += rowsAtOnce) {
      const until = Math.min(row + rowsAtOnce, end);
      if ('zeros' in piece) yield new Float32Array((until - row) * rowLength);
      else yield await piece.source.readRows(piece.name, row, until);
    }
  }
}
