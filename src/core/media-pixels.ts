/** A medium as the vision encoder reads it. */
export interface MediaPixels {
  /** [F, 3, S, S]: the frames of a clip, or one picture, or all tiles of one picture. */
  values: Float32Array<ArrayBuffer>;
  /** F */
  frames: number;
  /** Of a picture cut into tiles: how they are arranged, and how many of the F it fills; the others are padding. */
  tiles?: { arrangement: number; filled: number };
}
