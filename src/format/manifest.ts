import * as v from 'valibot';
import { flamingoConfig } from './config';

/** Version of the package layout; a reader refuses any other. */
export const PACKAGE_FORMAT = 'flamingo-web/1';

/** A file is hashed in pieces of this many bytes (the last is shorter), so that a damaged piece is found before the rest arrives. */
export const CHUNK_BYTES = 16 * 1024 * 1024;

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Largest file of a package: what a graph in one piece may have. Weights come in files of 256 MiB. */
const MAX_FILE_BYTES = 2 ** 31;

export const packageFile = v.pipe(
  v.object({
    path: v.pipe(v.string(), v.regex(/^(?!\.+$)[\w.-]{1,200}$/)), // a plain name beside model.json: no folders, no `..`
    size: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_FILE_BYTES)),
    chunks: v.array(sha256),
  }),
  v.check(
    ({ size, chunks }) => chunks.length === Math.ceil(size / CHUNK_BYTES),
    ({ input: { path, size, chunks } }) =>
      `${path}: ${size} bytes need ${Math.ceil(size / CHUNK_BYTES)} sums, there are ${chunks.length}`,
  ),
);

const pixels = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));
const positive = v.pipe(v.number(), v.gtValue(0));

/**
 * How pixels are made from a picture. `shorter-side`: resize the shorter side to `size`, centre-crop `crop`; `square`: resize both; `tiles`: cut into up to `tiles`
 * squares of `size`, on a canvas that fits the picture.
 */
export const imageProcessor = v.pipe(
  v.object({
    mode: v.picklist(['shorter-side', 'square', 'tiles']),
    size: pixels,
    crop: pixels,
    /** Rounding of the crop's offset of half an odd remainder: open_clip rounds, CLIPImageProcessor takes the floor. */
    cropRounding: v.picklist(['round', 'floor']),
    resample: v.picklist(['bicubic', 'bilinear']),
    tiles: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
    mean: v.tuple([v.number(), v.number(), v.number()]),
    std: v.tuple([positive, positive, positive]),
  }),
  v.check(
    ({ size, crop }) => crop <= size,
    ({ input: { size, crop } }) => `pictures are resized to ${size}, which is less than the crop of ${crop}`,
  ),
  v.check(
    ({ mode, tiles }) => (mode === 'tiles') === (tiles !== undefined),
    'tiles are counted for the mode tiles alone',
  ),
  v.check(
    ({ mode, resample }) => mode === 'tiles' || resample === 'bicubic',
    'only tiles are resized otherwise than bicubic',
  ),
);

/** Special tokens and the chat template. `question` and `caption` hold `{text}`; the image token stands before them, or at `{media}`, once per picture. */
export const promptTemplate = v.object({
  imageToken: v.string(),
  imageTokenId: v.number(),
  /** The image token's number behind a space, which it then holds: where it is text, tokenizers may join the two. */
  imageTokenAfterSpace: v.optional(v.number()),
  endOfChunkToken: v.string(),
  endOfChunkId: v.number(),
  /** Further tokens that end an answer (end of text). */
  stopIds: v.array(v.number()),
  /** Tokens never emitted (the image token at least). */
  suppressIds: v.array(v.number()),
  question: v.string(),
  caption: v.string(),
  example: v.string(),
  /** A token that every context has once more behind the pictures it begins with, or at its very beginning, unless a prompt holds it. */
  begin: v.optional(v.object({ content: v.string(), id: v.number() })),
  /** Special tokens that the templates hold: there they are tokens, not text. */
  templateTokens: v.optional(v.array(v.object({ content: v.string(), id: v.number() }))),
  /** What stands between an answer and the next question, where that is not the chunk-end token. */
  separator: v.optional(v.string()),
  /** Tokens before and after each picture's own; between neighbouring pictures, which end and begin alike, they stand once. */
  aroundImage: v.optional(v.object({ before: v.array(v.number()), after: v.array(v.number()) })),
});

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/** CLIP's text tower, text.onnx, where a package has it: then vision.onnx has a second output, the picture's embedding. */
export const clipText = v.object({
  /** Numbers in the common space of pictures and texts. */
  embedding: whole,
  /** Most tokens of a text, the two at its ends included. */
  contextLength: v.pipe(whole, v.minValue(3)),
  startId: whole,
  endId: whole,
  /** What cosines are multiplied with before the softmax. */
  logitScale: v.number(),
});

/** mapper.onnx, where a package has it: it makes a visual prefix of a picture for the comparison with Frozen and ClipCap. */
export const prefixMapper = v.object({
  /** What it reads of a picture: features [1, v, Dv] of vision.onnx, or CLIP's embedding [1, E]. */
  input: v.picklist(['features', 'embedding']),
  /** Vectors [k, D] that it makes of a picture, each in the place of a token. */
  tokens: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
});

export const manifest = v.object({
  format: v.literal(PACKAGE_FORMAT),
  name: v.string(),
  config: flamingoConfig,
  image: imageProcessor,
  prompt: promptTemplate,
  clip: v.optional(clipText),
  prefix: v.optional(prefixMapper),
  dtype: v.picklist(['f32', 'f16', 'q8', 'q4']),
  /** ONNX opset and contrib operators the graphs use. */
  onnx: v.object({ opset: v.number(), contrib: v.array(v.string()) }),
  license: v.string(),
  base_models: v.array(v.string()),
  files: v.pipe(
    v.array(packageFile),
    v.maxLength(4096),
    v.check((files) => new Set(files.map(({ path }) => path)).size === files.length, 'a file is listed twice'),
  ),
});

export type Manifest = v.InferOutput<typeof manifest>;
export type ClipText = v.InferOutput<typeof clipText>;
export type PrefixMapper = v.InferOutput<typeof prefixMapper>;
export type PackageFile = v.InferOutput<typeof packageFile>;
export type ImageProcessor = v.InferOutput<typeof imageProcessor>;
export type PromptTemplate = v.InferOutput<typeof promptTemplate>;
