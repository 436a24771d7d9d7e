import { FlamingoError } from '../../core/errors';

/** A repository on a model hub, or a file or folder in it. */
export interface HubAddress {
  /** `owner/name` */
  repository: string;
  /** Within the repository, without slashes at its ends; empty for all of it. */
  path: string;
  /** A branch, tag or commit. */
  revision: string;
}

const SEGMENT = /^(?!\.{1,2}$)[\w.\- +=]+$/;
const REVISION = /^(?!.*\.\.)\w[\w./-]*$/;

export function isHubAddress(text: string): boolean {
  return text.startsWith('hf:');
}

/** `hf:owner/name[/path][@revision]`; the revision is `main` by default. Throws `invalid-option` naming `flag`. */
export function parseHubAddress(flag: string, text: string): HubAddress {
  const [place, revision = 'main', ...more] = text.slice('hf:'.length).split('@');
  const segments = place.replace(/\/$/, '').split('/');
  if (segments.length >= 2 && segments.every((part) => SEGMENT.test(part)) && REVISION.test(revision) && !more.length) {
    return { repository: segments.slice(0, 2).join('/'), path: segments.slice(2).join('/'), revision };
  }
  throw new FlamingoError('invalid-option', `${flag}: ${text} is not an address on a model hub.`, {
    hint: 'It is written hf:owner/name, hf:owner/name@revision or hf:owner/name/path/in/repository@revision.',
    details: { flag, text },
  });
}

/** The address as a person writes it. */
export function showHubAddress({ repository, path, revision }: HubAddress): string {
  return `hf:${repository}${path ? `/${path}` : ''}${revision === 'main' ? '' : `@${revision}`}`;
}
