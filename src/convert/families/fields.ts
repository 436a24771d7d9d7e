import { FlamingoError } from '../../core/errors';
import type { Activation } from '../../format/config';
import type { ModelFolder } from '../sources';

/** A config, and where it stands, for messages. */
export type Described = Pick<ModelFolder, 'config' | 'configFile'>;

/** A field of config.json by any of its names; null counts as absent. */
export function field({ config }: Pick<Described, 'config'>, ...names: string[]): unknown {
  return names.map((name) => config[name]).find((value) => value !== undefined && value !== null);
}

/** A number in config.json by any of its names. Throws `bad-file` when it is missing without a default, or not a finite number. */
export function numberField(folder: Described, names: string | readonly string[], otherwise?: number): number {
  const all = typeof names === 'string' ? [names] : names;
  const value = field(folder, ...all) ?? otherwise;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const what = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, a number is expected`;
  throw new FlamingoError('bad-file', `${folder.configFile}: ${all.join(' or ')} ${what}.`, {
    hint: 'Give the folder with the model’s own config.json.',
    details: { file: folder.configFile, names: all, value },
  });
}

/** A truth value in config.json. Throws `bad-file` for anything else. */
export function flagField(folder: Described, name: string, otherwise: boolean): boolean {
  const value = field(folder, name) ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw new FlamingoError(
    'bad-file',
    `${folder.configFile}: ${name} is ${JSON.stringify(value)}, true or false is expected.`,
    {
      hint: 'Give the folder with the model’s own config.json.',
      details: { file: folder.configFile, name, value },
    },
  );
}

/** An object in config.json; an empty one when it is absent. */
export function section(folder: Described, name: string): Described {
  const value = field(folder, name) ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) {
    return { config: value as Record<string, unknown>, configFile: `${folder.configFile}, ${name}` };
  }
  throw new FlamingoError(
    'bad-file',
    `${folder.configFile}: ${name} is ${JSON.stringify(value)}, an object is expected.`,
    {
      hint: 'Give the folder with the model’s own config.json.',
      details: { file: folder.configFile, name },
    },
  );
}

/** Refuses what a field says and this version does not do. `known` are the values it may have; it may always be absent. */
export function allow(folder: Described, name: string, known: readonly unknown[], why = ''): void {
  const value = field(folder, name);
  if (value === undefined || known.includes(value)) return;
  throw unsupported(folder, name, value, known.map((item) => JSON.stringify(item)).join(' or '), why);
}

export function unsupported(folder: Described, name: string, value: unknown, known: string, why = ''): FlamingoError {
  return new FlamingoError(
    'unsupported',
    `${folder.configFile}: ${name} is ${JSON.stringify(value)}; this version knows ${known}.${why && ` ${why}`}`,
    {
      hint: 'Use another checkpoint of the same family. If this one works upstream, please report it.',
      details: { file: folder.configFile, field: name, value },
    },
  );
}

/** Width of one head. Throws `bad-file` when the heads do not divide the width. */
export function headWidth(folder: Described, width: number, heads: number): number {
  if (Number.isInteger(width / heads)) return width / heads;
  throw new FlamingoError('bad-file', `${folder.configFile}: a width of ${width} is not divided by ${heads} heads.`, {
    hint: 'Give the model’s own config.json.',
    details: { file: folder.configFile, width, heads },
  });
}

/** Names of transformers' ACT2FN. */
const ACTIVATION_NAMES: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
  relu: 'relu',
  relu2: 'relu2',
  silu: 'silu',
  swish: 'silu',
};

export function activationOf(folder: Described, name: string, otherwise: string): Activation {
  const value = field(folder, name) ?? otherwise;
  const activation = typeof value === 'string' ? ACTIVATION_NAMES[value] : undefined;
  if (activation) return activation;
  throw unsupported(folder, name, value, Object.keys(ACTIVATION_NAMES).join(', '));
}

/** A number that config.json and flamingo.json may both give, or null. Throws `bad-file` when they differ. */
export function same(
  folder: Described,
  name: string,
  otherwise: number | null,
  said: number | null | undefined,
): number | null {
  const value = field(folder, name) === undefined ? otherwise : numberField(folder, name);
  if (said === undefined || said === null || said === value) return value;
  throw new FlamingoError('bad-file', `${folder.configFile}: ${name} is ${value}, flamingo.json says ${said}.`, {
    hint: 'Correct flamingo.json, or leave it out: a whole checkpoint needs none.',
    details: { file: folder.configFile, name, value, said },
  });
}
