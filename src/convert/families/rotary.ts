import type { PositionConfig } from '../../format/config';
import type { ModelFolder } from '../sources';
import { field, numberField, section, unsupported } from './fields';

type Described = Pick<ModelFolder, 'config' | 'configFile'>;

/** The scaling that a config names, and where it stands. */
interface Scaling {
  at: Described;
  type: unknown;
}

/**
 * Rotary embedding as config.json describes it, in the names of all versions of transformers: `rope_parameters` holds everything since version 5, `rope_theta` or
 * `rotary_emb_base`, and `rope_scaling`, before. `share` is the part of a head that turns where the config does not say.
 */
export function rotaryPosition(folder: Described, headDim: number, share: number): PositionConfig {
  const parameters = section(folder, 'rope_parameters');
  const merged = { config: { ...folder.config, ...parameters.config }, configFile: folder.configFile };
  const part = numberField(merged, ['partial_rotary_factor', 'rotary_pct'], share);
  const theta = numberField(merged, ['rope_theta', 'rotary_emb_base'], 10000);
  const dims = Math.trunc(headDim * part);
  if (dims < 2 || dims % 2 !== 0 || dims > headDim) {
    throw unsupported(
      folder,
      'rotary_pct',
      part,
      `parts of a head of ${headDim} that are an even number`,
      `It gives ${dims}.`,
    );
  }
  const frequencies = Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims));
  const factors = scaled(scalingOf(folder, parameters), frequencies);
  return { kind: 'rotary', dims, theta, pairing: 'half', ...(factors ? { factors } : {}) };
}

function scalingOf(folder: Described, parameters: Described): Scaling {
  const at = field(parameters, 'rope_type', 'type') === undefined ? section(folder, 'rope_scaling') : parameters;
  return { at, type: field(at, 'rope_type', 'type') ?? 'default' };
}

/** A factor for every frequency, or undefined where none changes. */
function scaled({ at, type }: Scaling, frequencies: number[]): number[] | undefined {
  switch (type) {
    case 'default':
    case 'dynamic': // changes only beyond the trained context, which is where a context ends here
      return undefined;
    case 'linear':
      return frequencies.map(() => 1 / numberField(at, 'factor'));
    case 'llama3':
      return llama3(at, frequencies);
    case 'divisors':
      return divided(at, frequencies);
    default:
      throw unsupported(at, 'rope_type', type, 'default, linear, dynamic and llama3');
  }
}

/** A number for every frequency, as GGUF files have them (`rope_freqs`) instead of what they were computed from. */
function divided(at: Described, frequencies: number[]): number[] {
  const divisors = field(at, 'divisors');
  const fits = Array.isArray(divisors) && divisors.length === frequencies.length;
  if (!fits) throw unsupported(at, 'divisors', divisors, `lists of ${frequencies.length} numbers`);
  return divisors.map((divisor) => 1 / divisor);
}

/** Long wavelengths are divided, short ones kept, those between blended. transformers modeling_rope_utils.py, _compute_llama3_parameters. */
function llama3(at: Described, frequencies: number[]): number[] {
  const factor = numberField(at, 'factor');
  const [low, high] = [numberField(at, 'low_freq_factor'), numberField(at, 'high_freq_factor')];
  const context = numberField(at, 'original_max_position_embeddings');
  return frequencies.map((frequency) => {
    const turns = (context * frequency) / (2 * Math.PI); // within the original context
    if (turns < low) return 1 / factor;
    if (turns > high) return 1;
    const smooth = (turns - low) / (high - low);
    return (1 - smooth) / factor + smooth;
  });
}
