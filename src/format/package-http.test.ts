import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTENT, MANIFEST_TEXT, memoryCache } from '../testing/small-package';
import { CHUNK_BYTES } from './manifest';
import { urlFiles } from './package-files';
import { openPackage } from './package-reader';

describe('a package over HTTP', () => {
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

  const bytesOf = (path: string) => (path === 'model.json' ? Buffer.from(MANIFEST_TEXT) : CONTENT.get(path));
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
