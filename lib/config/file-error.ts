/** Errors of the file system, said plainly. */
import { TdaError } from '../errors.js'

const PLAIN: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only'
}

/** FILE with `what` (for example `cannot read data.csv`), the reason in plain words, and the cause kept. */
export function fileError(what: string, cause: unknown): TdaError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new TdaError('FILE', `${what}: ${(code === undefined ? undefined : PLAIN[code]) ?? message}`, {
    cause
  })
}
