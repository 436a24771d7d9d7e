import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyConfig } from '../testing/tiny-model';
import { CHUNK_BYTES, type Manifest } from './manifest';
import { blobFiles, type PackageFiles, urlFiles } from './package-files';
import { folderFiles } from './package-files-node';
import { openPackage } from './package-reader';
import type { ChunkCache } from './verified-read';

/** One file of two pieces, one small, one empty. */
const CONTENT = new Map<string, Uint8Array<ArrayBuffer>>([
  ['decoder.onnx', Uint8Array.from({ length: CHUNK_BYTES + 1000 }, (_, i) => (i * 31 + (i >> 8)) & 255)],
  ['tokenizer.json', new TextEncoder().encode('{"a": 1}') as Uint8Array<ArrayBuffer>],
  ['empty.bin', new Uint8Array(0)],
]);

const sums = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, k) =>
    createHash('sha256')
      .update(bytes.subarray(k * CHUNK_BYTES, (k + 1) * CHUNK_BYTES))
      .digest('hex'),
  );

function makeManifest(change: Partial<Manifest> = {}): Manifest {
  return {
    format: 'flamingo-web/1',
    name: 'tiny',
    config: tinyConfig(),
    image: {
      mode: 'square',
      size: 8,
      crop: 8,
      cropRounding: 'floor',
      resample: 'bicubic',
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    prompt: {
      imageToken: '<image>',
      imageTokenId: 1,
      endOfChunkToken: '<|endofchunk|>',
      endOfChunkId: 2,
      stopIds: [],
      suppressIds: [1],
      question: '{text}',
      caption: '{text}',
      example: '{text}',
    },
    dtype: 'f32',
    onnx: { opset: 18, contrib: [] },
    license: 'MIT',
    base_models: [],
    files: [...CONTENT].map(([path, bytes]) => ({ path, size: bytes.length, chunks: sums(bytes) })),
    ...change,
  };
}
const text = JSON.stringify(makeManifest());

/** The package as chosen files, some of them replaced (or, with undefined, left out). */
function chosen(change: Record<string, Uint8Array<ArrayBuffer> | string | undefined> = {}): PackageFiles {
  const all = { ...Object.fromEntries(CONTENT), 'model.json': text, ...change };
  const present = Object.entries(all).flatMap(([name, part]) => (part === undefined ? [] : [[name, part] as const]));
  return blobFiles(new Map(present.map(([name, part]) => [name, new Blob([part])])));
}
const flipped = (path: string, at: number) => {
  const copy = CONTENT.get(path)!.slice();
  copy[at] ^= 1;
  return copy;
};
const memoryCache = () => {
  const pieces = new Map<string, Uint8Array<ArrayBuffer>>();
  const cache: ChunkCache = {
    get: async (sum) => pieces.get(sum),
    put: async (sum, bytes) => void pieces.set(sum, bytes.slice()),
  };
  return { pieces, cache };
};

describe('a package', () => {
  it('hands on its files, and says how much has arrived', async () => {
    const source = await openPackage(chosen());
    const progress: [number, number][] = [];
    for (const [path, bytes] of CONTENT) {
      const got = await source.read(path, { onBytes: (...now) => progress.push(now) });
      expect(Buffer.compare(got, bytes), path).toBe(0);
    }
    const decoder = progress.filter(([, total]) => total === CHUNK_BYTES + 1000).map(([loaded]) => loaded);
    expect(decoder).toEqual([...decoder].sort((a, b) => a - b));
    expect(decoder.at(-1)).toBe(CHUNK_BYTES + 1000);
  });

  it('is the same from a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'package-'));
    try {
      await writeFile(join(folder, 'model.json'), text);
      for (const [path, bytes] of CONTENT) await writeFile(join(folder, path), bytes);
      const source = await openPackage(folderFiles(folder));
      for (const [path, bytes] of CONTENT) expect(Buffer.compare(await source.read(path), bytes), path).toBe(0);
      await rm(join(folder, 'tokenizer.json'));
      await expect(source.read('tokenizer.json')).rejects.toMatchObject({ code: 'bad-file' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('damage is named', () => {
  const second = CHUNK_BYTES + 3;
  const cases: [string, Parameters<typeof chosen>[0], string, RegExp][] = [
    [
      'a flipped byte',
      { 'decoder.onnx': flipped('decoder.onnx', 5) },
      'decoder.onnx',
      /decoder\.onnx, piece 1 of 2: sha256 is/,
    ],
    ['one in the second piece', { 'decoder.onnx': flipped('decoder.onnx', second) }, 'decoder.onnx', /piece 2 of 2/],
    ['a missing shard', { 'decoder.onnx': undefined }, 'decoder.onnx', /decoder\.onnx is missing/],
    [
      'a file cut short',
      { 'decoder.onnx': CONTENT.get('decoder.onnx')!.slice(0, -1) },
      'decoder.onnx',
      /has 16778215 bytes, 16778216 are/,
    ],
    ['a file cut to nothing', { 'tokenizer.json': '' }, 'tokenizer.json', /has 0 bytes, 8 are expected/],
    ['a longer file', { 'tokenizer.json': '{"a": 1}\n' }, 'tokenizer.json', /has more than 8 bytes, 8 are expected/],
    ['something in the empty file', { 'empty.bin': '?' }, 'empty.bin', /has 1 or more bytes, 0 are expected/],
    ['a file that is not listed', { 'other.bin': '?' }, 'other.bin', /does not list other\.bin/],
  ];
  it.each(cases)('%s', async (_, change, path, message) => {
    const source = await openPackage(chosen(change));
    await expect(source.read(path)).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(message),
    });
  });

  it('a wrong sha256 in the manifest: both sums', async () => {
    const files = makeManifest().files.map((file) => ({ ...file, chunks: file.chunks.map(() => 'ab'.repeat(32)) }));
    const source = await openPackage(chosen({ 'model.json': JSON.stringify(makeManifest({ files })) }));
    await expect(source.read('tokenizer.json')).rejects.toMatchObject({
      code: 'bad-file',
      details: {
        file: 'tokenizer.json',
        chunk: 0,
        expected: 'ab'.repeat(32),
        got: sums(CONTENT.get('tokenizer.json')!)[0],
      },
    });
  });
});

describe('manifests that are refused', () => {
  const [first] = makeManifest().files;
  const file = (change: Partial<typeof first>) => JSON.stringify(makeManifest({ files: [{ ...first, ...change }] }));
  const image = (change: Partial<Manifest['image']>) =>
    JSON.stringify(makeManifest({ image: { ...makeManifest().image, ...change } }));
  const config = makeManifest().config;
  const cases: [string, string, RegExp][] = [
    [
      'another version',
      text.replace('flamingo-web/1', 'flamingo-web/2'),
      /format "flamingo-web\/2"; .* reads "flamingo-web\/1"/,
    ],
    ['no version', '{}', /format undefined/],
    ['null', 'null', /format undefined/],
    ['no JSON', '<!doctype html>', /not JSON/],
    ['a field of another type', text.replace('"dtype":"f32"', '"dtype":32'), /model\.json, dtype:/],
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

describe('a cache', () => {
  it('spares the source what it knows', async () => {
    const { cache, pieces } = memoryCache();
    await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    expect([...pieces.keys()]).toEqual(makeManifest().files[0].chunks);
    const source = await openPackage(chosen({ 'decoder.onnx': undefined }), { cache });
    expect(Buffer.compare(await source.read('decoder.onnx'), CONTENT.get('decoder.onnx')!)).toBe(0);
  });

  it('is not trusted', async () => {
    const { cache, pieces } = memoryCache();
    const [one, two] = makeManifest().files[0].chunks;
    await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    pieces.get(two)![0] ^= 1;
    pieces.set(one, pieces.get(one)!.slice(1));
    const got = await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    expect(Buffer.compare(got, CONTENT.get('decoder.onnx')!)).toBe(0);
  });

  it('keeps nothing that is damaged', async () => {
    const { cache, pieces } = memoryCache();
    const source = await openPackage(chosen({ 'decoder.onnx': flipped('decoder.onnx', CHUNK_BYTES) }), { cache });
    await expect(source.read('decoder.onnx')).rejects.toMatchObject({ code: 'bad-file' });
    expect([...pieces.keys()]).toEqual([makeManifest().files[0].chunks[0]]);
  });
});

describe('over HTTP', () => {
  const log: string[] = [];
  let answer: (path: string, request: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((request, response) => {
    const path = request.url!.slice('/models/tiny/'.length);
    log.push(`${path} ${request.headers.range ?? ''}`.trim());
    answer(path, request, response);
  });
  let base: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/tiny`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const bytesOf = (path: string) => (path === 'model.json' ? Buffer.from(text) : CONTENT.get(path));
  /** As a static server with ranges. */
  const serve: typeof answer = (path, { headers }, response) => {
    const bytes = bytesOf(path);
    const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    response.writeHead(bytes ? (start > 0 ? 206 : 200) : 404);
    response.end(bytes?.subarray(start));
  };
  const breakAfter =
    (count: number): typeof answer =>
    (path, request, response) => {
      if (path !== 'decoder.onnx') return serve(path, request, response);
      response.writeHead(200, { 'content-length': CHUNK_BYTES + 1000 });
      response.write(CONTENT.get(path)!.subarray(0, count), () => response.destroy());
    };

  it('reads files and counts requests', async () => {
    answer = serve;
    const source = await openPackage(urlFiles(base));
    expect(Buffer.compare(await source.read('decoder.onnx'), CONTENT.get('decoder.onnx')!)).toBe(0);
    expect(source.requests()).toBe(2);
  });

  it('a missing file and a failing server are told apart', async () => {
    answer = (path, request, response) =>
      path === 'model.json'
        ? serve(path, request, response)
        : void response.writeHead(path === 'empty.bin' ? 500 : 404).end();
    const source = await openPackage(urlFiles(base));
    await expect(source.read('tokenizer.json')).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(/status 404/),
    });
    await expect(source.read('empty.bin')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/status 500/),
    });
    await expect(openPackage(urlFiles('http://127.0.0.1:1/'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('a body that ends early without Content-Length', async () => {
    answer = (path, request, response) =>
      path === 'decoder.onnx'
        ? void response.end(CONTENT.get(path)!.subarray(0, 5000))
        : serve(path, request, response);
    const source = await openPackage(urlFiles(base));
    await expect(source.read('decoder.onnx')).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(/has 5000 bytes/),
    });
  });

  it('a connection that breaks, and goes on where it broke', async () => {
    const { cache } = memoryCache();
    answer = breakAfter(CHUNK_BYTES + 10);
    await expect((await openPackage(urlFiles(base), { cache })).read('decoder.onnx')).rejects.toMatchObject({
      code: 'not-found',
    });
    answer = serve;
    log.length = 0;
    const got = await (await openPackage(urlFiles(base), { cache })).read('decoder.onnx');
    expect(Buffer.compare(got, CONTENT.get('decoder.onnx')!)).toBe(0);
    expect(log).toEqual(['model.json', `decoder.onnx bytes=${CHUNK_BYTES}-`]);
  });

  it('a server that ignores ranges', async () => {
    const { cache } = memoryCache();
    answer = breakAfter(CHUNK_BYTES + 10);
    await expect((await openPackage(urlFiles(base), { cache })).read('decoder.onnx')).rejects.toThrow();
    answer = (path, _, response) => void response.writeHead(200).end(bytesOf(path));
    const got = await (await openPackage(urlFiles(base), { cache })).read('decoder.onnx');
    expect(Buffer.compare(got, CONTENT.get('decoder.onnx')!)).toBe(0);
  });

  it('old bytes on the way are asked for once more', async () => {
    let old = true;
    answer = (path, request, response) => {
      if (path === 'tokenizer.json' && old) response.end('{"a": 2}');
      else serve(path, request, response);
      if (path === 'tokenizer.json') old = false;
    };
    const source = await openPackage(urlFiles(base));
    expect(new TextDecoder().decode(await source.read('tokenizer.json'))).toBe('{"a": 1}');
  });

  it('stops when told to', async () => {
    answer = (path, request, response) => {
      if (path === 'decoder.onnx')
        response.write(CONTENT.get(path)!.subarray(0, 5000)); // and nothing more
      else serve(path, request, response);
    };
    const source = await openPackage(urlFiles(base));
    const stop = new AbortController();
    const reading = source.read('decoder.onnx', { signal: stop.signal, onBytes: () => stop.abort() });
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    await expect(source.read('tokenizer.json', { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
  });
});
