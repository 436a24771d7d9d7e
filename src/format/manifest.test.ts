import { describe, expect, it } from 'vitest';
import { chosen, MANIFEST_TEXT, makeManifest } from '../testing/small-package';
import type { Manifest } from './manifest';
import type { PackageFiles } from './package-files';
import { openPackage } from './package-reader';

describe('manifests that are refused', () => {
  const [first] = makeManifest().files;
  const file = (change: Partial<typeof first>) => JSON.stringify(makeManifest({ files: [{ ...first, ...change }] }));
  const image = (change: Partial<Manifest['image']>) =>
    JSON.stringify(makeManifest({ image: { ...makeManifest().image, ...change } }));
  const config = makeManifest().config;
  const cases: [string, string, RegExp][] = [
    [
      'another version',
      MANIFEST_TEXT.replace('flamingo-web/1', 'flamingo-web/2'),
      /format "flamingo-web\/2"; .* reads "flamingo-web\/1"/,
    ],
    ['no version', '{}', /format undefined/],
    ['null', 'null', /format undefined/],
    ['no JSON', '<!doctype html>', /not JSON/],
    ['a field of another type', MANIFEST_TEXT.replace('"dtype":"f32"', '"dtype":32'), /model\.json, dtype:/],
    ['a path out of the folder', file({ path: '../secret' }), /files\.0\.path/],
    ['the folder above', file({ path: '..' }), /files\.0\.path/],
    ['an address', file({ path: 'https://example.org/x' }), /files\.0\.path/],
    ['an absurd size', file({ size: 2 ** 52 }), /files\.0\.size/],
    ['a negative size', file({ size: -1 }), /files\.0\.size/],
    ['too few sums', file({ chunks: [] }), /16778216 bytes need 2 sums, there are 0/],
    ['a sum that is none', file({ chunks: ['x', 'y'] }), /files\.0\.chunks\.0/],
    ['a file twice', JSON.stringify(makeManifest({ files: [first, first] })), /listed twice/],
    ['a crop larger than the picture', image({ crop: 9 }), /resized to 8, which is less than the crop of 9/],
    ['pictures of a million pixels a side', image({ size: 1e6 }), /image\.size/],
    ['a division by zero', image({ std: [1, 0, 1] }), /image\.std\.1/],
    [
      'a billion layers',
      JSON.stringify(makeManifest({ config: { ...config, decoder: { ...config.decoder, layers: 1e9 } } })),
      /config\.decoder\.layers/,
    ],
    [
      'a latent that no feature becomes',
      JSON.stringify(makeManifest({ config: { ...config, resampler: { kind: 'none', latents: 8, maxFrames: null } } })),
      /there is one latent for every feature/,
    ],
    [
      'gated layers before no block',
      JSON.stringify(makeManifest({ config: { ...config, gated: { ...config.gated, before: [99] } } })),
      /blocks with gated layers/,
    ],
  ];
  it.each(cases)('%s', async (_, json, message) => {
    await expect(openPackage(chosen({ 'model.json': json }))).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(message),
    });
  });

  it('one without end', async () => {
    let sent = 0;
    const endless: PackageFiles = {
      ...chosen(),
      open: async () =>
        new ReadableStream({
          pull(to) {
            sent++;
            to.enqueue(new Uint8Array(1024 * 1024).fill(32));
          },
        }),
    };
    await expect(openPackage(endless)).rejects.toMatchObject({ code: 'bad-file' });
    expect(sent).toBeLessThan(20);
  });

  it('none at all', async () => {
    await expect(openPackage(chosen({ 'model.json': undefined }))).rejects.toMatchObject({ code: 'not-found' });
  });
});
