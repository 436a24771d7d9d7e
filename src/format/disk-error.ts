import { FlamingoError } from '../core/errors';

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than this system allows',
  EROFS: 'the disk is read-only',
  EACCES: 'there is no permission',
  EPERM: 'there is no permission',
};

/** A file that cannot be written. */
export function diskError(path: string, cause: unknown): FlamingoError {
  const code = (cause as { code?: string }).code ?? '';
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new FlamingoError('storage', `${path} cannot be written: ${reason}.`, {
    hint: 'Make room, or choose a folder on another disk.',
    details: { path, code },
    cause,
  });
}
