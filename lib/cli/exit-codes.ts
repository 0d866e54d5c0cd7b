/** What the process answers: 0 done, 1 found something wrong, 2 bad usage or configuration, 3 could not be done. */
import { TdaError } from '../errors.js'

export const EXIT = { done: 0, wrong: 1, usage: 2, impossible: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof TdaError)) return EXIT.impossible
  return error.code === 'USAGE' || error.code === 'CONFIG_INVALID' ? EXIT.usage : EXIT.impossible
}
