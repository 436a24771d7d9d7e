import { readdir, stat } from 'node:fs/promises';
import { openModel } from '../convert/sources';
import { FlamingoError } from '../core/errors';
import { clipLimit } from '../format/clip-limit';
import type { FlamingoConfig } from '../format/config';
import { isHubAddress } from '../format/hub/address';
import { decodeModel } from '../format/onnx/decode';
import { folderFiles } from '../format/package-files-node';
import { openPackage } from '../format/package-reader';
import type { Outcome } from './command';
import { inspectHub } from './hub';
import { bytes, table } from './text';

/** What a package (a folder with model.json) or a checkpoint holds. Throws `not-found`, `bad-file`. */
export async function inspect(path: string): Promise<Outcome> {
  if (isHubAddress(path)) return await inspectHub(path);
  const info = await stat(path).catch(() => {
    throw new FlamingoError('not-found', `${path} does not exist.`, {
      hint: 'Give a package folder, a model folder or a weight file.',
    });
  });
  const isPackage = info.isDirectory() && (await readdir(path)).includes('model.json');
  return isPackage ? await inspectPackage(path) : await inspectCheckpoint(path);
}

async function inspectPackage(folder: string): Promise<Outcome> {
  const source = await openPackage(folderFiles(folder));
  const { manifest } = source;
  const tensors: { name: string; type: string; shape: number[]; graph: string }[] = [];
  for (const graph of ['vision', 'resampler', 'decoder']) {
    const { initializers } = decodeModel(`${graph}.onnx`, await source.read(`${graph}.onnx`));
    for (const { name, type, shape } of initializers.values())
      if (name.includes('.')) tensors.push({ name, type, shape, graph });
  }
  const { config, dtype, files, license, base_models } = manifest;
  const { decoder: d, gated, vision } = config;
  const lines = [
    `${manifest.name}: ${dtype}, licence ${license}${base_models.length > 0 ? `, from ${base_models.join(' and ')}` : ''}`,
    `vision     ${vision.imageSize} px, ${vision.patches} patches of width ${vision.width}`,
    `resampler  ${resamplerLine(config)}`,
    `decoder    ${d.layers} blocks of width ${config.width}, ${d.heads} heads of ${d.headDim} (${d.kvHeads} for keys), ${d.position.kind} positions, context ${config.contextLength}, vocabulary ${config.vocab}`,
    `gated      ${gated.placement === 'replace' ? 'as' : 'before'} blocks ${gated.before.join(', ')}; ${gated.heads} heads of ${gated.headDim}`,
    ...(manifest.clip
      ? [`clip       text tower, ${manifest.clip.embedding} numbers, ${manifest.clip.contextLength} tokens`]
      : []),
    ...(manifest.prefix
      ? [`prefix     ${manifest.prefix.tokens} vectors from a picture’s ${manifest.prefix.input}`]
      : []),
    ...table(
      ['file', 'size'],
      files.map(({ path, size }) => [path, bytes(size)]),
    ),
    ...table(
      ['tensor', 'type', 'shape', 'graph'],
      tensors.map(({ name, type, shape, graph }) => [name, type, `[${shape.join(', ')}]`, graph]),
    ),
  ];
  return { json: { manifest, tensors }, lines };
}

async function inspectCheckpoint(path: string): Promise<Outcome> {
  await using folder = await openModel('PATH', path);
  const { source, config } = folder;
  const tensors = [...source.tensors.values()].map(({ name, dtype, shape, file }) => ({ name, dtype, shape, file }));
  const rows = tensors.map(({ name, dtype, shape, file }) => [name, dtype, `[${shape.join(', ')}]`, file]);
  return {
    json: { config, tensors },
    lines: [`${tensors.length} tensors`, ...table(['tensor', 'type', 'shape', 'file'], rows)],
  };
}

function resamplerLine(config: FlamingoConfig): string {
  const { resampler: r } = config;
  if (r.kind === 'none') return `none: ${r.latents} latents, the features`;
  if (r.kind === 'projection') return `one linear layer, ${r.latents} latents`;
  const clips = r.maxFrames ? `, trained with clips of ${r.maxFrames} frames, takes up to ${clipLimit(config)}` : '';
  return `${r.layers} layers, ${r.latents} latents, ${r.heads} heads of ${r.headDim}${clips}`;
}
