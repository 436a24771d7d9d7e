import { FlamingoError } from '../core/errors';
import type { FlamingoConfig } from './config';

/** Where the features of one frame (or tile) lie in it: a class token, if there is one, and then patches row by row. */
export interface PatchGrid {
  classTokens: 0 | 1;
  height: number;
  width: number;
}

/**
 * Pictures are square when they come to a vision encoder, so v features are g * g patches, or a class token before them. No number above 1 is both. Throws
 * `unsupported` for any other number (registers, pooled features): nobody says where these lie.
 */
export function patchGrid({ vision: { patches } }: Pick<FlamingoConfig, 'vision'>): PatchGrid {
  for (const classTokens of [0, 1] as const) {
    const side = Math.round(Math.sqrt(patches - classTokens));
    if (side > 0 && side * side === patches - classTokens) return { classTokens, height: side, width: side };
  }
  throw new FlamingoError(
    'unsupported',
    `The vision encoder of this model gives ${patches} features for a frame: no square of patches, with or without 1 class token.`,
    {
      hint: 'Attention can be told by latents (`attention: true`), but not on the picture.',
      details: { patches },
    },
  );
}
