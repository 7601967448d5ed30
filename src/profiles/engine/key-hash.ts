/** Keys of identifiers taken apart, and hashed for what is asked of each of millions. */

import type { IdentifierKey } from '../profile.ts'

/** 32 bits: so many that of tens of millions of keys few share one. */
export function hashOf(key: IdentifierKey): number {
  let hash = key.length
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash, 31) + key.charCodeAt(i)
  return mixed(hash | 0)
}

/** Each bit of the answer follows from all bits: the mixing of MurmurHash 3. */
export function mixed(number: number): number {
  let hash = Math.imul(number ^ (number >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

export function splitKey(key: IdentifierKey): [field: string, value: string] {
  const at = key.indexOf('\0')
  return [key.slice(0, at), key.slice(at + 1)]
}
