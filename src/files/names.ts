/** Which names may be used in a place. */

import { refusal } from './errors.ts'

/** What S3 allows for a whole key; a folder's parts are bounded by its file system. */
export const NAME_BYTES_MAX = 1024

/**
 * Throws FILES_NAME unless `name` stays in the place: relative, no part `.` or `..` (a compatible store may keep
 * its files in a folder), nothing that ends a C string.
 */
export function checkName(name: string): void {
  if (name === '' || name.endsWith('/')) throw refusal(name, 'it names no file')
  checkPrefix(name)
}

/** As checkName for the beginning of a name, which may be empty or end within a part. */
export function checkPrefix(prefix: string): void {
  if (prefix.startsWith('/')) throw refusal(prefix, 'it is absolute')
  if (prefix.includes('\0')) throw refusal(prefix, 'it holds a NUL')
  if (Buffer.byteLength(prefix) > NAME_BYTES_MAX)
    throw refusal(prefix, `it is longer than ${NAME_BYTES_MAX} bytes`)
  if (prefix.split('/').some((part) => part === '.' || part === '..'))
    throw refusal(prefix, 'it may not go through . or ..')
}

/** The order of S3: by the bytes of UTF-8, which JavaScript's own order of UTF-16 is not. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
