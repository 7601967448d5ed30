/** What every log says alike. */

import { ThalwegError } from '../core/errors.ts'

export function closed(): ThalwegError {
  return new ThalwegError('LOG_STOPPED', 'the log is closed')
}

export function trimmed(offset: number, tail: number): ThalwegError {
  return new ThalwegError('LOG_TRIMMED', `offset ${offset} is no longer kept; the oldest kept is ${tail}`)
}
