import { FlamingoError } from '../core/errors';
import { type TensorSource, tensorOf } from '../format/tensor-source';

/** CLIP's own statistics: OPENAI_DATASET_MEAN and _STD. */
export const CLIP_MEAN: [number, number, number] = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD: [number, number, number] = [0.26862954, 0.26130258, 0.27577711];

/** Tensors that say how large a tower is. */
export interface ShapeTensors {
  kernel: string;
  positions: string;
  up: string;
  blocks: RegExp;
  /** Tokens before the patches: 1, the class token, unless another number is given. */
  prefix?: number;
}

export interface TowerShape {
  width: number;
  patch: number;
  imageSize: number;
  layers: number;
  inner: number;
}

/**
 * Sizes of a vision tower from its weights. A picture need not be a whole number of patches: what is left over at its right and lower edge is not seen. So
 * `configured`, the picture's side in the config, decides within that. Throws `shape-mismatch` when it does not fit the table of positions.
 */
export function towerShape(source: TensorSource, names: ShapeTensors, configured: number | undefined): TowerShape {
  const { prefix = 1 } = names;
  const [width, , patch] = tensorOf(source, names.kernel).shape;
  const positions = tensorOf(source, names.positions);
  const rows = positions.shape[0] === 1 ? positions.shape[1] : positions.shape[0]; // [rows, W]; timm has [1, rows, W]
  const side = Math.sqrt(rows - prefix);
  const imageSize = configured ?? side * patch;
  if (Math.floor(imageSize / patch) !== side) {
    throw new FlamingoError(
      'shape-mismatch',
      `${positions.file}: ${names.positions} has ${rows} rows; pictures of ${imageSize} in patches of ${patch} need ${Math.floor(imageSize / patch) ** 2 + prefix}.`,
      {
        hint: 'The config belongs to another model, or the table of positions was cut.',
        details: { tensor: names.positions, rows, imageSize, patch },
      },
    );
  }
  let layers = 0;
  for (const name of source.tensors.keys()) layers = Math.max(layers, Number(names.blocks.exec(name)?.[1] ?? -1) + 1);
  return { width, patch, imageSize, layers, inner: tensorOf(source, names.up).shape[0] };
}
