/**
 * Identities of ids and hashes of persons. Both are on disk: what these functions give may never change. The WASM kernel holds
 * the same functions (assembly/text.ts); tests hold the two against each other and against published vectors.
 */

export type Identity = [number, number, number, number]

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MASK = (1n << 64n) - 1n
const PERSON_SEED = 0x7468616c
const encoder = new TextEncoder()

/** What stands for an identity whose words would all be zero, as that means "no id". */
const NIL: Readonly<Identity> = [0x7468616c, 0x7765672d, 0x6e696c2d, 0x69643030]

/**
 * The 128-bit identity of an id, as four unsigned words. A lower-case UUID is its own identity, exactly; of anything else it is
 * SipHash-2-4-128 under `key` (16 bytes) over its UTF-8, so that whoever does not know the key cannot make two ids meet.
 * Equal ids have equal identities. Never all zero. A lone surrogate counts as U+FFFD, as TextEncoder has it.
 */
export function identityOf(id: string, key: Uint8Array): Identity {
  return notNil(UUID.test(id) ? uuidWords(id) : siphash128(encoder.encode(id), key))
}

/** The same of a UUID whose 16 bytes these begin with. */
export function identityOfUuid(bytes: Buffer): Identity {
  return notNil([bytes.readUInt32BE(0), bytes.readUInt32BE(4), bytes.readUInt32BE(8), bytes.readUInt32BE(12)])
}

function notNil(words: Identity): Identity {
  return (words[0] | words[1] | words[2] | words[3]) === 0 ? [...NIL] : words
}

function uuidWords(id: string): Identity {
  const digits = id.replaceAll('-', '')
  const word = (i: number): number => Number.parseInt(digits.slice(i * 8, i * 8 + 8), 16)
  return [word(0), word(1), word(2), word(3)]
}

/** 32-bit hash of a person's identifier; never 0, which means nobody. */
export function personOf(value: string): number {
  return murmur3(encoder.encode(value), PERSON_SEED) || 1
}

/** MurmurHash3, 32 bits, little endian (Austin Appleby, public domain). */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let h = seed | 0
  const whole = bytes.length & ~3
  for (let i = 0; i < whole; i += 4) {
    h = Math.imul(rotate(h ^ scramble(littleEndian(bytes, i, 4)), 13), 5) + 0xe6546b64
  }
  if (whole < bytes.length) h ^= scramble(littleEndian(bytes, whole, bytes.length - whole))
  h ^= bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let word = 0
  for (let i = count - 1; i >= 0; i--) word = (word << 8) | (bytes[at + i] ?? 0)
  return word
}

/** SipHash-2-4 with 128 bits of output (Aumasson and Bernstein), as four little-endian words. */
export function siphash128(bytes: Uint8Array, key: Uint8Array): Identity {
  const low = bigWord(key, 0)
  const high = bigWord(key, 8)
  const v = [
    low ^ 0x736f6d6570736575n,
    high ^ 0x646f72616e646f6dn ^ 0xeen,
    low ^ 0x6c7967656e657261n,
    high ^ 0x7465646279746573n,
  ] as SipState
  const whole = bytes.length & ~7
  for (let i = 0; i < whole; i += 8) absorb(v, bigWord(bytes, i))
  absorb(v, bigWord(bytes.subarray(whole), 0) | (BigInt(bytes.length & 255) << 56n))
  v[2] ^= 0xeen
  for (let i = 0; i < 4; i++) sipRound(v)
  const first = v[0] ^ v[1] ^ v[2] ^ v[3]
  v[1] ^= 0xddn
  for (let i = 0; i < 4; i++) sipRound(v)
  const second = v[0] ^ v[1] ^ v[2] ^ v[3]
  const word = (n: bigint): number => Number(n & 0xffffffffn)
  return [word(first), word(first >> 32n), word(second), word(second >> 32n)]
}

type SipState = [bigint, bigint, bigint, bigint]

/** Eight bytes from `at` on, little endian; bytes past the end count as zero. */
function bigWord(bytes: Uint8Array, at: number): bigint {
  let word = 0n
  for (let i = 7; i >= 0; i--) word = (word << 8n) | BigInt(bytes[at + i] ?? 0)
  return word
}

function absorb(v: SipState, word: bigint): void {
  v[3] ^= word
  sipRound(v)
  sipRound(v)
  v[0] ^= word
}

function rotate64(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK
}

function sipRound(v: SipState): void {
  let [a, b, c, d] = v
  a = (a + b) & MASK
  b = rotate64(b, 13n) ^ a
  a = rotate64(a, 32n)
  c = (c + d) & MASK
  d = rotate64(d, 16n) ^ c
  a = (a + d) & MASK
  d = rotate64(d, 21n) ^ a
  c = (c + b) & MASK
  b = rotate64(b, 17n) ^ c
  c = rotate64(c, 32n)
  v[0] = a
  v[1] = b
  v[2] = c
  v[3] = d
}
