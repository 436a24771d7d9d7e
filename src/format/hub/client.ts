import { FlamingoError, throwIfAborted } from '../../core/errors';

export interface HubOptions {
  /** Where the hub is; default https://huggingface.co. */
  endpoint?: string;
  /** Sent to the endpoint alone, never to where it redirects. */
  token?: string;
  /** Tries without a byte of progress before a file is given up; default 5. */
  tries?: number;
  /** Milliseconds before the second try, doubled for each further one; default 500. */
  retryDelay?: number;
  /** Milliseconds without a byte before a connection counts as cut; default 60 s. */
  stall?: number;
  signal?: AbortSignal;
}

const ENDPOINT = 'https://huggingface.co';
const MAX_REDIRECTS = 5;
/** Longest pause that a busy hub may ask for. */
const MAX_PAUSE = 60_000;

/** A connection that broke off: worth another try. */
export class BrokenConnection extends Error {
  constructor(
    message: string,
    /** Milliseconds that the hub asks to wait. */
    readonly pause = 0,
  ) {
    super(message);
  }
}

/** Responses of a request, from the hub's own to the last one, which has the content. */
export interface HubResponse {
  hub: Response;
  content: Response;
  /** Called for every piece of the content, so that a connection that stalls is cut. */
  alive(): void;
  /** Ends the connection. */
  close(): void;
}

/** Requests to a hub's public HTTP API: redirects, token, retries, and what its refusals mean. */
export class HubClient {
  readonly endpoint: string;
  readonly signal: AbortSignal | undefined;
  private readonly origin: string;
  private readonly token: string | undefined;
  private readonly tries: number;
  private readonly retryDelay: number;
  private readonly stall: number;

  /** Throws `invalid-option` for an endpoint that is no address, and for a token that no header can hold. */
  constructor({ endpoint = ENDPOINT, token, tries = 5, retryDelay = 500, stall = 60_000, signal }: HubOptions = {}) {
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.origin = originOf(this.endpoint);
    this.token = token?.trim() || undefined;
    if (this.token && !/^[\x21-\x7e]+$/.test(this.token)) {
      throw new FlamingoError('invalid-option', 'The token has characters that no token has.', {
        hint: 'Copy HF_TOKEN (or --token) again; it begins with hf_.',
      });
    }
    this.tries = tries;
    this.retryDelay = retryDelay;
    this.stall = stall;
    this.signal = signal;
  }

  /** Runs `attempt` again while connections break, up to the limit of tries in a row that got nowhere. `progress` tells how far it is. */
  async persist<T>(what: string, attempt: () => Promise<T>, progress: () => number = () => 0): Promise<T> {
    let reached = progress();
    for (let failed = 0; ; ) {
      throwIfAborted(this.signal);
      try {
        return await attempt();
      } catch (error) {
        throwIfAborted(this.signal);
        if (!(error instanceof BrokenConnection)) throw error;
        failed = progress() > reached ? 1 : failed + 1;
        reached = Math.max(reached, progress());
        if (failed >= this.tries) throw this.unreachable(what, error, reached);
        await pause(Math.max(this.retryDelay * 2 ** (failed - 1), Math.min(error.pause, MAX_PAUSE)), this.signal);
      }
    }
  }

  /** A JSON document of the API, and the address of its next page. `what` is the address that the user gave. */
  async json(path: string, what: string): Promise<{ value: unknown; next: string | undefined }> {
    return await this.persist(what, async () => {
      const { content, close } = await this.get(path, what);
      try {
        const value: unknown = await content.json().catch((cause) => {
          throw new BrokenConnection(`the answer is not JSON (${(cause as Error).message})`);
        });
        return { value, next: /<([^>]+)>;\s*rel="next"/.exec(content.headers.get('link') ?? '')?.[1] };
      } finally {
        close();
      }
    });
  }

