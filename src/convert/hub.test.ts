import { appendFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { HubCache } from '../format/hub/cache-node';
import { writeJson } from '../testing/checkpoints/files';
import { CliFolder, cli } from '../testing/command-line';
import { type Mischief, TestHub } from '../testing/hub';
import { offerWeights } from '../testing/hub-weights';
import { convert } from './convert';
import { fetchParts, type HubSettings } from './hub';

let hub: TestHub;
let folder: CliFolder;
let settings: HubSettings;
const at = (...names: string[]) => folder.at(...names);
const cache = () => at('cache');
const CHECKPOINT = 'hf:some/flamingo/checkpoint.pt';
const BIG = 'hf:some/weights/model.safetensors';

beforeAll(async () => {
  folder = await CliFolder.create();
  hub = await TestHub.start();
  hub.offer('some/flamingo', at('source'));
  await offerWeights(hub, at('weights'));
}, 60_000);
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

beforeEach(async () => {
  hub.mischief = {};
  hub.requests.length = 0;
  settings = { endpoint: hub.endpoint, cache: cache(), retryDelay: 1 };
  await new HubCache(cache()).clear();
});

const fetched = async (flamingo: string) => (await fetchParts({ flamingo }, settings)).paths.flamingo!;
const contentRequests = () => hub.requests.filter(({ url }) => url.includes('model.safetensors'));
/** vitest compares buffers element by element, which takes seconds. */
const isSame = async (a: string, b: string) => (await readFile(a)).equals(await readFile(b));
const expectWeights = async (path: string) => expect(await isSame(path, at('weights/model.safetensors'))).toBe(true);

describe('a conversion', () => {
  test('from a hub writes the same files as from the folder, and says where it is from', async () => {
    const out = at('from hub');
    await convert({ model: 'hf:some/flamingo@v1', out, dtype: 'f32', hub: settings });
    for (const name of await readdir(at('package'))) {
      if (name !== 'model.json') expect(await isSame(join(out, name), at('package', name)), name).toBe(true);
    }
    const manifest = JSON.parse(await readFile(join(out, 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: 'flamingo', base_models: ['some/flamingo'] });
    hub.requests.length = 0;
    await convert({ model: 'hf:some/flamingo@v1', out, dtype: 'f32', hub: settings, force: true });
    expect(hub.requests.filter(({ url }) => url.includes('/resolve/'))).toEqual([]); // all of it was kept
  });

  test('a flamingo.json on this disk may name parts on a hub', async () => {
    const parts = { vision: 'hf:some/flamingo/clip', language: 'hf:some/flamingo/lm@v1', flamingo: CHECKPOINT };
    await cp(at('source/tokenizer.json'), at('named/tokenizer.json'));
    await writeJson(at('named/flamingo.json'), {
      ...JSON.parse(await readFile(at('source/flamingo.json'), 'utf8')),
      ...parts,
    });
    const report = await convert({ model: at('named'), out: at('by name'), dtype: 'f32', hub: settings });
    expect(report.files.length).toBeGreaterThan(5);
  });
});

test('of a folder come the preferred weights, all their shards, and the small files beside them', async () => {
  const { paths, name } = await fetchParts({ model: 'hf:some/weights/whole' }, settings);
  const files = ['config.json', 'model-1.safetensors', 'model-2.safetensors', 'model.safetensors.index.json'];
  expect((await readdir(paths.model!)).sort()).toEqual([...files, 'tokenizer.json']);
  expect(name).toBe('weights');
});

describe('a file', () => {
  test('is asked for at its commit, goes on after cuts, and is checked', async () => {
    hub.mischief = { cutAfter: 150_000 };
    await expectWeights(await fetched(BIG));
    const content = contentRequests().filter(({ host }) => host === 'content');
    expect(content.map(({ range }) => range)).toEqual([undefined, 'bytes=150000-', 'bytes=300000-']);
    for (const { url } of contentRequests()) expect(url).toContain(`/resolve/${hub.commitOf('some/weights')}/`);
  });

  test('goes on in another run where the last one ended', async () => {
    const controller = new AbortController();
    const content = (_: string, bytes: Buffer) => {
      if (contentRequests().length > 3) controller.abort();
      return bytes;
    };
    hub.mischief = { cutAfter: 100_000, content };
    await expect(fetchParts({ flamingo: BIG }, { ...settings, signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    hub.requests.length = 0;
    hub.mischief = {};
    await expectWeights(await fetched(BIG));
    expect(contentRequests().at(-1)?.range).toMatch(/^bytes=[1-9]\d+-$/);
  });

  test('comes whole from a hub that ignores ranges and cuts further on each time', async () => {
    let cut = 150_000;
    hub.mischief = { ignoreRanges: true };
    Object.defineProperty(hub.mischief, 'cutAfter', { get: () => (cut += 100_000) });
    await expectWeights(await fetched(BIG));
  });

  test('a busy hub is asked again', async () => {
    hub.mischief = { fail: { status: 503, times: 2 } };
    await expectWeights(await fetched(BIG));
    hub.mischief = { fail: { status: 429, times: 2 } };
    await new HubCache(cache()).clear();
    await expectWeights(await fetched(BIG));
  });

  test('that changed on this disk is fetched again; what an earlier transfer damaged, too', async () => {
    const path = await fetched(BIG);
    await appendFile(path, 'x');
    await expectWeights(await fetched(BIG));
    const [blob] = (await readdir(join(cache(), 'blobs'))).filter((name) => name.length === 64);
    await rm(join(cache(), 'blobs', blob));
    await writeFile(join(cache(), 'blobs', `${blob}.partial`), Buffer.alloc(1000, 'damaged'));
    await expectWeights(await fetched(BIG));
  });
});

describe('a hub that lies is refused, and nothing of it stays', () => {
  const cases: [string, Mischief, ...(string | RegExp)[]][] = [
    ['other content', { content: (_, bytes) => Buffer.from(bytes.map((byte) => byte ^ 1)) }, 'sha256 is', 'lists'],
    [
      'content that changes between two requests',
      { cutAfter: 150_000, content: (_, bytes, n) => Buffer.from(bytes.map((byte) => byte ^ (n & 3))) },
      'sha256 is',
    ],
    ['less than it lists', { size: (_, size) => size + 1 }, '400001 bytes', '400000'],
    ['more than it lists', { size: (_, size) => size - 1 }, '399999 bytes', '400000'],
    ['another commit', { commit: 'f'.repeat(40) }, 'changed while it was read', 'f'.repeat(40)],
    ['a path out of the folder', { listed: ['a/../../b.json'] }, 'no path within'],
    ['a size that is no number', { size: () => Number.NaN }, 'is not understood'],
  ];
  test.each(cases)('%s', async (_, mischief, ...expected) => {
    hub.mischief = mischief;
    const error = await fetched(BIG).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'bad-file', hint: expect.stringMatching(/./) });
    for (const part of expected) expect(error.message).toMatch(part);
    const kept = await readdir(join(cache(), 'blobs')).catch(() => []);
    for (const name of kept) expect((await readFile(join(cache(), 'blobs', name))).length).toBeLessThan(1000);
  });
});

describe('what cannot be read is named with the reason', () => {
  const cases: [string, string, Mischief, ...(string | RegExp)[]][] = [
    ['a gated repository', BIG, { token: 'hf_right' }, 'hf:some/weights is gated', '401 without a token', 'HF_TOKEN'],
    ['no such repository', 'hf:some/nothing', {}, 'hf:some/nothing is gated, private, or does not exist', '401'],
    ['no such revision', 'hf:some/weights@v9', {}, 'hf:some/weights@v9', 'revision does not exist', '404'],
    ['no such path', 'hf:some/weights/nowhere', {}, '--flamingo: hf:some/weights/nowhere', 'no such path'],
    ['a missing shard', 'hf:some/weights/sharded', {}, 'model-2.safetensors', 'does not hold'],
    ['a hub that is down', BIG, { fail: { status: 500, times: 99 } }, 'status 500; 5 tries failed', 'is kept'],
    ['a hub that always cuts at once', BIG, { cutAfter: 0 }, '5 tries failed'],
    [
      'a hub that ignores ranges and cuts at one place',
      BIG,
      { cutAfter: 1000, ignoreRanges: true },
      'after 1000 bytes',
      '5 tries failed',
    ],
    ['a redirect without end', BIG, { redirect: '' }, 'redirects more than 5 times'],
    ['a redirect to a file', BIG, { redirect: 'file:///etc/passwd?' }, 'redirects to file:'],
    ['half an address', 'hf:weights', {}, '--flamingo: hf:weights', 'hf:owner/name@revision'],
    ['an address that leads out', 'hf:some/../weights', {}, 'is not an address'],
  ];
  test.each(cases)('%s', async (_, flamingo, mischief, ...expected) => {
    hub.mischief = mischief;
    const error = await fetched(flamingo).catch((caught) => caught);
    expect(['not-found', 'invalid-option']).toContain(error.code);
    for (const part of expected) expect(`${error.message} ${error.hint}`).toMatch(part);
  });
});

test.each([
  ['hf:some/flamingo/lm/pytorch_model.bin', 'is a file', 'invalid-option'],
  ['hf:some/weights/sharded', 'holds neither', 'not-found'],
])('--model %s %s: nothing is fetched', async (model, what, code) => {
  const error = await fetchParts({ model }, settings).catch((caught) => caught);
  expect(error).toMatchObject({ code, hint: expect.stringContaining('is a delta') });
  expect(error.message).toContain(`--model: ${model} ${what}`);
  expect(hub.requests.filter(({ url }) => url.includes('/resolve/'))).toEqual([]);
});

describe('a token', () => {
  test('goes to the hub and nowhere else', async () => {
    hub.mischief = { token: 'hf_right' };
    settings.token = 'hf_right';
    await fetched(BIG);
    expect(hub.requests.some(({ host }) => host === 'content')).toBe(true);
    for (const { host, authorization } of hub.requests)
      expect(authorization).toBe(host === 'hub' ? 'Bearer hf_right' : undefined);
  });

  test('is never printed, nor is the signature of an address', async () => {
    for (const [token, mischief] of [
      ['hf_wrong', { token: 'hf_right' }],
      ['hf_with space', {}],
      ['hf_right', { token: 'hf_right', fail: { status: 403, times: 99 } }],
      ['hf_right', { fail: { status: 500, times: 99 } }],
    ] as const) {
      hub.mischief = structuredClone(mischief);
      const error = await fetchParts({ flamingo: BIG }, { ...settings, token }).catch((caught) => caught);
      const text = `${error.message} ${error.hint} ${JSON.stringify(error.details)} ${error.stack} ${error.cause ?? ''}`;
      expect(text).not.toContain(token);
      expect(text).not.toContain('secret');
      expect(error.code).toMatch(/^(not-found|invalid-option)$/);
    }
  });
});

describe('the command line', () => {
  test('takes endpoint, token and cache from the environment; cache --clear empties it and nothing else', async () => {
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('FLAMINGO_CACHE', cache());
    vi.stubEnv('HF_TOKEN', 'hf_right');
    try {
      hub.mischief = { token: 'hf_right' };
      const out = ['--out', at('by command'), '--dtype', 'f32'];
      expect(await cli('convert', '--model', 'hf:some/flamingo', ...out)).toMatchObject({ code: 0 });
      const listed = await cli('inspect', 'hf:some/flamingo/lm');
      expect(listed.stdout).toMatch(/lm\/pytorch_model\.bin +\d/);
      await writeFile(join(cache(), 'mine.txt'), 'mine');
      expect((await cli('cache')).stdout).toMatch(/\d files, .*kB/);
      expect((await cli('cache', '--clear')).stdout).toContain('emptied');
      expect(await readdir(cache())).toEqual(['mine.txt']);
      vi.stubEnv('HF_TOKEN', '');
      const refused = await cli('convert', '--model', 'hf:some/flamingo', '--out', at('refused'));
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('is gated') });
      const wrong = await cli('convert', '--model', 'hf:some/flamingo', '--out', at('refused'), '--token', 'hf_wrong');
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('with the token that was given') });
      expect(wrong.stderr).not.toContain('hf_wrong');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
