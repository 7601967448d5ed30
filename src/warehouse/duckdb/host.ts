/**
 * The hub's side of the child program: starts it when it is first needed, asks it, starts it again when it ends. Questions that were under way then
 * fail with ENGINE_UNREACHABLE; whoever asked decides whether to ask again.
 *
 *   none ──a question──► starting ──ready──► up ──exit──► resting (0.1 s, doubling to 5 s) ──► none
 *                            └──────exit──────────────────► resting
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ThalwegError } from '../../core/errors.ts'
import type { DatabaseSettings } from './database.ts'
import { encodeFrame, type Frame, FrameReader, type FromChild, type Question } from './frames.ts'

export interface HostLogger {
  info(about: object, message: string): void
  error(about: object, message: string): void
}

const PROGRAM = fileURLToPath(new URL('./child.ts', import.meta.url))
const HUB_FD = 3
const REST_MS_MIN = 100
const REST_MS_MAX = 5_000
const CLOSE_MS_MAX = 20_000
const LAST_WORDS_CHARS_MAX = 4_000
/** Loads and queries that may wait at the child, so that neither side gathers without bound. */
const ASKS_MAX = 256

/** A part of a long answer. */
export interface AnswerPart {
  readonly value: unknown
  readonly body: Buffer
}

export class Host {
  readonly #settings: DatabaseSettings
  readonly #logger: HostLogger
  #life: Promise<Life> | undefined
  #restUntil = 0
  #restMs = REST_MS_MIN
  #closed = false

  constructor(settings: DatabaseSettings, logger: HostLogger) {
    this.#settings = settings
    this.#logger = logger
  }