  /** Follows redirects by hand, because the token must not go with them. Throws BrokenConnection for what may pass, FlamingoErrors for the rest. */
  async get(path: string, what: string, headers: Record<string, string> = {}): Promise<HubResponse> {
    const abort = new AbortController();
    const signal = this.signal ? AbortSignal.any([abort.signal, this.signal]) : abort.signal;
    let timer = setTimeout(() => abort.abort(), this.stall);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), this.stall);
    };
    const close = () => {
      clearTimeout(timer);
      abort.abort();
    };
    try {
      let url = new URL(path, `${this.endpoint}/`);
      let hub: Response | undefined;
      for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
        const response = await this.request(url, headers, signal);
        hub ??= response;
        const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
        if (location === null) {
          await this.check(response, url, what);
          return { hub, content: response, alive, close };
        }
        await response.body?.cancel();
        url = redirected(url, location, what);
        if (url.origin === this.origin) hub = undefined; // a renamed repository: the next answer is the hub's
      }
      throw refused(what, `${this.endpoint} redirects more than ${MAX_REDIRECTS} times`, {});
    } catch (error) {
      close();
      throw error;
    }
  }

  private async request(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const own = this.token !== undefined && url.origin === this.origin;
    const all = { 'accept-encoding': 'identity', ...headers, ...(own && { authorization: `Bearer ${this.token}` }) };
    return await fetch(url, { headers: all, redirect: 'manual', signal }).catch((error: Error) => {
      const { code, message } = (error.cause ?? error) as { code?: string; message?: string };
      throw new BrokenConnection(`${shown(url)}: ${code ?? message}`);
    });
  }

  /** What a status means for the user. Sources: huggingface_hub/utils/_http.py (`X-Error-Code`), RFC 9110. */
  private async check(response: Response, url: URL, what: string): Promise<void> {
    const { status } = response;
    if (status === 200 || status === 206) return;
    await response.body?.cancel();
    if (status === 408 || status === 429 || status >= 500) {
      const seconds = Number(response.headers.get('retry-after'));
      throw new BrokenConnection(`${shown(url)}: status ${status}`, Number.isFinite(seconds) ? seconds * 1000 : 0);
    }
    const reason = response.headers.get('x-error-code') ?? '';
    const details = { status, reason, endpoint: this.endpoint };
    if (url.origin !== this.origin)
      throw refused(what, `${shown(url)}, where ${this.endpoint} sends us, answers with status ${status}`, details);
    if (reason === 'RevisionNotFound') throw refused(what, `this revision does not exist (status ${status})`, details);
    if (status === 401 || status === 403) throw this.locked(what, status, reason);
    throw refused(what, `${this.endpoint} answers with status ${status}${reason && ` (${reason})`}`, details);
  }

  private locked(what: string, status: number, reason: string): FlamingoError {
    const gated = reason === 'GatedRepo' ? 'is gated' : 'is gated, private, or does not exist';
    const withToken = this.token === undefined ? 'without a token' : 'with the token that was given';
    return new FlamingoError('not-found', `${what} ${gated}: the hub answers with status ${status} ${withToken}.`, {
      hint:
        this.token === undefined
          ? `Check the name. If it is gated, accept its licence at ${this.endpoint}, and set HF_TOKEN (or give --token).`
          : `Accept the licence of the repository at ${this.endpoint} with the account of this token.`,
      details: { status, reason, endpoint: this.endpoint, token: this.token !== undefined },
    });
  }

  private unreachable(what: string, { message }: BrokenConnection, reached: number): FlamingoError {
    const after = reached > 0 ? ` after ${reached} bytes` : '';
    return new FlamingoError('not-found', `${what} cannot be read${after}: ${message}; ${this.tries} tries failed.`, {
      hint: 'Check the connection and HF_ENDPOINT, then try again: what is here already is kept.',
      details: { endpoint: this.endpoint, tries: this.tries, bytes: reached },
    });
  }
}

function originOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username) return url.origin;
  throw new FlamingoError('invalid-option', 'HF_ENDPOINT is not an address that begins with https:// or http://.', {
    hint: `Leave it out for ${ENDPOINT}, or give the address of a mirror.`,
  });
}

function redirected(from: URL, location: string, what: string): URL {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const safe = to && (to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:'));
  if (safe) return to;
  throw refused(what, `${shown(from)} redirects to ${to ? `${to.protocol} instead of https:` : 'no address'}`, {});
}

/** Without the query: that of a content server holds a signature. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function refused(what: string, why: string, details: Record<string, unknown>): FlamingoError {
  return new FlamingoError('not-found', `${what} cannot be read: ${why}.`, {
    hint: 'Check the name, the revision and the path in the repository.',
    details: { address: what, ...details },
  });
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
