// The ranks of ARCHITECTURE.md, one rule per line of its table. Lower ranks never import higher ones; folders of one rank do not import each other.
const RANKS = [
  ['core'],
  ['format', 'gpu', 'reference', 'tasks', 'metrics', 'retrieval'],
  ['kernels', 'ort'],
  ['media', 'vision', 'text', 'model', 'sampling'],
  ['session'],
  ['worker', 'eval'],
  ['api', 'ui', 'bench', 'convert', 'cli'],
];

/** cli drives convert; the element stands on the public API; references are written for configs. */
const ALLOWED = { cli: ['convert'], ui: ['api'], bench: ['convert'], reference: ['format'] };
const TESTS = '(\\.(test|bench)\\.ts$|^src/testing/)';

const ranks = RANKS.flatMap((folders, rank) =>
  folders.map((folder) => {
    const higher = RANKS.slice(rank + 1).flat();
    const beside = folders.filter((other) => other !== folder && !(ALLOWED[folder] ?? []).includes(other));
    return {
      name: `rank-${rank}-${folder}`,
      comment: `${folder} (rank ${rank}) imports only what lies below it`,
      severity: 'error',
      from: { path: `^src/${folder}/`, pathNot: TESTS },
      to: { path: `^src/(${[...higher, ...beside].join('|') || '-'})/` },
    };
  }),
);

const owner = (name, packages, path) => ({
  name: `owner-of-${name}`,
  comment: `${packages} is imported in one place`,
  severity: 'error',
  from: { path: '^src/', pathNot: `${TESTS}|${path}` },
  to: { path: packages, dependencyTypesNot: ['type-only'] },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'two files may know each other’s types, but not need each other to run',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...ranks,
    {
      name: 'reference-is-for-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: `${TESTS}|^src/(reference|bench|convert)/` },
      to: { path: '^src/reference/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: '^src/testing/' },
    },
    {
      name: 'ui-and-api-talk-to-the-worker',
      severity: 'error',
      from: { path: '^src/(ui|api)/', pathNot: TESTS },
      // Looking at a file's header needs no decoder: the composer tells what is wrong with a picture before it is sent. Videos, cameras and documents are read
      // in the page, because <video>, streams and DOMParser exist only there.
      to: {
        path: '^src/(gpu|kernels|ort|media|vision|text|model|sampling)/',
        pathNot: '^src/media/(check-image|image-header|animation|clip/.*|document/.*)\\.ts$',
      },
    },
    owner('onnxruntime', 'node_modules/onnxruntime-web', '^src/ort/'),
    owner('lit', 'node_modules/(lit|lit-element|lit-html)/', '^src/ui/'),
    owner('sharp', 'node_modules/sharp/', '-node\\.ts$'),
    owner('mediabunny', 'node_modules/mediabunny/', '^src/media/clip/demuxed\\.ts$'),
    owner('dawn', 'node_modules/webgpu/', '^src/gpu/dawn-node\\.ts$'),
    {
      name: 'owner-of-node',
      comment: 'node: belongs to the command line, the converter and files named -node',
      severity: 'error',
      from: { path: '^src/', pathNot: `${TESTS}|^src/(cli|convert)/|-node\\.ts$` },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
