import { basename, dirname, join, posix } from 'node:path';
import { FlamingoError, isFlamingoError } from '../core/errors';
import { type HubAddress, isHubAddress, parseHubAddress, showHubAddress } from '../format/hub/address';
import { defaultCacheFolder, HubCache } from '../format/hub/cache-node';
import { HubClient, type HubOptions } from '../format/hub/client';
import { type HubFile, type HubRepository, openRepository } from '../format/hub/repository';
import { type ConvertPaths, noModel } from './settings';
import { chooseWeights, readJson } from './sources';
import { VOCAB } from './vocab-and-merges';

export interface HubSettings extends HubOptions {
  /** Folder of the files that were fetched; default `defaultCacheFolder()`. */
  cache?: string;
  /** Told about files that take a while, a line each. */
  onProgress?: (line: string) => void;
}

export interface LocalParts {
  /** As given, but every address on a hub is a path on this disk. */
  paths: ConvertPaths;
  /** Repositories that parts came from; empty without any. */
  repositories: string[];
  /** What to call the model, where a repository says it. */
  name: string | undefined;
}

const PARTS = ['vision', 'language', 'flamingo', 'tokenizer'] as const;
type Part = (typeof PARTS)[number];

/** What stands beside weights and is small: configurations, tokenizers, indices of shards. */
const SMALL = /\.(json|txt|model|tiktoken)$/;
const SMALL_BYTES = 64 * 2 ** 20;
/** Files from this size on are told about. */
const TOLD_BYTES = 16 * 2 ** 20;

/**
 * Fetches the parts that are addresses on a hub (`hf:owner/name[/path][@revision]`) into the cache, checked; a flamingo.json may name its parts so too. Of a
 * folder come the weights that the converter would choose and the small files beside them. Throws `not-found`, `bad-file`, `storage`, `aborted`.
 */
export async function fetchParts(given: ConvertPaths, settings: HubSettings = {}): Promise<LocalParts> {
  const hub = new Hub(settings);
  const paths: ConvertPaths = { ...given };
  if (given.model !== undefined && isHubAddress(given.model)) paths.model = await hub.model(given.model, given);
  if (paths.model !== undefined) Object.assign(paths, await remoteParts(paths.model, given));
  for (const part of PARTS) {
    const path = paths[part];
    if (path !== undefined && isHubAddress(path)) paths[part] = await hub.part(part, path);
  }
  const main = [given.model, given.flamingo].find((path) => path !== undefined && isHubAddress(path));
  const name = main && parseHubAddress('--model', main).repository.split('/')[1];
  return { paths, repositories: hub.repositories(), name };
}

/** Parts of a flamingo.json on this disk that are addresses on a hub and that no flag replaces. */
async function remoteParts(folder: string, given: ConvertPaths): Promise<ConvertPaths> {
  const json = await readJson(join(folder, 'flamingo.json')).catch((error): Record<string, unknown> => {
    if (isFlamingoError(error)) return {}; // whoever reads it for its own sake says what is wrong with it
    throw error;
  });
  const named = PARTS.map((part) => [part, json[part]] as const);
  const remote = named.filter(
    ([part, path]) => given[part] === undefined && typeof path === 'string' && isHubAddress(path),
  );
  return Object.fromEntries(remote);
}

/** The repositories of one conversion, each opened once. */
class Hub {
  private readonly cache: HubCache;
  private readonly onProgress: (line: string) => void;
  private readonly opened = new Map<string, Promise<HubRepository>>();

  constructor(private readonly settings: HubSettings) {
    this.cache = new HubCache(settings.cache ?? defaultCacheFolder());
    this.onProgress = settings.onProgress ?? (() => undefined);
  }

  repositories(): string[] {
    return [...new Set([...this.opened.keys()].map((key) => key.split('@')[0]))];
  }

  /** A folder that holds all of a model, or a flamingo.json that names its parts. */
  async model(text: string, given: ConvertPaths): Promise<string> {
    const address = parseHubAddress('--model', text);
    const repository = await this.open(address);
    const path = posix.join(address.path, 'flamingo.json');
    if (!repository.files.has(path)) {
      refuseParts(repository, address); // before gigabytes of a part come
      return await this.folder('--model', address);
    }
    await this.fetch(address, [path]);
    const folder = dirname(join(this.cache.place(repository), path));
    const json = await readJson(join(folder, 'flamingo.json'));
    if (json.vision === undefined) return await this.folder('--model', address);
    for (const part of PARTS) {
      const named = json[part] ?? (part === 'tokenizer' ? 'tokenizer.json' : undefined);
      if (typeof named !== 'string' || isHubAddress(named) || given[part] !== undefined) continue;
      const inside = posix.join(address.path, named);
      await this.part(part, `hf:${address.repository}/${inside}@${address.revision}`);
    }
    return folder;
  }

