import { FlamingoError, serializeError, throwIfAborted } from '../core/errors';
import type { LoadedModel, LoadOptions, ModelSource } from '../session/load-types';
import type { FlamingoSession } from '../session/types';
import { HostSession, type Running } from './host-session';
import { holdLock } from './liveness';
import type { Call, FromWorker, Methods, ModelInfo, ToWorker } from './protocol';

/** The worker's own end of the wire. */
export interface HostPort {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

export type LoadModel = (source: ModelSource, options: LoadOptions) => Promise<LoadedModel>;

/** Serves one model and its sessions to the other end of the port. */
export function serve(port: HostPort, loadModel: LoadModel): void {
  const host = new Host(port, loadModel);
  port.addEventListener('message', (event) => host.receive(event.data));
}

class Host {
  private model: LoadedModel | undefined;
  private readonly sessions = new Map<number, HostSession>();
  private readonly running = new Map<number, Running & { stop: AbortController }>();
  private nextSession = 1;

  constructor(
    private readonly port: HostPort,
    private readonly loadModel: LoadModel,
  ) {}

  receive(message: ToWorker): void {
    if (message.kind === 'call') void this.answer(message);
    else if (message.kind === 'cancel') this.cancel(message.id, message.consumed);
    else void holdLock(message.lock).then((locked) => this.port.postMessage({ kind: 'hello', locked }));
  }

  private cancel(id: number, consumed: number): void {
    const call = this.running.get(id);
    if (!call) return;
    call.consumed = consumed;
    call.stop.abort();
  }

  private async answer(call: Call): Promise<void> {
    const { id } = call;
    const stop = new AbortController();
    const running = { stop, signal: stop.signal, consumed: 0 };
    this.running.set(id, running);
    try {
      const value = await this.run(call, running);
      this.port.postMessage({ kind: 'result', id, value });
    } catch (error) {
      this.port.postMessage({ kind: 'error', id, error: serializeError(error) });
    } finally {
      this.running.delete(id);
    }
  }

  private async run(call: Call, running: Running): Promise<unknown> {
    if (call.method === 'load') return await this.load(call.id, call.args, running.signal);
    if (call.method === 'create-session') return this.adopt(await this.ready().createSession(call.args));
    if (call.method === 'embed-image') {
      const { source, options } = call.args;
      return await this.ready().embedImage(source, { ...options, signal: running.signal });
    }
    if (call.method === 'visual-prefix') return await this.ready().visualPrefix(call.args.source, running);
    if (call.method === 'embed-text') return await this.ready().embedText(call.args.text, running);
    const session = this.session(call.args.session);
    switch (call.method) {
      case 'add-media':
        return await session.addMedia(call.args.source, call.args.options, running);
      case 'remove-media':
        return await session.queued((inner) => inner.removeMedia(call.args.media));
      case 'append':
        return await session.append(call.args.parts, running);
      case 'generate':
        return await session.generate(call.args.options, running, (token) =>
          this.port.postMessage({ kind: 'token', id: call.id, token }),
        );
      case 'set-context':
        return await session.setContext(call.args.parts, running);
      case 'score':
      case 'classify': {
        const { method, args } = call;
        const options = { ...args.options, signal: running.signal };
        return await session.queued((inner) => inner[method](args.candidates, options));
      }
      case 'tokens':
        return await session.queued((inner) => inner.tokens());
      case 'measure':
        return await session.queued((inner) => inner.measure(call.args.parts));
      case 'position':
        return await session.queued((inner) => inner.position());
      case 'rewind':
        return await session.queued((inner) => inner.rewind(call.args.position));
      case 'fork':
        return this.adopt(await session.queued((inner) => inner.fork()));
      case 'stats':
        return await session.queued((inner) => inner.stats());
      case 'dispose-session':
        this.sessions.delete(call.args.session);
        return await session.queued(async (inner) => await inner[Symbol.asyncDispose]());
    }
  }

  private async load(
    id: number,
    { source, options }: Methods['load']['args'],
    signal: AbortSignal,
  ): Promise<ModelInfo> {
    if (this.model) throw new FlamingoError('internal', 'This worker already holds 1 model; it can hold 1.');
    const model = await this.loadModel(source, {
      ...options,
      signal,
      onProgress: (progress) => this.port.postMessage({ kind: 'progress', id, progress }),
    });
    throwIfAborted(signal);
    this.model = model;
    void model.lost.then((error) => this.port.postMessage({ kind: 'lost', error: serializeError(error) }));
    const { manifest, executor, executorReason, adapter, contextLength, gates } = model;
    return { manifest, executor, executorReason, adapter, contextLength, gates };
  }

  private ready(): LoadedModel {
    if (this.model) return this.model;
    throw new FlamingoError('internal', 'A session was asked for before the model was loaded.');
  }

  private adopt(session: FlamingoSession): number {
    const id = this.nextSession++;
    this.sessions.set(id, new HostSession(session));
    return id;
  }

  private session(id: number): HostSession {
    const session = this.sessions.get(id);
    if (session) return session;
    throw new FlamingoError('disposed', 'This session was disposed of.', { hint: 'Make a new session.' });
  }
}
