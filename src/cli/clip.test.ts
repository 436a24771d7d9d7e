import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert } from '../convert/convert';
import { loadFolder } from '../session/load-node';
import { writeJson } from '../testing/checkpoints/files';
import { TEXT_TOWER, writeTwoTowers } from '../testing/checkpoints/two-towers';
import { cli, expectRefused, type WrongCall } from '../testing/command-line';
import { GOLDENS } from '../testing/parity';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import { readPicture } from './requests-file';

const IMAGES = [0, 1, 2].map((i) => `${GOLDENS}of-neox/images/0${i}.png`);
const folder = { root: '', at: (...names: string[]) => join(folder.root, ...names) };

beforeAll(async () => {
  folder.root = await mkTemporaryFolder();
  await writeTwoTowers(folder.at('source'), 'GPT-NeoX, partial rotary', TEXT_TOWER);
  const model = folder.at('source');
  await convert({ model, out: folder.at('package'), dtype: 'f32' });
  await convert({ model, out: folder.at('one tower'), dtype: 'f32', noTextTower: true });
}, 60_000);
afterAll(async () => {
  await rm(folder.root, { recursive: true, force: true });
});

const requestsOf = async (...requests: object[]) => {
  await writeJson(folder.at('requests.json'), { requests });
  return [folder.at('package'), folder.at('requests.json')];
};

/** Cosines of unit vectors, and their softmax by the package's scale. */
function expected(query: Float32Array, candidates: readonly Float32Array[], scale: number) {
  const cosines = candidates.map((each) => each.reduce((sum, value, i) => sum + value * query[i], 0));
  const powers = cosines.map((cosine) => Math.exp(scale * cosine));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const all = cosines.map((cosine, i) => ({ i, cosine, share: powers[i] / total }));
  return all.toSorted((a, b) => b.cosine - a.cosine);
}

const mean = (a: Float32Array, b: Float32Array) => {
  const sum = a.map((value, i) => value + b[i]);
  return sum.map((value) => value / Math.hypot(...sum));
};

test('classes by several prompts, and texts and pictures both ways, as the vectors of a whole model say', {
  timeout: 60_000,
}, async () => {
  const classes = ['cat', 'two red circles', 'a heart'];
  const templates = ['a photo of a {}.', '{}, large'];
  const texts = ['a photo of a cat', 'Two red circles!'];
  const args = await requestsOf(
    { id: 'which', images: IMAGES, classes, templates },
    { id: 'find', images: IMAGES, texts, top: 2 },
  );
  await rename(folder.at('package', 'decoder.onnx'), folder.at('decoder')); // CLIP needs nothing of the Flamingo
  const { code, stdout, stderr } = await cli('clip', ...args, '--json');
  await rename(folder.at('decoder'), folder.at('package', 'decoder.onnx'));
  expect(code, stderr).toBe(0);
  const { which, find } = JSON.parse(stdout);

  await using model = await loadFolder(folder.at('package'), { executor: 'wasm' });
  const { logitScale } = model.manifest.clip!;
  const embed = async (path: string) => model.embedImage(new Blob([await readPicture(path)]), { by: 'clip' });
  const images = [await embed(IMAGES[0]), await embed(IMAGES[1]), await embed(IMAGES[2])];
  const ofClass = async (name: string) =>
    mean(await model.embedText(`a photo of a ${name}.`), await model.embedText(`${name}, large`));
  const ofClasses = [await ofClass(classes[0]), await ofClass(classes[1]), await ofClass(classes[2])];
  const ofTexts = [await model.embedText(texts[0]), await model.embedText(texts[1])];
  const near = (value: number) => expect.closeTo(value, 5);
  for (const [i, image] of images.entries()) {
    const best = expected(image, ofClasses, logitScale);
    expect(which.images[i]).toEqual({
      image: IMAGES[i],
      label: classes[best[0].i],
      ranked: best.map(({ i, cosine, share }) => ({
        label: classes[i],
        similarity: near(cosine),
        probability: near(share),
      })),
    });
    expect(find.images[i].ranked.map(({ text }: { text: string }) => text)).toEqual(
      expected(image, ofTexts, logitScale).map(({ i }) => texts[i]),
    );
  }
  for (const [t, vector] of ofTexts.entries()) {
    const best = expected(vector, images, logitScale).slice(0, 2);
    expect(find.texts[t]).toEqual({
      text: texts[t],
      ranked: best.map(({ i, cosine, share }) => ({
        image: IMAGES[i],
        similarity: near(cosine),
        probability: near(share),
      })),
    });
  }
});

const wrong = (fields: object, ...stderr: (string | RegExp)[]): [() => Promise<string[]>, (string | RegExp)[]] => [
  async () => await requestsOf({ id: 'a', images: IMAGES, ...fields }),
  stderr,
];

test.each<[string, ...ReturnType<typeof wrong>]>([
  ['neither classes nor texts', ...wrong({}, 'a has 0 of "classes" and "texts"', '"classes" to find')],
  ['both', ...wrong({ classes: ['x'], texts: ['y'] }, 'a has 2 of "classes" and "texts"')],
  ['no classes', ...wrong({ classes: [] }, 'a: classes: there are 0 labels', 'once')],
  ['an empty class', ...wrong({ classes: ['x', ' '] }, 'label 2 of 2 is empty')],
  ['a text twice', ...wrong({ texts: ['x', 'x'] }, 'a: texts: the label "x" is there twice')],
  ['no pictures', ...wrong({ images: [], texts: ['x'] }, 'requests.0.images', 'A request is')],
  ['a picture twice', ...wrong({ images: [IMAGES[0], IMAGES[0]], texts: ['x'] }, 'a: images: the label', 'twice')],
  ['a template without a place', ...wrong({ classes: ['x'], templates: ['a photo'] }, 'templates.0', '{}')],
  ['a field that is misspelt', ...wrong({ classs: ['x'] }, 'requests.0.classs', '"classes"')],
  ['a top of none', ...wrong({ texts: ['x'], top: 0 }, 'requests.0.top')],
  ['a missing picture', ...wrong({ images: ['gone.png'], texts: ['x'] }, 'gone.png does not exist', 'relative')],
])('clip refuses %s', async (_, args, stderr) => {
  await expectRefused(folder, ['clip', ...(await args())], stderr);
});

const WRONG: WrongCall[] = [
  [
    'a package without the text tower',
    () => ['clip', folder.at('one tower'), folder.at('requests.json')],
    'no text tower',
    'Convert',
  ],
  [
    'a folder that is no package',
    () => ['clip', folder.at('source'), folder.at('requests.json')],
    'holds no model.json',
  ],
  [
    'no requests',
    () => ['clip', folder.at('package'), folder.at('nowhere.json')],
    'nowhere.json does not exist',
    '"classes"',
  ],
  ['no arguments', () => ['clip'], 'clip takes 2 arguments', 'Usage'],
  ['an option of another command', () => ['clip', '--executor', 'wasm'], 'There is no option --executor', 'Known'],
];
test.each(WRONG)('clip refuses %s', async (_, args, ...stderr) => {
  await requestsOf({ id: 'a', images: IMAGES, texts: ['x'] });
  await expectRefused(folder, args(), stderr);
});
