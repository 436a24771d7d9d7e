import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { joinSources, type TensorSource } from './tensor-source';

const shardIndex = v.object({
  weight_map: v.record(
    v.string(),
    v.pipe(v.string(), v.regex(/^(?!\.+$)[\w.-]+$/, 'a shard is not a plain file name')),
  ),
});

/**
 * A checkpoint in shards: `text` is its index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`), `open` opens a shard beside it. Every tensor must be
 * in the shard that the index names; tensors that the index does not name are there too. Throws `bad-file`, and what `open` throws for a missing shard.
 */
export async function openShards(
  label: string,
  text: string,
  open: (file: string) => Promise<TensorSource>,
): Promise<TensorSource> {
  const map = parseIndex(label, text);
  const shards = new Map<string, TensorSource>();
  try {
    for (const file of [...new Set(map.values())].sort()) shards.set(file, await open(file));
    for (const [name, file] of map) if (!shards.get(file)?.tensors.has(name)) throw absent(label, name, file);
    return joinSources(label, [...shards.values()]);
  } catch (error) {
    for (const shard of shards.values()) await shard[Symbol.asyncDispose]();
    throw error;
  }
}

/** Tensor name -> shard. */
function parseIndex(label: string, text: string): Map<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(label, `it is not JSON (${(cause as Error).message})`);
  }
  const result = v.safeParse(shardIndex, json);
  if (!result.success) {
    const [issue] = result.issues;
    throw malformed(label, `${v.getDotPath(issue) ?? 'root'}: ${issue.message}`);
  }
  const map = new Map(Object.entries(result.output.weight_map));
  if (map.size === 0) throw malformed(label, 'its weight_map is empty');
  return map;
}

function absent(label: string, name: string, file: string): FlamingoError {
  return new FlamingoError('bad-file', `${label} says that ${name} is in ${file}, but it is not.`, {
    hint: 'Shards of different versions were mixed: get all of them again.',
    details: { label, name, file },
  });
}

function malformed(label: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${label} is not an index of shards: ${what}.`, {
    hint: 'Get the file again.',
    details: { label },
  });
}
