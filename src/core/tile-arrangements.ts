/**
 * Grids [rows, columns] of at most `tiles` tiles, in the order in which vision towers know them: a grid's number is its place + 1, and 0 is padding. Source:
 * transformers image_processing_mllama.py get_all_supported_aspect_ratios.
 */
export function tileArrangements(tiles: number): (readonly [rows: number, columns: number])[] {
  const counts = Array.from({ length: tiles }, (_, i) => i + 1);
  return counts.flatMap((rows) =>
    counts.filter((columns) => rows * columns <= tiles).map((columns) => [rows, columns] as const),
  );
}
