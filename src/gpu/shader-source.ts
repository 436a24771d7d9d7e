import { FlamingoError } from '../core/errors';

const sources = import.meta.glob<string>('../../shaders/**/*.wgsl', { query: '?raw', import: 'default', eager: true });

export interface ShaderVariant {
  /** Element type of activations: what `alias Elem` stands for. */
  elem: 'f32' | 'f16';
  /** Whether helpers with a `.subgroups.wgsl` twin use it. */
  subgroups: boolean;
}

/** Ids of all kernels: paths under shaders/ without extension, helpers in lib/ left out. */
export function kernelIds(): string[] {
  return Object.keys(sources)
    .map((path) => path.replace('../../shaders/', '').replace(/\.wgsl$/, ''))
    .filter((id) => !id.startsWith('lib/'))
    .sort();
}

/**
 * The final WGSL of a kernel: `// @import lib/x.wgsl` lines replaced by the file (each once), `alias Elem = f32;` swapped,
 * `enable` directives in front. No other templating exists. Throws `internal` for an unknown id or import.
 */
export function shaderSource(id: string, { elem, subgroups }: ShaderVariant): string {
  const seen = new Set<string>();
  let usesSubgroups = false;
  const expand = (path: string): string =>
    read(path).replace(/^\/\/ @import (\S+)$/gm, (_, name: string) => {
      if (seen.has(name)) return '';
      seen.add(name);
      const twin = name.replace(/\.wgsl$/, '.subgroups.wgsl');
      if (subgroups && `../../shaders/${twin}` in sources) {
        usesSubgroups = true;
        return expand(twin);
      }
      return expand(name);
    });
  const body = expand(`${id}.wgsl`);
  const enables = [...(elem === 'f16' ? ['enable f16;'] : []), ...(usesSubgroups ? ['enable subgroups;'] : [])];
  return [...enables, body.replace('alias Elem = f32;', `alias Elem = ${elem};`)].join('\n');
}

function read(path: string): string {
  const source = sources[`../../shaders/${path}`];
  if (source === undefined) throw new FlamingoError('internal', `There is no shader file ${path}.`);
  return source;
}
