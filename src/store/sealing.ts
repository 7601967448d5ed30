/**
 * Sealing of credentials: AES-256-GCM with one key for the installation, from THALWEG_KEY or from a file that only its owner
 * may read. Which key it is (its fingerprint, not the key) is noted in the database, so that a lost or mixed-up key is told at
 * the start, before anything is sealed with another one.
 *
 * Sealed bytes: u8 version = 1 · 4 bytes fingerprint of the key · 12 bytes nonce · ciphertext · 16 bytes tag. The associated
 * data is the id of the row, so sealed bytes cannot be moved to another row.
 */

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { link, mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ThalwegError } from '../core/errors.ts'
import { parseKey, type Secret } from '../core/secret.ts'
import { recall, remembered } from './meta.ts'
import type { Store } from './store.ts'

export interface Sealer {
  /** Random nonces: safe for about four thousand million seals with one key. */
  seal(plain: Uint8Array, associated: string): Uint8Array
  /** Throws SEALING_KEY when the bytes were sealed with another key or for another id, or were damaged. */
  open(sealed: Uint8Array, associated: string): Uint8Array
}

export interface SealingOptions {
  /** The value of THALWEG_KEY; undefined: use the file. */
  readonly key: Secret<string> | undefined
  readonly dataDir: string
}

const VERSION = 1
const FINGERPRINT_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const OVERHEAD = 1 + FINGERPRINT_BYTES + NONCE_BYTES + TAG_BYTES
const KEY_FILE = 'sealing.key'
const KEY_FILE_BYTES_MAX = 1024
const META_KEY = 'sealing_key'

/**
 * Finds the key, or makes the file at the very first start, and checks that it is the one this database was begun with.
 * Throws SEALING_KEY, with what to do, when it is missing, malformed, readable by others, or another one.
 */
export async function openSealer(store: Store, options: SealingOptions): Promise<Sealer> {
  const known = await recall(store, META_KEY)
  const file = join(options.dataDir, KEY_FILE)
  const key =
    options.key === undefined
      ? await keyFromFile(file, known)
      : keyFromText(options.key.reveal(), 'THALWEG_KEY')
  const ours = fingerprintOf(key)
  // Another node may have been first: then its key is the database's.
  const expected = known ?? (await remembered(store, META_KEY, () => ours))
  if (expected !== ours) {
    const place = options.key === undefined ? `the file ${file}` : 'THALWEG_KEY'
    throw new ThalwegError(
      'SEALING_KEY',
      `The credentials in the database are sealed with the key ${expected}, but ${place} holds the key ${ours}. ` +
        `Put the first key back (every node needs the same one). If it is lost: ${STARTING_OVER}`,
    )
  }
  return sealerOf(key)
}

const SECRET_BYTES = 32

/** Random bytes that every node of this store has and nobody else: made at the first start, kept sealed under `name`. Throws SEALING_KEY. */
export async function sharedSecret(store: Store, sealer: Sealer, name: string): Promise<Uint8Array> {
  const sealed = await remembered(store, name, () =>
    Buffer.from(sealer.seal(randomBytes(SECRET_BYTES), name)).toString('base64'),
  )
  return sealer.open(Buffer.from(sealed, 'base64'), name)
}

const STARTING_OVER = `delete the row '${META_KEY}' of the table meta, start again, and enter the credentials of every authorization anew.`

