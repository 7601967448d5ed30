/** What both kinds of place say when something is wrong with a name. */

import { ThalwegError } from '../core/errors.ts'

export function refusal(name: string, why: string): ThalwegError {
  return new ThalwegError('FILES_NAME', `The name ${JSON.stringify(name.slice(0, 200))} is refused: ${why}`)
}

export function missing(address: string, name: string): ThalwegError {
  return new ThalwegError('FILES_MISSING', `There is no file ${JSON.stringify(name)} in ${address}`)
}

export function changed(address: string, name: string): ThalwegError {
  return new ThalwegError('FILES_CHANGED', `The file ${JSON.stringify(name)} in ${address} was changed`)
}
