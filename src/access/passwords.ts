/**
 * Passwords, of which only an argon2id hash is kept. Hashing is slow on purpose (some 50 ms of a core and 19 MiB), on the thread
 * pool that also writes the log: one at a time, and few may wait.
 */

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'
import { Turns } from '../core/turns.ts'

export const PASSWORD_CHARS_MIN = 12
export const PASSWORD_CHARS_MAX = 256
const DISTINCT_MIN = 5
const WAITING_MAX = 20

export const Password = z
  .string()
  .min(PASSWORD_CHARS_MIN)
  .max(PASSWORD_CHARS_MAX)
  .refine((text) => new Set(text).size >= DISTINCT_MIN, `Use at least ${DISTINCT_MIN} different characters`)
  .describe(`${PASSWORD_CHARS_MIN} characters or more.`)

/** What nobody can sign in with: no password has it as its hash. */
export const NO_PASSWORD = '*'

/** The least that OWASP's Password Storage Cheat Sheet asks of argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const
const TAG_BYTES = 32
const NONCE_BYTES = 16
const HEAD = `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$`
const KEPT = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22,64})\$([\w+/]{43})$/

const derive = promisify(argon2)

export class Passwords {
  readonly #turns = new Turns()
  #waiting = 0
  /** The hash of what nobody knows: compared with when there is nothing to compare with, in the same time. */
  readonly #decoy = text(randomBytes(NONCE_BYTES), randomBytes(TAG_BYTES))

  /** In the text form that other programs know: `$argon2id$v=19$m=…`. Throws SIGN_IN_ATTEMPTS when too many wait. */
  async hash(password: string): Promise<string> {
    const nonce = randomBytes(NONCE_BYTES)
    return text(nonce, await this.#inTurn(() => tagOf(password, nonce, COST)))
  }

  /**
   * Whether `kept` is the hash of the password. Takes as long when there is none (`null`, NO_PASSWORD), and is false then.
   * Throws SIGN_IN_ATTEMPTS when too many wait.
   */
  async verify(password: string, kept: string | null): Promise<boolean> {
    const known = kept !== null && kept !== NO_PASSWORD
    const [, memory, passes, parallelism, nonce = '', tag = ''] = KEPT.exec(known ? kept : this.#decoy) ?? []
    if (tag === '') throw new ThalwegError('DEFECT', 'A kept password hash has a form that is not ours')
    const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
    const made = await this.#inTurn(() => tagOf(password, Buffer.from(nonce, 'base64'), cost))
    return timingSafeEqual(made, Buffer.from(tag, 'base64')) && known
  }

  async #inTurn(work: () => Promise<Buffer>): Promise<Buffer> {
    if (this.#waiting >= WAITING_MAX)
      throw new ThalwegError(
        'SIGN_IN_ATTEMPTS',
        'Too many sign in at this moment: try again in a few seconds',
      )
    this.#waiting++
    try {
      return await this.#turns.take(work)
    } finally {
      this.#waiting--
    }
  }
}

/** The same password may be typed as other code points on another keyboard: NFKC makes them one. */
function tagOf(
  password: string,
  nonce: Buffer,
  cost: { memory: number; passes: number; parallelism: number },
): Promise<Buffer> {
  return derive('argon2id', { message: password.normalize('NFKC'), nonce, tagLength: TAG_BYTES, ...cost })
}

function text(nonce: Buffer, tag: Buffer): string {
  return `${HEAD}${bare(nonce)}$${bare(tag)}`
}

function bare(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
