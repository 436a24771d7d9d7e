import { readFile } from 'node:fs/promises';
import { FlamingoError } from '../core/errors';
import { embeddingWidth, type FlamingoConfig } from '../format/config';
import type { PrefixMapper } from '../format/manifest';
import { type DeclaredValue, decodeModel } from '../format/onnx/decode';
import type { VisionSource } from './vision-source';

/** An exported mapper of a visual prefix, which is stored as it is. */
export interface MapperSource {
  prefix: PrefixMapper;
  bytes: Uint8Array;
}

/**
 * Reads mapper.onnx: `features` [1, v, Dv] or `embedding` -> [1, k, E], E the width of token embeddings. Throws `not-found`, `bad-file`, `unsupported` for a graph of another kind or with weights
 * in other files, `shape-mismatch` for one of another model.
 */
export async function openMapper(
  path: string,
  config: FlamingoConfig,
  { clip, label }: Pick<VisionSource, 'clip' | 'label'>,
): Promise<MapperSource> {
  const bytes = await readFile(path).catch(() => {
    throw new FlamingoError('not-found', `--mapper: ${path} does not exist.`, {
      hint: 'Give the exported mapper.onnx.',
    });
  });
  const { initializers, inputs, outputs } = decodeModel(path, bytes);
  const external = [...initializers.values()].find(({ data }) => data.kind === 'external');
  if (external)
    throw unsupported(path, `keeps ${external.name} in another file`, 'Export it with the weights inside the file.');
  if (config.vision.tiles)
    throw unsupported(path, 'maps one picture; this model cuts pictures into tiles', 'Leave --mapper out.');
  const [input, ...more] = inputs.filter(({ name }) => !initializers.has(name));
  if (more.length > 0 || (input?.name !== 'features' && input?.name !== 'embedding')) {
    const names = [input, ...more].map((each) => each?.name ?? 'none').join(', ');
    throw unsupported(
      path,
      `has the inputs ${names}`,
      'Name its one input "features" (of the vision encoder) or "embedding" (of CLIP).',
    );
  }
  if (input.name === 'embedding' && !clip) {
    throw unsupported(
      path,
      `reads CLIP’s embedding, which ${label} does not give`,
      'Give a --vision source with its text tower.',
    );
  }
  const { patches, width } = config.vision;
  checkShape(path, input, input.name === 'features' ? [1, patches, width] : [1, clip!.embedding]);
  const [, tokens] = outputs[0]?.shape ?? [];
  const isCount = typeof tokens === 'number' && tokens >= 1 && tokens < config.contextLength;
  checkShape(path, outputs[0], [1, isCount ? tokens : 'k', embeddingWidth(config)]);
  return { prefix: { input: input.name, tokens: tokens as number }, bytes };
}

/** The first dimension may be free; the others must be the numbers of this model. */
function checkShape(path: string, value: DeclaredValue | undefined, wanted: (number | string)[]): void {
  const shape = value?.shape ?? [];
  const fits = (size: number | string, i: number) => size === wanted[i] || (i === 0 && typeof size === 'string');
  if (value?.type === 'f32' && shape.length === wanted.length && shape.every(fits) && !wanted.includes('k')) return;
  throw new FlamingoError(
    'shape-mismatch',
    `--mapper: ${path}: ${value?.name ?? 'its output'} is ${value?.type ?? 'of no known type'} [${shape.join(', ')}]; f32 [${wanted.join(', ')}] is expected.`,
    {
      hint: 'Export the mapper that was made for this vision encoder and this language model, with a fixed number k of vectors.',
      details: { path, shape, wanted },
    },
  );
}

function unsupported(path: string, what: string, hint: string): FlamingoError {
  return new FlamingoError('unsupported', `--mapper: ${path} ${what}.`, { hint, details: { path } });
}
