import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convert } from '../convert/convert';
import type { WeightType } from '../core/dtypes';
import type { EncodedMedia, Executor } from '../core/executor';
import { openFile } from '../format/file-node';
import type { Manifest } from '../format/manifest';
import { folderFiles } from '../format/package-files-node';
import { openPackage } from '../format/package-reader';
import { openSafetensors } from '../format/safetensors';
import { graphPaths, type PackageGraphs } from '../session/open-engine';
import { lastMedia } from '../text/media-positions';
import { GOLDENS } from './parity';

/** A golden model converted to one storage type, its graphs in memory. */
export interface GoldenPackage {
  manifest: Manifest;
  graphs: PackageGraphs;
}

export async function goldenPackage(family: string, dtype: WeightType): Promise<GoldenPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'flamingo-golden-'));
  try {
    await convert({ model: GOLDENS + family, out: join(folder, 'package'), dtype });
    const source = await openPackage(folderFiles(join(folder, 'package')), {});
    const graph = async (name: 'vision' | 'resampler' | 'decoder') => {
      const [, ...paths] = graphPaths(source.manifest, name);
      const data = await Promise.all(paths.map(async (path) => ({ path, data: await source.read(path, {}) })));
      return { model: await source.read(`${name}.onnx`, {}), data };
    };
    const graphs = {
      vision: await graph('vision'),
      resampler: await graph('resampler'),
      decoder: await graph('decoder'),
    };
    return { manifest: source.manifest, graphs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A prompt with pictures and the logits upstream gave for it, in f32. */
export interface GoldenPrompt {
  ids: number[];
  /** [M, F, v, Dv] */
  features: Float32Array;
  frames: number;
  media: number;
  logits: Float32Array;
  /** Upstream's logits with all gates at 0, where the golden has them. */
  closed: Float32Array | undefined;
}

/** The first prompt of a family's golden that carries its features. */
export async function goldenPrompt(family: string): Promise<GoldenPrompt> {
  await using golden = await openSafetensors(await openFile(`${GOLDENS}${family}/expected.safetensors`));
  const name = [...golden.tensors.keys()].filter((key) => key.endsWith('/features')).at(-1) ?? '';
  const id = name.split('/')[0];
  const [media, frames] = golden.tensors.get(name)?.shape ?? [];
  const closed = `${id}/logits-gates-closed`;
  return {
    ids: Array.from(await golden.read(`${id}/input_ids`)),
    features: await golden.read(name),
    frames,
    media,
    logits: await golden.read(`${id}/logits`),
    closed: golden.tensors.has(closed) ? await golden.read(closed) : undefined,
  };
}

/** Logits [T, V] of the whole prompt. */
export async function promptLogits(
  executor: Executor,
  manifest: Manifest,
  prompt: GoldenPrompt,
): Promise<Float32Array> {
  const each = prompt.features.length / prompt.media;
  const media: EncodedMedia[] = [];
  for (let m = 0; m < prompt.media; m++) {
    media.push(await executor.encodeMedia(prompt.features.slice(m * each, (m + 1) * each), prompt.frames));
  }
  using sequence = await executor.createSequence(prompt.ids.length);
  const mediaIndex = lastMedia(prompt.ids.map((id) => id === manifest.prompt.imageTokenId));
  const { logits } = await sequence.append({ ids: prompt.ids, mediaIndex, media, logits: 'all' });
  for (const medium of media) medium[Symbol.dispose]();
  if (!logits) throw new Error('no logits came back');
  return logits;
}
