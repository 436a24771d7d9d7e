import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Manifest } from '../format/manifest';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeJson, writeWeights } from '../testing/checkpoints/files';
import { type FlamingoCheckpoint, type FlamingoSpec, writeDelta, writeFlamingo } from '../testing/checkpoints/flamingo';
import { type CheckpointTensor, rounded, TensorMaker, type Tensors } from '../testing/checkpoints/tensors';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';
import { readJson } from './sources';

const OPT = CHECKPOINTS['OPT, f16 shards of torch'];
/** f32, so that other types are roundings of it. */
const LLAMA = CHECKPOINTS['LLaMA, one key head, untied head without rows for the added tokens'];

let root: string;
beforeAll(async () => {
  root = await mkTemporaryFolder();
});
afterAll(() => rm(root, { recursive: true, force: true }));

let count = 0;
const fresh = (spec: FlamingoSpec) => writeFlamingo(join(root, `source-${count++}`), spec);

/** Converts and gives the manifest, whose sums stand for all bytes of the package. */
async function converted({ folder }: FlamingoCheckpoint) {
  const out = join(root, `package-${count++}`);
  const report = await convert({ model: folder, out, dtype: 'f32', name: 'same' });
  const manifest = JSON.parse(await readFile(join(out, 'model.json'), 'utf8')) as Manifest;
  return { report, manifest };
}

async function refusal({ folder }: FlamingoCheckpoint) {
  return await convert({ model: folder, out: '', dtype: 'f32', dryRun: true }).then(
    () => undefined,
    (reason) => reason,
  );
}

/** Every tensor of the language model as a whole state_dict repeats it: behind `decoder_layer` where upstream wrapped the block. */
function repeated(
  { language: { tensors, blocksPath } }: FlamingoCheckpoint,
  change = (tensor: CheckpointTensor) => tensor,
): Tensors {
  const wrapped = (name: string) =>
    name.startsWith(blocksPath) ? name.replace(/\.(\d+)\./, '.$1.decoder_layer.') : name;
  return new Map(
    [...tensors]
      .filter(([name]) => !/embed_tokens|lm_head/.test(name))
      .map(([name, tensor]) => [`lang_encoder.${wrapped(name)}`, change(tensor)]),
  );
}

const asType = (type: CheckpointTensor['type']) => (tensor: CheckpointTensor) => ({
  ...tensor,
  type,
  values: tensor.values.map((value) => rounded(value, type)),
});

test('what upstream’s save_checkpoint writes beside its own tensors changes nothing, and is named', async () => {
  const source = await fresh(OPT);
  const plain = await converted(source);
  const make = new TensorMaker('bf16', 9);
  const positions = source.language.tensors.get('model.decoder.embed_positions.weight')!;
  const saved: Tensors = new Map([
    ...source.delta,
    ['lang_encoder.model.decoder.embed_positions.weight', asType('bf16')(positions)],
    ['lang_encoder.lm_head.weight', source.delta.get('lang_encoder.model.decoder.embed_tokens.weight')!],
    ['vision_encoder.visual.class_embedding', make.vector(20)],
    ['lang_encoder.old_decoder_blocks.0.fc1.weight', make.matrix(61, 44)],
  ]);
  await writeDelta(source.folder, { delta: { ...OPT.delta, prefix: 'module.', wrapper: 'model_state_dict' } }, saved);
  const { report, manifest } = await converted(source);
  expect(manifest).toEqual(plain.manifest);
  const reasons = Object.fromEntries(report.unused.map(({ name, reason }) => [name, reason]));
  expect(reasons['lang_encoder.model.decoder.embed_positions.weight']).toMatch(/frozen/);
  expect(reasons['lang_encoder.lm_head.weight']).toMatch(/head is the embedding table/);
  expect(reasons['vision_encoder.visual.class_embedding']).toMatch(/--vision/);
  expect(reasons['lang_encoder.old_decoder_blocks.0.fc1.weight']).toMatch(/same tensor again/);
});

