/**
 * The hub's side of the process of the profiles: starts it with the first question, asks it, starts it again when it ended.
 * Questions under way then fail with PROFILES_UNAVAILABLE; what was committed is committed.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isErrorCode, ThalwegError } from '../../core/errors.ts'
import type { ExportBook } from '../exports/book.ts'
import type { Desk } from './desk.ts'
import type { Answer, Ask, Asked, BookInquiry, Inquiry } from './protocol.ts'

const SCRIPT = fileURLToPath(new URL('./engine-process.ts', import.meta.url))
/** How long a process may take to end by itself. */
const END_MS = 5_000
/** Questions that may wait at the process. */
const ASKS_MAX = 1_000

/** What a process that starts is told first. */
export type Opening = () => Promise<Omit<Extract<Ask, { what: 'open' }>, 'what'>>

export class EngineClient {
  readonly #opening: Opening
  #life: Promise<Life> | undefined
  #closed = false

  constructor(opening: Opening) {
    this.#opening = opening
  }

  /** Process id, for those who watch it; undefined while there is none. */
  async pid(): Promise<number | undefined> {
    return (await this.#life?.catch(() => undefined))?.pid
  }

  /** Throws what the process answered, or PROFILES_UNAVAILABLE. */
  async ask<W extends Ask['what']>(ask: Extract<Ask, { what: W }>): Promise<Asked<W>> {
    return (await (await this.#alive()).ask(ask)) as Asked<W>
  }

  /** The desk as if it were here. */
  readonly desk = this.#asIfHere<Desk>('desk')
  /** The book of exports as if it were here. */
  readonly book = this.#asIfHere<ExportBook>('book')

  /** Also after a close: the next question starts a process. */
  open(): void {
    this.#closed = false
  }

  async close(): Promise<void> {
    this.#closed = true
    await (await this.#life?.catch(() => undefined))?.end()
  }

  #asIfHere<D extends object>(what: 'desk' | 'book'): D {
    return new Proxy({} as D, {
      get:
        (_, method: string) =>
        (...given: unknown[]) =>
          this.ask({ what, method, given } as unknown as Inquiry | BookInquiry),
    })
  }

  #alive(): Promise<Life> {
    if (this.#closed) return Promise.reject(unavailable('it was closed'))
    this.#life ??= this.#begin()
    return this.#life
  }

  async #begin(): Promise<Life> {
    const life = new Life(() => {
      this.#life = undefined
    })
    try {
      await life.ask({ what: 'open', ...(await this.#opening()) })
      return life
    } catch (error) {
      await life.end()
      throw error
    }
  }
}

/** One process, from its start to its end. */
class Life {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #asked = 0
  #ended: string | undefined

  constructor(onEnd: () => void) {
    this.#child = fork(SCRIPT, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // What one stretch makes lives as long as the stretch: room for it costs less than copying it about.
      execArgv: ['--max-semi-space-size=64'],
    })
    // A question to a process that is ending cannot be sent; its exit answers.
    this.#child.on('error', () => undefined)
    this.#child.on('message', (answer: Answer) => this.#answered(answer))
    this.#child.once('exit', (code, signal) => {
      this.#ended = `its process ended (${signal ?? code})`
      onEnd()
      for (const { reject } of this.#waiting.values()) reject(unavailable(this.#ended))
      this.#waiting.clear()
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  ask(ask: Ask): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(unavailable(this.#ended))
    if (this.#waiting.size >= ASKS_MAX) return Promise.reject(unavailable('too many questions wait'))
    const id = this.#asked++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ ...ask, id })
    })
  }

  async end(): Promise<void> {
    if (this.#ended !== undefined) return
    const exit = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS)
    await exit
    clearTimeout(timer)
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(errorFrom(answer.error))
    else waiting?.resolve(answer.result)
  }
}

function errorFrom({ code, message }: { code: string | undefined; message: string }): Error {
  return code !== undefined && isErrorCode(code)
    ? new ThalwegError(code, message)
    : new ThalwegError('DEFECT', `The process of the profiles failed: ${message}`)
}

function unavailable(why: string): ThalwegError {
  return new ThalwegError('PROFILES_UNAVAILABLE', `The profiles do not answer: ${why}`)
}