  /** Process id of the child, for those who watch it; undefined while there is none. */
  async pid(): Promise<number | undefined> {
    return (await this.#life?.catch(() => undefined))?.pid
  }

  /** The answer. Throws what the child answered, or ENGINE_UNREACHABLE when there is no child or it ended meanwhile. */
  async ask(question: Question, body: readonly Uint8Array[] = []): Promise<unknown> {
    const life = await this.#alive()
    const talk = life.open(question, body)
    for (;;) {
      const answer = await talk.next()
      if (answer.head.re === 'done') return answer.head.value
    }
  }

  /** Parts as they come, each asked for when the one before is taken; then the answer. Leaving early, or `signal`, cancels the question. */
  async *stream(question: Question, signal: AbortSignal): AsyncGenerator<AnswerPart, unknown> {
    const life = await this.#alive()
    const talk = life.open(question, [])
    const cancel = (): void => talk.cancel()
    signal.addEventListener('abort', cancel)
    if (signal.aborted) cancel()
    try {
      for (;;) {
        const { head, body } = await talk.next()
        if (head.re === 'done') return head.value
        talk.more()
        if (head.re === 'part') yield { value: head.value, body }
      }
    } finally {
      signal.removeEventListener('abort', cancel)
      talk.cancel()
    }
  }

  /**
   * Ends the child, does some work on its file while nobody has it, and starts it again. Questions that come meanwhile wait; those under way are
   * answered first, but for loads and queries that take longer than a close may.
   */
  async whileClosed(work: () => Promise<void>): Promise<void> {
    if (this.#closed) throw unreachable('it was closed')
    const before = this.#life
    const after = (async () => {
      const life = await before?.catch(() => undefined)
      await life?.close()
      await work()
      return this.#start()
    })()
    this.#life = after
    try {
      await after
    } catch (error) {
      if (this.#life === after) this.#life = undefined
      throw error
    }
  }

  /** Lets the child write its log into its file and end. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    const life = await this.#life?.catch(() => undefined)
    await life?.close()
  }

  async #alive(): Promise<Life> {
    if (this.#closed) throw unreachable('it was closed')
    if (this.#life === undefined) {
      if (Date.now() < this.#restUntil) throw unreachable('it ended and is started again in a moment')
      this.#life = this.#start()
    }
    return this.#life
  }

  async #start(): Promise<Life> {
    const life = new Life(this.#settings)
    void life.ended.then((words) => this.#rest(life, words))
    await life.ready
    this.#logger.info({ pid: life.pid }, 'the embedded warehouse is ready')
    this.#restMs = REST_MS_MIN
    return life
  }

  #rest(life: Life, words: string): void {
    // While its file is worked on it is not missed.
    if (life.isClosing && !this.#closed) return
    this.#life = undefined
    this.#restUntil = Date.now() + this.#restMs
    this.#restMs = Math.min(REST_MS_MAX, this.#restMs * 2)
    if (!this.#closed)
      this.#logger.error({ words }, 'the embedded warehouse ended; it is started again when needed')
  }
}

function unreachable(why: string): ThalwegError {
  return new ThalwegError('ENGINE_UNREACHABLE', `The embedded warehouse does not answer: ${why}`)
}

/** One child process, from start to end. */
class Life {
  readonly ready: Promise<void>
  /** With its last words. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  readonly #socket: Duplex
  readonly #talks = new Map<number, Talk>()
  #asks = 0
  #over = false
  /** It ends because it was told to. */
  isClosing = false

  constructor(settings: DatabaseSettings) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // Of our environment nothing else, least of all its secrets.
      env: { UV_THREADPOOL_SIZE: '12', ...compileCache() },
    })
    this.#socket = this.#child.stdio[HUB_FD] as Duplex
    let words = ''
    this.#child.stderr?.on('data', (piece: Buffer) => {
      words = (words + piece.toString()).slice(-LAST_WORDS_CHARS_MAX)
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(String(error)))
      this.#child.once('close', (code, signal) => resolve(words || `exit ${code ?? signal}`))
    })
    this.ready = new Promise((resolve, reject) => {
      this.#listen(resolve)
      void this.ended.then((last) => reject(unreachable(last)))
    })
    void this.ended.then(() => this.#end())
    // The end of the process tells what there is to tell.
    this.#socket.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Throws ENGINE_UNREACHABLE when ASKS_MAX are under way. */
  open(question: Question, body: readonly Uint8Array[]): Talk {
    if (this.#over) throw unreachable('it has just ended')
    if (this.#talks.size >= ASKS_MAX) throw unreachable(`${ASKS_MAX} requests wait for it already`)
    const ask = ++this.#asks
    const talk = new Talk((op) => this.#write({ op, ask }))
    this.#talks.set(ask, talk)
    this.#write({ ...question, ask }, body)
    return talk
  }

  async close(): Promise<void> {
    this.isClosing = true
    if (!this.#over) this.open({ op: 'close' }, [])
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS_MAX)
    await this.ended
    clearTimeout(timer)
  }

  #write(head: Parameters<typeof encodeFrame>[0], body: readonly Uint8Array[] = []): void {
    if (this.#over) return
    for (const piece of encodeFrame(head, body)) this.#socket.write(piece)
  }

  #listen(onReady: () => void): void {
    const frames = new FrameReader<FromChild>()
    this.#socket.on('data', (piece: Buffer) => {
      for (const frame of frames.read(piece)) {
        const { head } = frame
        if (head.re === 'ready') onReady()
        else this.#talks.get(head.ask)?.hear(frame)
        if (head.re === 'done' || head.re === 'failed') this.#talks.delete(head.ask)
      }
    })
  }

  #end(): void {
    this.#over = true
    for (const talk of this.#talks.values()) talk.fail(unreachable('it ended'))
    this.#talks.clear()
  }
}

/** One question and its answers. Holds at most two frames: a part, and the end behind it. */
class Talk {
  readonly #say: (op: 'more' | 'cancel') => void
  readonly #heard: Frame<FromChild>[] = []
  #failure: ThalwegError | undefined
  #over = false
  #wake: () => void = () => undefined

  constructor(say: (op: 'more' | 'cancel') => void) {
    this.#say = say
  }

  more(): void {
    this.#say('more')
  }

  cancel(): void {
    if (!this.#over) this.#say('cancel')
  }

  hear(frame: Frame<FromChild>): void {
    const { head } = frame
    if (head.re === 'failed') {
      this.fail(new ThalwegError(head.code, head.message, { details: head.details }))
      return
    }
    if (head.re === 'done') this.#over = true
    this.#heard.push(frame)
    this.#wake()
  }

  fail(error: ThalwegError): void {
    this.#over = true
    this.#failure ??= error
    this.#wake()
  }

  async next(): Promise<Frame<FromChild>> {
    for (;;) {
      const frame = this.#heard.shift()
      if (frame !== undefined) return frame
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const { NODE_COMPILE_CACHE: folder } = process.env
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