  /** One part of a model: a folder, or a file with the small ones beside it. */
  async part(part: Part, text: string): Promise<string> {
    const flag = `--${part}`;
    const address = parseHubAddress(flag, text);
    const { files } = await this.open(address);
    if (files.has(address.path)) {
      const wanted = [address.path, ...beside(files, posix.dirname(address.path))];
      return await this.fetch(address, wanted);
    }
    if (part !== 'tokenizer') return await this.folder(flag, address);
    for (const name of ['tokenizer.json', VOCAB]) {
      const path = posix.join(address.path, name);
      if (files.has(path)) return await this.fetch(address, [path, ...beside(files, address.path)]);
    }
    throw absent(flag, address, `it holds no tokenizer.json and no ${VOCAB}`);
  }

  /** Weights of a folder and the small files beside them. */
  private async folder(flag: string, address: HubAddress): Promise<string> {
    const repository = await this.open(address);
    const { files } = repository;
    const inside = within(files, address.path).map(({ path }) => path);
    if (inside.length === 0) throw absent(flag, address, 'there is no such path in the repository');
    const small = beside(files, address.path);
    const weights = chooseWeights(
      flag,
      showHubAddress(address),
      inside.map((path) => posix.basename(path)),
    );
    const path = posix.join(address.path, weights);
    await this.fetch(address, [...new Set([...small, path])]);
    const folder = join(this.cache.place(repository), address.path);
    if (weights.endsWith('.index.json')) await this.fetch(address, await this.shards(flag, address, folder, weights));
    return folder;
  }

  /** Paths of the shards that an index names. */
  private async shards(flag: string, address: HubAddress, folder: string, index: string): Promise<string[]> {
    const { weight_map: map } = await readJson(join(folder, index));
    const names = [...new Set(Object.values((map ?? {}) as Record<string, unknown>))].map(String).sort();
    const { files } = await this.open(address);
    const missing = names.find((name) => !files.has(posix.join(address.path, name)));
    if (missing === undefined) return names.map((name) => posix.join(address.path, name));
    throw absent(flag, address, `${index} names the shard ${missing}, which the repository does not hold`);
  }

  /** Fetches files one after the other; gives the path of the first. */
  private async fetch(address: HubAddress, paths: string[]): Promise<string> {
    const repository = await this.open(address);
    const local: string[] = [];
    for (const path of new Set(paths)) {
      const file = repository.files.get(path)!;
      const report = this.reporter(showHubAddress({ ...address, path }), file);
      local.push(await this.cache.file(repository, file, report).catch((error) => this.resumable(error)));
    }
    return local[0];
  }

  private open(address: HubAddress): Promise<HubRepository> {
    const key = `${address.repository}@${address.revision}`;
    const opened = this.opened.get(key) ?? openRepository(new HubClient(this.settings), address);
    this.opened.set(key, opened);
    return opened;
  }

  /** Says of a transfer that ended half-way what stays of it. */
  private resumable(error: unknown): never {
    if (!isFlamingoError(error) || !['storage', 'aborted'].includes(error.code)) throw error;
    const { code, message, details, cause } = error;
    const hint = `What came from the hub is kept in ${this.cache.folder} and the next run goes on there; FLAMINGO_CACHE names another folder, flamingo-web cache --clear empties it.`;
    throw new FlamingoError(code, message, { hint, details, cause });
  }

  /** A line at the start of a large file and at every tenth of it. */
  private reporter(what: string, { size }: HubFile): (bytes: number) => void {
    let told = -1;
    return (bytes) => {
      const tenth = Math.floor((10 * bytes) / size);
      if (size < TOLD_BYTES || tenth === told) return;
      told = tenth;
      this.onProgress(`${what}: ${tenth * 10} % of ${(size / 1e6).toFixed(0)} MB`);
    };
  }
}

/** Files directly in a folder of a repository. */
function within(files: ReadonlyMap<string, HubFile>, folder: string): HubFile[] {
  return [...files.values()].filter(({ path }) => posix.dirname(path) === (folder || '.'));
}

/** Throws as a folder on this disk does for a --model that is one file, or whose files are no whole model. */
function refuseParts({ files }: HubRepository, address: HubAddress): void {
  const [isFile, inside] = [files.has(address.path), within(files, address.path)];
  const isPart = inside.length > 0 && !files.has(posix.join(address.path, 'config.json'));
  if (isFile || isPart) throw noModel(showHubAddress(address), isFile);
}

/** Small files directly in a folder of a repository. */
function beside(files: ReadonlyMap<string, HubFile>, folder: string): string[] {
  const inside = within(files, folder);
  return inside.filter(({ path, size }) => SMALL.test(basename(path)) && size <= SMALL_BYTES).map(({ path }) => path);
}

function absent(flag: string, address: HubAddress, why: string): FlamingoError {
  return new FlamingoError('not-found', `${flag}: ${showHubAddress(address)}: ${why}.`, {
    hint: 'Look at the list of its files: flamingo-web inspect hf:owner/name.',
    details: { flag, address: showHubAddress(address) },
  });
}
