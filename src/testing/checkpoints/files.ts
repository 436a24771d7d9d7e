import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { storedBytes, type Tensors } from './tensors';
import { writeTorch } from './torch-writer';

/** How a published checkpoint may lie in its folder. */
export type FileKind = 'safetensors' | 'sharded safetensors' | 'bin' | 'sharded bin';

export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(value, null, 1));
}

/** Writes tensors as Hugging Face (`prefix` empty) or open_clip (`open_clip_`) would name the files. */
export async function writeWeights(folder: string, tensors: Tensors, kind: FileKind, prefix = ''): Promise<void> {
  await mkdir(folder, { recursive: true });
  const torch = kind.endsWith('bin');
  const stem = `${prefix}${torch ? 'pytorch_model' : 'model'}`;
  const suffix = torch ? 'bin' : 'safetensors';
  const bytesOf = async (part: Tensors) => (torch ? await writeTorch(part) : safetensors(part));
  if (!kind.startsWith('sharded')) {
    await writeFile(join(folder, `${stem}.${suffix}`), await bytesOf(tensors));
    return;
  }
  const map: Record<string, string> = {};
  for (let shard = 0; shard < 3; shard++) {
    const file = `${stem}-0000${shard + 1}-of-00003.${suffix}`;
    const part = new Map([...tensors].filter((_, i) => i % 3 === shard)); // neighbours in different files
    for (const name of part.keys()) map[name] = file;
    await writeFile(join(folder, file), await bytesOf(part));
  }
  await writeJson(join(folder, `${stem}.${suffix}.index.json`), { metadata: {}, weight_map: map });
}

/** A safetensors file of any stored types. (The project's own writer knows what `run` writes: f32 and i32.) */
export function safetensors(tensors: Tensors): Uint8Array {
  let offset = 0;
  const parts: Uint8Array[] = [];
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, tensor] of tensors) {
    const bytes = storedBytes(tensor);
    header[name] = {
      dtype: tensor.type.toUpperCase(),
      shape: tensor.shape,
      data_offsets: [offset, offset + bytes.length],
    };
    offset += bytes.length;
    parts.push(bytes);
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  return Buffer.concat([length, json, ...parts]);
}
