import { PRESETS } from '../convert/presets';
import type { Outcome } from './command';
import { table } from './text';

/** The published checkpoints that `convert --model` knows, with their parts. */
export function listPresets(): Outcome {
  const rows = PRESETS.map(({ name, parameters, parts, crossAttentionEvery, license, note }) => [
    name,
    parameters,
    parts.language?.replace('hf:', '') ?? '',
    parts.vision?.replace('hf:', '') ?? '',
    crossAttentionEvery?.toString() ?? '',
    license ?? '',
    note ?? '',
  ]);
  return {
    json: PRESETS,
    lines: table(['preset', 'size', 'language model', 'vision tower', 'gated every', 'licence', ''], rows),
  };
}
