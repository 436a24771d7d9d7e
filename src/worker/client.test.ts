import { afterEach, describe, expect, it } from 'vitest';
import { FlamingoError } from '../core/errors';
import type { LoadOptions, LoadProgress } from '../session/load-types';
import { loadInWorker, type WorkerModel } from './client';
import { MemoryModel, moment } from './testing/memory-model';
import { portWorker } from './testing/port-worker';

const source = { url: 'https://example.test/model/' };
const open: WorkerModel[] = [];

/** The client, what is behind it, and the worker between them. */
async function start(inner = new MemoryModel()) {
  const worker = portWorker(async () => inner);
  const model = await loadInWorker(source, {}, () => worker);
  open.push(model);
  return { model, inner, worker, session: await model.createSession(), served: () => inner.sessions[0] };
}

afterEach(async () => {
  for (const model of open.splice(0)) await model[Symbol.asyncDispose]();
});

it('brings a picture’s vector across', async () => {
  const { model } = await start();
  expect(await model.embedImage(new Blob(['x']))).toEqual(Float32Array.of(1, 0));
  expect(await model.embedText('four')).toEqual(Float32Array.of(4));
  expect(await model.visualPrefix(new Blob(['x']))).toEqual(Float32Array.of(0, 1));
  const stopped = model.embedImage(new Blob(['x']), { signal: AbortSignal.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
});

describe('load', () => {
  it('brings the facts of the model and its progress across', async () => {
    const seen: LoadProgress[] = [];
    const worker = portWorker(async (from, { executor, onProgress }: LoadOptions) => {
      expect(from).toEqual(source);
      expect(executor).toBe('wasm');
      onProgress?.({ phase: 'weights', loadedBytes: 3, totalBytes: 7 });
      return new MemoryModel();
    });
    const model = await loadInWorker(source, { executor: 'wasm', onProgress: (p) => seen.push(p) }, () => worker);
    open.push(model);
    expect(seen).toEqual([{ phase: 'weights', loadedBytes: 3, totalBytes: 7 }]);
    expect(model).toMatchObject({ executor: 'wasm', executorReason: 'This is a test.', contextLength: 8 });
    expect(model.gates).toEqual([{ block: 0, attention: [0.5], feedForward: [0.25] }]);
  });

  it('keeps code, hint and details of an error, and ends the worker', async () => {
    const worker = portWorker(async () => {
      throw new FlamingoError('bad-file', 'model.json has 3 bytes.', { hint: 'Get it again.', details: { bytes: 3 } });
    });
    const loading = loadInWorker(source, {}, () => worker);
    await expect(loading).rejects.toMatchObject({ code: 'bad-file', hint: 'Get it again.', details: { bytes: 3 } });
    expect(worker.terminated).toBe(true);
  });

  it('rejects at once when aborted, though the engine does not listen', async () => {
    const worker = portWorker(() => new Promise(() => undefined));
    const stop = new AbortController();
    const loading = loadInWorker(source, { signal: stop.signal }, () => worker);
    setTimeout(() => stop.abort(), 1);
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
    expect(worker.terminated).toBe(true);
  });

  it('rejects before anything is sent when the signal has already fired', async () => {
    const worker = portWorker(async () => new MemoryModel());
    await expect(loadInWorker(source, { signal: AbortSignal.abort() }, () => worker)).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('session', () => {
  it('appends, answers, scores, rewinds and forks', async () => {
    const { session, served } = await start();
    const media = await session.addMedia(new Blob(['x']), { rollout: true });
    expect(served().wantsRollout).toBe(true);
    await session.append([{ type: 'media', value: media }, { type: 'text', value: 'What?' }, { type: 'end-of-chunk' }]);
    const texts = [];
    for await (const { text } of session.generate({ maxNewTokens: 2 })) texts.push(text);
    expect(texts).toEqual(['t0 ', 't1 ', 'rest']);
    expect(served().context).toEqual(['media', 'What?', 'end-of-chunk', 't0', 't1']);
    expect(await session.score(['cat'])).toEqual([{ text: 'cat', ids: [1], sum: -3, mean: -3 }]);
    const fork = await session.fork();
    await session.rewind(2);
    expect([await session.position(), await fork.position()]).toEqual([2, 5]);
  });

  it('hands a foreign error over as internal', async () => {
    const { session } = await start();
    await expect(session.stats()).rejects.toMatchObject({ code: 'internal', message: 'a foreign error' });
  });

  it('answers calls to a disposed session with disposed', async () => {
    const { session, served } = await start();
    await session[Symbol.asyncDispose]();
    expect(served().disposed).toBe(true);
    await expect(session.position()).rejects.toMatchObject({ code: 'disposed' });
  });

  it('goes on after an error', async () => {
    const { session } = await start();
    const tooMany = Array.from({ length: 9 }, () => ({ type: 'end-of-chunk' }) as const);
    await expect(session.append(tooMany)).rejects.toMatchObject({ code: 'context-overflow', details: { room: 8 } });
    await session.append([{ type: 'end-of-chunk' }]);
    expect(await session.position()).toBe(1);
  });
});

describe('abort', () => {
  it('undoes an append that the worker finished after the caller gave up', async () => {
    const { session, served } = await start();
    const stop = new AbortController();
    const appending = session.append([{ type: 'text', value: 'a' }], { signal: stop.signal });
    stop.abort();
    await expect(appending).rejects.toMatchObject({ code: 'aborted' });
    await session.append([{ type: 'text', value: 'b' }]);
    expect(served().context).toEqual(['b']);
  });

  it('frees a picture that was encoded after the caller gave up', async () => {
    const { session, served } = await start();
    const stop = new AbortController();
    const adding = session.addMedia(new Blob(), { signal: stop.signal });
    stop.abort();
    await expect(adding).rejects.toMatchObject({ code: 'aborted' });
    await session.position(); // the queue is through
    expect(served().media.size).toBe(0);
  });

  it('stops an endless answer; the context keeps the tokens that were seen', async () => {
    const { session, served } = await start(new MemoryModel(true));
    const stop = new AbortController();
    const seen: number[] = [];
    const answering = (async () => {
      for await (const { id } of session.generate({ signal: stop.signal })) {
        seen.push(id);
        if (id === 4) stop.abort();
      }
    })();
    await expect(answering).rejects.toMatchObject({ code: 'aborted' });
    expect(await session.position()).toBe(seen.length);
    expect(served().context).toEqual(seen.map((id) => `t${id}`));
  });

  it('leaving the loop stops the worker too', async () => {
    const { session } = await start(new MemoryModel(true));
    for await (const { id } of session.generate()) if (id === 2) break;
    expect(await session.position()).toBe(3);
  });
});

describe('leaving late', () => {
  it('forgets tokens that came before the caller left', async () => {
    const { session, served } = await start();
    for await (const { id } of session.generate({ maxNewTokens: 5 })) {
      await moment(60); // the whole answer is here before the first token has been dealt with
      if (id === 1) break;
    }
    expect(served().context).toEqual(['t0', 't1']);
  });
});

describe('death', () => {
  it('device loss rejects what is pending and all that follows, and resolves lost', async () => {
    const { model, inner, session } = await start(new MemoryModel(true));
    const answering = (async () => {
      for await (const { id } of session.generate()) if (id === 3) inner.lose(new FlamingoError('device', 'Gone.'));
    })();
    await expect(answering).rejects.toMatchObject({ code: 'device', message: 'Gone.' });
    await expect(session.position()).rejects.toMatchObject({ code: 'device' });
    expect((await model.lost).code).toBe('device');
  });

  it('an uncaught error in the worker rejects what is pending with internal', async () => {
    const { session, worker } = await start(new MemoryModel(true));
    const pending = session.addMedia(new Blob());
    worker.fail(Object.assign(new Event('error'), { message: 'out of memory' }));
    await expect(pending).rejects.toMatchObject({ code: 'internal', message: 'The worker failed: out of memory' });
    expect(worker.terminated).toBe(true);
  });

  it('disposing rejects what is pending with disposed', async () => {
    const { model, session } = await start();
    const pending = session.addMedia(new Blob());
    await model[Symbol.asyncDispose]();
    await expect(pending).rejects.toMatchObject({ code: 'disposed' });
    await moment();
  });
});
