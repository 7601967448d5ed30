/** Content that is not what it says it is. Caught by the readers of files, which quarantine it by position. */

import { ThalwegError } from '../../core/errors.ts'

export function damaged(what: string, cause?: unknown): ThalwegError {
  return new ThalwegError('FILES_DAMAGED', what, cause === undefined ? undefined : { cause })
}

/** The words of FILES_DAMAGED; rethrows everything else. */
export function damageOf(error: unknown): string {
  if (error instanceof ThalwegError && error.code === 'FILES_DAMAGED') return error.message
  throw error
}
