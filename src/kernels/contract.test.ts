import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
// Its parser takes a few old keywords for reserved ones (`block`): shaders avoid them as names.
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import type { Kernel } from '../gpu/kernel';
import { kernelIds, shaderSource } from '../gpu/shader-source';

/** Kernels that are another algorithm for the same formula, and whose reference they share. */
const SAME_FORMULA: Record<string, string> = { 'linear/matvec-blocks': 'linear/matvec' };

const modules = import.meta.glob<Record<string, unknown>>(['./**/*.ts', '!./**/*.test.ts'], { eager: true });
const kernels = Object.entries(modules).flatMap(([path, module]) =>
  Object.values(module)
    .filter(isKernel)
    .map((kernel) => ({ file: path.replace('./', '').replace(/\.ts$/, ''), kernel })),
);

function isKernel(value: unknown): value is Kernel {
  return typeof value === 'object' && value !== null && 'id' in value && 'workgroups' in value && 'bindings' in value;
}

/** Default of a pipeline constant as written in the shader, undefined where it is computed from others. */
function overrideDefaults(source: string): Record<string, number> {
  const found = [...source.matchAll(/^override (\w+)(?:\s*:\s*\w+)?\s*=\s*(-?[\d.]+)[uif]?;/gm)];
  return Object.fromEntries(found.map(([, name, value]) => [name, Number(value)]));
}

describe.each(kernels)('$kernel.id', ({ file, kernel }) => {
  const source = () => shaderSource(kernel.id, { elem: 'f32', subgroups: false });
  const reflect = () => new WgslReflect(source());

  it('is described by the file of its name', () => {
    expect(file).toBe(kernel.id);
  });

  it('has the bindings of the shader, at most eight, in order and with their access', () => {
    expect(Object.keys(kernel.bindings).length).toBeLessThanOrEqual(8);
    const shader = [...reflect().storage]
      .sort((a, b) => a.binding - b.binding)
      .map(({ name, group, binding, access }) => [name, group, binding, access]);
    const host = Object.entries(kernel.bindings).map(([name, access], i) => {
      return [name, 0, i, access === 'read' ? 'read' : 'read_write'];
    });
    expect(shader).toEqual(host);
  });

  it('has the params of the shader, in order', () => {
    const reflected = reflect();
    expect(reflected.uniforms.map(({ group, binding }) => [group, binding])).toEqual([
      [0, Object.keys(kernel.bindings).length],
    ]);
    const params = reflected.structs.find(({ name }) => name === 'Params');
    expect(params?.members.map(({ name, type }) => [name, type.name])).toEqual(Object.entries(kernel.params));
  });

  it('has the overrides of the shader and their defaults', () => {
    expect(overrideDefaults(source())).toEqual(kernel.overrides);
  });

  it('has one entry point, main', () => {
    expect(reflect().entry.compute.map(({ name }) => name)).toEqual(['main']);
  });
});

describe.each(kernelIds())('shaders/%s.wgsl', (id) => {
  it('has a host, a reference and a GPU test', () => {
    const formula = SAME_FORMULA[id] ?? id;
    const paths = [`./${id}.ts`, `../reference/${formula}.ts`, `./${id}.gpu.test.ts`];
    const missing = paths.filter((path) => !existsSync(fileURLToPath(new URL(path, import.meta.url))));
    expect(missing).toEqual([]);
    expect(kernels.map(({ kernel }) => kernel.id)).toContain(id);
  });
});
