/** Names from outside as the tables keep them. */

import { INDEXED_CHARS_MAX } from './schema.ts'

/** A name as it stands in a key or an index: short enough for every store, and text that every store keeps as it is. */
export function labelOf(name: string): string {
  if (name.length <= INDEXED_CHARS_MAX && !name.includes('\0') && name.isWellFormed()) return name
  return name.slice(0, INDEXED_CHARS_MAX).replaceAll('\0', '\uFFFD').toWellFormed()
}

/** What counts are under whose event type came after as many others as are kept apart. */
export const OTHER_TYPES = '(other types)'