test.each(['f32', 'f16', 'bf16'] as const)(
  'a whole state_dict in %s gives the same package: frozen tensors are the language model’s',
  async (type) => {
    const source = await fresh(LLAMA);
    const plain = await converted(source);
    await writeDelta(source.folder, LLAMA, new Map([...source.delta, ...repeated(source, asType(type))]));
    const { report, manifest } = await converted(source);
    expect(manifest).toEqual(plain.manifest);
    expect(report.notes).toEqual(plain.report.notes);
  },
);

test('tensors of the language model that were trained are taken from the checkpoint', async () => {
  const source = await fresh(LLAMA);
  const name = 'model.layers.2.mlp.down_proj.weight';
  const own = source.language.tensors.get(name)!;
  const trained = { ...own, values: own.values.map((value) => value * 1.01) };
  const all = repeated(source);
  all.set('lang_encoder.model.layers.2.decoder_layer.mlp.down_proj.weight', trained);
  await writeDelta(source.folder, LLAMA, new Map([...source.delta, ...all]));
  const { report, manifest } = await converted(source);
  expect(report.notes).toContainEqual(
    expect.stringMatching(
      /^1 tensors of the language model have other values.*layers\.2\.decoder_layer\.mlp\.down_proj/,
    ),
  );
  const other = await fresh(LLAMA);
  await writeWeights(
    join(other.folder, 'lm'),
    new Map([...other.language.tensors, [name, trained]]),
    LLAMA.languageKind,
  );
  expect((await converted(other)).manifest).toEqual(manifest);
});

test('a repeated tensor of another shape is an error with both shapes', async () => {
  const source = await fresh(LLAMA);
  const make = new TensorMaker('f32', 3);
  await writeDelta(
    source.folder,
    LLAMA,
    new Map([...source.delta, ['lang_encoder.model.norm.weight', make.vector(47)]]),
  );
  const error = await refusal(source);
  expect(error).toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/norm\.weight is \[47\].*\[48\]/),
  });
});

test('embeddings of places in the prompt are refused: pictures could not be reused', async () => {
  const source = await fresh(OPT);
  const places = new TensorMaker('bf16', 3).make([4, 1, 20], -1, 1);
  await writeDelta(source.folder, OPT, new Map([...source.delta, ['perceiver.media_time_embs', places]]));
  expect(await refusal(source)).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('perceiver.media_time_embs'),
  });
});

test('a gated layer that is missing whole is noticed without being told how many there are', async () => {
  const source = await fresh(LLAMA);
  const rest = [...source.delta].filter(([name]) => !name.includes('.layers.3.gated_cross_attn_layer.'));
  await writeDelta(source.folder, LLAMA, new Map(rest));
  expect(await refusal(source)).toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/before blocks 1; every 2 of 4 would be 1, 3/),
  });
});

test('the same tensor under two names that mean one is an error', async () => {
  const source = await fresh(LLAMA);
  const latents = source.delta.get('perceiver.latents')!;
  await writeDelta(source.folder, LLAMA, new Map([...source.delta, ['module.perceiver.latents', latents]]));
  expect(await refusal(source)).toMatchObject({
    code: 'bad-file',
    message: expect.stringContaining('module.perceiver.latents'),
  });
});

test('rows of added tokens that exist nowhere are an error, naming the table', async () => {
  const source = await fresh({ ...LLAMA, delta: { ...LLAMA.delta, embedding: false } });
  const error = await refusal(source);
  expect(error).toMatchObject({
    code: 'shape-mismatch',
    message: expect.stringMatching(/embed_tokens\.weight.*95 rows.*97 tokens/),
  });
});

test('a tokenizer without OpenFlamingo’s tokens gets them where upstream puts them; another tokenizer does not', async () => {
  const source = await fresh(LLAMA);
  const plain = await converted(source);
  const path = join(source.folder, 'tokenizer.json');
  const tokenizer = await readJson(path);
  await writeJson(path, { ...tokenizer, added_tokens: [] });
  const { report, manifest } = await converted(source);
  expect(manifest.prompt).toEqual(plain.manifest.prompt);
  expect(report.notes.at(-1)).toMatch(/<\|endofchunk\|> as 95 and <image> as 96/);
  await writeJson(path, { ...tokenizer, added_tokens: [], model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] } });
  expect(await refusal(source)).toMatchObject({
    code: 'bad-file',
    message: expect.stringMatching(/no added token <image>; it has 2 tokens, the model 97 rows/),
  });
});
