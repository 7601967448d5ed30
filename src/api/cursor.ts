/** Where a page of a list ended, as a word that the caller only hands back. */

import { ThalwegError } from '../core/errors.ts'

export interface Place {
  readonly createdAt: number
  readonly id: string
}

export function cursorAfter(place: Place): string {
  return Buffer.from(`${place.createdAt} ${place.id}`).toString('base64url')
}

/** Throws INPUT_INVALID unless `cursorAfter` made it. */
export function placeOf(cursor: string): Place {
  const [, createdAt = '', id = ''] =
    /^(\d{1,15}) (\S{1,100})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (id === '') throw new ThalwegError('INPUT_INVALID', 'The cursor is not one that this list has given out')
  return { createdAt: Number(createdAt), id }
}
