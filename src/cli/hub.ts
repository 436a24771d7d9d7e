import { parseHubAddress, showHubAddress } from '../format/hub/address';
import { defaultCacheFolder, HubCache } from '../format/hub/cache-node';
import { HubClient, type HubOptions } from '../format/hub/client';
import { openRepository } from '../format/hub/repository';
import type { Command, Outcome } from './command';
import { bytes, table } from './text';

/** Where the hub is and who asks, from the environment; a token that was typed wins. */
export function hubOptions(token: string | undefined): HubOptions {
  const { HF_ENDPOINT, HF_TOKEN } = process.env;
  return { endpoint: HF_ENDPOINT || undefined, token: token ?? HF_TOKEN };
}

/** Files of a repository, or of a folder in it, with sizes and sums; nothing is fetched. */
export async function inspectHub(text: string): Promise<Outcome> {
  const address = parseHubAddress('PATH', text);
  const { commit, files } = await openRepository(new HubClient(hubOptions(undefined)), address);
  const { path } = address;
  const inside = [...files.values()].filter((file) => !path || file.path === path || file.path.startsWith(`${path}/`));
  const rows = inside.map(({ path: name, size, sum }) => [name, bytes(size), `${sum.kind} ${sum.hex}`]);
  return {
    json: { repository: address.repository, commit, files: inside },
    lines: [`${showHubAddress(address)} at commit ${commit}`, ...table(['file', 'size', 'sum'], rows)],
  };
}

export const cacheCommand: Command = {
  name: 'cache',
  usage: 'cache [--clear]',
  summary: 'Show or empty the folder of files from model hubs.',
  options: { clear: { type: 'boolean', help: 'remove everything that was fetched' } },
  positionals: [],
  async run({ flag }) {
    const cache = new HubCache(defaultCacheFolder());
    const usage = await cache.usage();
    if (flag('clear')) await cache.clear();
    const held = `${usage.files} files, ${bytes(usage.bytes)}`;
    return {
      json: { folder: cache.folder, ...usage, cleared: flag('clear') },
      lines: [`${cache.folder}: ${held}${flag('clear') ? '; emptied.' : '.'}`],
    };
  },
};
