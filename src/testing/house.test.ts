import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// The rules of ARCHITECTURE.md that no linter knows. Ranks and owners are in .dependency-cruiser.cjs, kernels in kernels/contract.test.ts.

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));
const text = (path: string) => readFileSync(path, 'utf8');
const matching = (pattern: RegExp, except = /^$/) => files.filter((path) => pattern.test(path) && !except.test(path));
const offenders = (paths: readonly string[], wrong: (source: string) => boolean) =>
  paths.filter((path) => wrong(text(path)));

const CODE = /^(src|e2e|scripts|shaders|training)\/.*\.(ts|mjs|wgsl|py|sh)$/;
const GENERATED = /^e2e\/goldens\//;
const code = matching(CODE, GENERATED);

test('the rules are tried on real files', () => {
  expect(code.length).toBeGreaterThan(200);
});

test('no file of code has more than 400 lines, no kernel more than 200', () => {
  expect(offenders(code, (source) => source.split('\n').length > 401)).toEqual([]);
  expect(offenders(matching(/^shaders\/.*\.wgsl$/), (source) => source.split('\n').length > 201)).toEqual([]);
});

test('no default exports, and no file that only passes on the exports of others but src/index.ts', () => {
  const own = matching(/^(src|e2e)\/.*\.ts$/);
  expect(offenders(own, (source) => /^export default/m.test(source))).toEqual([]);
  const barrels = offenders(own, (source) => /^export (\*|\{[^}]*\}) from/m.test(source));
  expect(barrels).toEqual(['src/index.ts']);
});

test('families of models are named in convert/ alone', () => {
  const elsewhere = matching(/^(src|shaders)\//, /^src\/(convert|testing)\/|\.test\.ts$|parity/);
  const branch = /['"`](gpt_?neox|mosaic_gpt|mpt|opt|llama|mllama|idefics|otter)['"`]/i;
  expect(offenders(elsewhere, (source) => branch.test(source))).toEqual([]);
});

test('every kernel has one name in four places', () => {
  const ids = matching(/^shaders\/(?!lib\/).*\.wgsl$/).map((path) => path.slice('shaders/'.length, -'.wgsl'.length));
  expect(ids.length).toBeGreaterThan(15);
  const lacking = ids.flatMap((id) =>
    [`src/kernels/${id}.ts`, `src/kernels/${id}.gpu.test.ts`, `src/reference/${id}.ts`].filter(
      (path) => !existsSync(path),
    ),
  );
  // Another algorithm for the same formula has the formula's reference.
  expect(lacking).toEqual(['src/reference/linear/matvec-blocks.ts']);
});

test('nothing points to a package registry or to a path of somebody’s machine', () => {
  const written = matching(/\.(ts|mjs|cjs|wgsl|py|sh|md|json|toml|html|css)$|^\.ci\//, GENERATED);
  const foreign = /registry\.npmjs|npmmirror|pypi\.org|files\.pythonhosted|\/(home|root|Users|work)\/[a-z]/;
  const own = /^src\/testing\/house\.test\.ts$/;
  expect(offenders(written, (source) => foreign.test(source)).filter((path) => !own.test(path))).toEqual([]);
});

test('links and file names in the documents lead somewhere', () => {
  const missing = matching(/^[^/]+\.md$|^(training|public)\/.*README\.md$/).flatMap((path) => {
    const folder = path.replace(/[^/]*$/, '');
    const links = [...text(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target);
    return links
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(folder + target))
      .map((target) => `${path}: ${target}`);
  });
  expect(missing).toEqual([]);
});

test('errors of ranks 1 to 5 have a code', () => {
  const ranks = matching(
    /^src\/(format|gpu|kernels|ort|media|vision|text|model|sampling|session|worker)\/.*\.ts$/,
    /\.test\.ts$|\/testing\//,
  );
  expect(offenders(ranks, (source) => /throw new (Type|Range)?Error\(/.test(source))).toEqual([]);
});

test('no file keeps state between its users', () => {
  const product = matching(/^src\/.*\.ts$/, /\.(test|bench)\.ts$|^src\/testing\/|\/testing\//);
  expect(offenders(product, (source) => /^(export )?(let|var) /m.test(source))).toEqual([]);
});