/** The sealing itself, for a key of 32 bytes. */
export function sealerOf(key: Uint8Array): Sealer {
  const fingerprint = Buffer.from(fingerprintOf(key), 'hex')
  return {
    seal(plain, associated) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(associated, 'utf8'))
      const head = Buffer.from([VERSION])
      const text = [cipher.update(plain), cipher.final()]
      return new Uint8Array(Buffer.concat([head, fingerprint, nonce, ...text, cipher.getAuthTag()]))
    },
    open(sealed, associated) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      checkHead(bytes, fingerprint, associated)
      const nonceStart = 1 + FINGERPRINT_BYTES
      const textStart = nonceStart + NONCE_BYTES
      const tagStart = bytes.length - TAG_BYTES
      const nonce = bytes.subarray(nonceStart, textStart)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(associated, 'utf8'))
      decipher.setAuthTag(bytes.subarray(tagStart))
      try {
        return new Uint8Array(
          Buffer.concat([decipher.update(bytes.subarray(textStart, tagStart)), decipher.final()]),
        )
      } catch (cause) {
        throw new ThalwegError(
          'SEALING_KEY',
          `What is sealed for "${associated}" was damaged or belongs to another id. Enter its credentials anew.`,
          { cause },
        )
      }
    },
  }
}

function checkHead(bytes: Buffer, fingerprint: Buffer, associated: string): void {
  if (bytes.length < OVERHEAD || bytes[0] !== VERSION) {
    throw new ThalwegError(
      'SEALING_KEY',
      `What is sealed for "${associated}" has a form that this Thalweg does not know. Enter its credentials anew.`,
    )
  }
  const sealedWith = bytes.subarray(1, 1 + FINGERPRINT_BYTES)
  if (sealedWith.equals(fingerprint)) return
  throw new ThalwegError(
    'SEALING_KEY',
    `What is sealed for "${associated}" needs the key ${sealedWith.toString('hex')}, ` +
      `this node has the key ${fingerprint.toString('hex')}. Start with the first key, or enter its credentials anew.`,
  )
}

/** Tells keys apart without telling the key: the beginning of a hash made for nothing else. */
function fingerprintOf(key: Uint8Array): string {
  const hash = createHash('sha256').update('thalweg sealing key fingerprint\0').update(key)
  return hash.digest('hex').slice(0, 2 * FINGERPRINT_BYTES)
}

function keyFromText(text: string, place: string): Uint8Array {
  const key = parseKey(text)
  if (key !== undefined) return key
  throw new ThalwegError(
    'SEALING_KEY',
    `${place} does not hold a key: 32 bytes as base64 or as 64 hexadecimal digits are needed. ` +
      'Make one with: openssl rand -base64 32',
  )
}

async function keyFromFile(file: string, known: string | undefined): Promise<Uint8Array> {
  const text = await readKeyFile(file)
  if (text !== undefined) return keyFromText(text, `The file ${file}`)
  if (known !== undefined) {
    throw new ThalwegError(
      'SEALING_KEY',
      `The credentials in the database are sealed with the key ${known}, but the file ${file} is gone and THALWEG_KEY is not set. ` +
        `Put the file back or set THALWEG_KEY. If the key is lost: ${STARTING_OVER}`,
    )
  }
  return makeKeyFile(file)
}

async function readKeyFile(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unreadable(file, error)
  })
  if (found === undefined) return undefined
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new ThalwegError(
      'SEALING_KEY',
      `The file ${file} can be read by others. Close it: chmod 600 ${file}`,
    )
  }
  try {
    const handle = await open(file, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(KEY_FILE_BYTES_MAX),
        0,
        KEY_FILE_BYTES_MAX,
        0,
      )
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, cause: unknown): ThalwegError {
  return new ThalwegError('SEALING_KEY', `The file ${file} cannot be read. Check its owner and mode.`, {
    cause,
  })
}

/** Written aside and linked into place: never a half file, and when two processes start at once both go on with the first one's key. */
async function makeKeyFile(file: string): Promise<Uint8Array> {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
    const handle = await open(aside, 'wx', 0o600)
    try {
      await handle.writeFile(`${randomBytes(32).toString('base64')}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(aside, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } catch (cause) {
    throw new ThalwegError(
      'SEALING_KEY',
      `The key file ${file} could not be made. Set THALWEG_KEY, or mend the folder.`,
      { cause },
    )
  } finally {
    await rm(aside, { force: true })
  }
  const text = await readKeyFile(file)
  return keyFromText(text ?? '', `The file ${file}`)
}
