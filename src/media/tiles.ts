import { tileArrangements } from '../core/tile-arrangements';
import type { ImageProcessor } from '../format/manifest';
import type { RgbImage } from './image';
import { resize } from './resize';

interface Size {
  width: number;
  height: number;
}

/** Where a picture goes: resized to [width, height], at the upper left of a canvas of rows x columns tiles. */
export interface TilePlan extends Size {
  rows: number;
  columns: number;
  /** Number of the grid among all: see tileArrangements. */
  arrangement: number;
}

/**
 * The grid that enlarges the picture least, or, where all shrink it, the one that shrinks it least; of equal ones that with the fewest tiles. Source:
 * transformers image_processing_mllama.py get_optimal_tiled_canvas and get_image_size_fit_to_canvas.
 */
export function planTiles({ width, height }: Size, tile: number, tiles: number): TilePlan {
  const grids = tileArrangements(tiles);
  const scales = grids.map(([rows, columns]) => Math.min((rows * tile) / height, (columns * tile) / width));
  const enlarging = scales.filter((scale) => scale >= 1);
  const chosen = enlarging.length > 0 ? Math.min(...enlarging) : Math.max(...scales);
  const fitting = grids.filter((_, i) => scales[i] === chosen);
  const fewest = Math.min(...fitting.map(([rows, columns]) => rows * columns));
  const grid = fitting.find(([rows, columns]) => rows * columns === fewest) ?? fitting[0];
  const [rows, columns] = grid;
  return { ...fitted({ width, height }, tile, rows, columns), rows, columns, arrangement: grids.indexOf(grid) + 1 };
}

/** Size within the canvas: sides from one tile to the canvas, in the picture's own proportions; at least one pixel. */
function fitted({ width, height }: Size, tile: number, rows: number, columns: number): Size {
  const clip = (side: number, largest: number) => Math.min(Math.max(side, tile), largest);
  const [w, h] = [clip(width, columns * tile), clip(height, rows * tile)];
  const [scaleW, scaleH] = [w / width, h / height];
  if (scaleW < scaleH) return { width: w, height: Math.min(Math.max(1, Math.floor(height * scaleW)), h) };
  return { width: Math.min(Math.max(1, Math.floor(width * scaleH)), w), height: h };
}

/** All tiles of a picture, [tiles, 3, S, S], row by row: (value / 255 - mean) / std, the canvas around the picture black, tiles that it does not fill 0. */
export function tilePixels(image: RgbImage, processor: ImageProcessor & { tiles: number }, plan: TilePlan) {
  const { size: S, tiles, mean, std, resample } = processor;
  const rgb = resize(image, plan, resample);
  const pixels = new Float32Array(tiles * 3 * S * S);
  for (let tile = 0; tile < plan.rows * plan.columns; tile++) {
    const [top, left] = [Math.floor(tile / plan.columns) * S, (tile % plan.columns) * S];
    for (let channel = 0; channel < 3; channel++) {
      const plane = pixels.subarray((tile * 3 + channel) * S * S, (tile * 3 + channel + 1) * S * S);
      plane.fill(-mean[channel] / std[channel]);
      for (let y = top; y < Math.min(top + S, plan.height); y++) {
        for (let x = left; x < Math.min(left + S, plan.width); x++) {
          const value = rgb[(y * plan.width + x) * 3 + channel] / 255;
          plane[(y - top) * S + x - left] = (value - mean[channel]) / std[channel];
        }
      }
    }
  }
  return pixels;
}
