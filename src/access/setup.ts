/**
 * The first run: whoever can read the data directory becomes the owner, by a one-time code that lies there until it is used. Like
 * the first API token it belongs to who started the program; unlike that, it ends with its use.
 */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ThalwegError } from '../core/errors.ts'
import { newToken, tokensEqual } from '../core/secret.ts'

export const SETUP_FILE = 'setup-code'
const PREFIX = 'thalweg_setup'
const CODE = /^thalweg_setup_[\w-]{43}$/

export class SetupCode {
  readonly #file: string
  #code: string | undefined

  constructor(dataDir: string) {
    this.#file = join(dataDir, SETUP_FILE)
  }

  /** The code of an earlier start, as long as nobody used it, else a new one. */
  async open(): Promise<string> {
    const before = await readFile(this.#file, 'utf8').then(
      (text) => text.trim(),
      () => '',
    )
    this.#code = CODE.test(before) ? before : newToken(PREFIX)
    await writeFile(this.#file, `${this.#code}\n`, { mode: 0o600 })
    return this.#code
  }

  /**
   * Makes the owner by this code, which nobody else can use meanwhile, nor afterwards. Throws SETUP_REFUSED when it is another
   * one, and what `work` throws: then it can be used again.
   */
  async use<T>(code: string, work: () => Promise<T>): Promise<T> {
    const mine = this.#code
    if (mine === undefined || !tokensEqual(mine, code))
      throw new ThalwegError(
        'SETUP_REFUSED',
        `The set-up code is wrong: the right one is in the file ${SETUP_FILE} of the data directory`,
      )
    this.#code = undefined
    try {
      const made = await work()
      await this.close()
      return made
    } catch (error) {
      this.#code = mine
      throw error
    }
  }

  async close(): Promise<void> {
    this.#code = undefined
    await rm(this.#file, { force: true })
  }
}
