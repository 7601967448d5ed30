/**
 * The child program: owns the database file, answers the hub over the socket that it inherited. Whatever happens in here, a native crash or the end
 * of memory, the hub's doors do not feel it. Ends when the hub is gone.
 */

import { Socket } from 'node:net'
import { ThalwegError } from '../../core/errors.ts'
import { createKernel } from '../../core/kernel/create.ts'
import { type Database, type DatabaseSettings, openDatabase } from './database.ts'
import { Exports } from './exports.ts'
import { forgetRows } from './forgetting.ts'
import { encodeFrame, type Frame, FrameReader, type FromChild, type FromHub } from './frames.ts'
import { Loader } from './loader.ts'
import { CATALOG } from './names.ts'
import { Queries } from './queries.ts'
import { describeTables, removeOld, reportMisfits, visibleTables } from './upkeep.ts'

/** The file descriptor of the hub's end; see host.ts. */
const HUB_FD = 3
const EVENT_BYTES_MAX = 268_435_456
const FATAL_WORDS = /fatal|database has been invalidated/i

class Child {
  readonly #database: Database
  readonly #hub: Socket
  readonly #loader: Loader
  readonly #queries: Queries
  readonly #exports: Exports
  readonly #asks = new Map<number, Ask>()

  constructor(database: Database, hub: Socket) {
    this.#database = database
    this.#hub = hub
    const kernel = createKernel({ bodyBytesMax: EVENT_BYTES_MAX, itemsMax: 1, key: new Uint8Array(16) })
    this.#loader = new Loader([database.loading, database.loadingNext], kernel)
    const tables = () => visibleTables(database.browsing)
    this.#queries = new Queries(database.querying, tables)
    this.#exports = new Exports(database.exporting, database.spool, tables)
  }

  handle({ head, body }: Frame<FromHub>): void {
    if (head.op === 'more') this.#asks.get(head.ask)?.more()
    else if (head.op === 'cancel') this.#asks.get(head.ask)?.cancel()
    else void this.#answer(head, body)
  }

  send(head: FromChild, body: readonly Uint8Array[] = []): void {
    for (const piece of encodeFrame(head, body)) this.#hub.write(piece)
  }

  async #answer(question: FromHub, body: Buffer): Promise<void> {
    const { ask } = question
    const state = new Ask()
    this.#asks.set(ask, state)
    try {
      const value = await this.#ask(question, body, state)
      this.send({ re: 'done', ask, value })
      if (question.op === 'close') this.#end()
    } catch (error) {
      this.send({ re: 'failed', ask, ...failureOf(error) })
      // The engine refuses everything from now on: a new process opens the file afresh.
      if (FATAL_WORDS.test(String(error))) this.#end()
    } finally {
      this.#asks.delete(ask)
    }
  }

  async #ask(question: FromHub, body: Buffer, state: Ask): Promise<unknown> {
    const { loading, browsing } = this.#database
    switch (question.op) {
      case 'load':
        return this.#loader.load(body)
      case 'query':
        return this.#parts(question.ask, state, this.#queries.run(question, state.signal), (part) => [
          part,
          [],
        ])
      case 'export':
        return this.#parts(question.ask, state, this.#exports.parquet(question, state.signal), (part) =>
          'columns' in part ? [part, []] : [undefined, [part.piece]],
        )
      case 'tables':
        return describeTables(browsing)
      case 'misfits':
        return reportMisfits(browsing)
      case 'retain':
        return this.#loader.inTurn(() => removeOld(loading, question.beforeMs))
      case 'forget':
        return this.#loader.inTurn(() => forgetRows(loading, question.identifiers, question.isDry))
      case 'close':
        // What is not in the file yet stays in its log, which the next start reads.
        return this.#loader.inTurn(() => loading.run(`CHECKPOINT ${CATALOG}`).then(nothing, nothing))
      default:
        return undefined
    }
  }

  /** One part at a time, each after the hub asked for it; the first at once. */
  async #parts<Part, Result>(
    ask: number,
    state: Ask,
    parts: AsyncGenerator<Part, Result>,
    framed: (part: Part) => readonly [value: unknown, body: readonly Uint8Array[]],
  ): Promise<Result> {
    try {
      for (;;) {
        const step = await parts.next()
        if (step.done) return step.value
        const [value, body] = framed(step.value)
        this.send({ re: 'part', ask, value }, body)
        await state.asked()
      }
    } finally {
      await parts.return(undefined as Result)
    }
  }

  #end(): void {
    this.#hub.end(() => process.exit(0))
  }
}

/** A question under way. */
class Ask {
  readonly #abort = new AbortController()
  #credit = 0
  #wake: () => void = () => undefined

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  more(): void {
    this.#credit++
    this.#wake()
  }

  cancel(): void {
    this.#abort.abort()
    this.#wake()
  }

  /** Resolves when the hub wants another part; rejects when it wants none any more. */
  async asked(): Promise<void> {
    while (this.#credit === 0 && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.signal.aborted) throw new ThalwegError('QUERY_CANCELLED', 'The query was cancelled')
    this.#credit--
  }
}

function failureOf(error: unknown): Pick<ThalwegError, 'code' | 'message' | 'details'> {
  if (error instanceof ThalwegError)
    return { code: error.code, message: error.message, details: error.details }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'QUERY_FAILED', message, details: undefined }
}

function nothing(): void {}

/** At once, whatever the engine is doing: the file is safe at any moment, and a successor waits for it. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL')
}

// A terminal sends these to the whole group. The hub drains first and then closes us.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)

const hub = new Socket({ fd: HUB_FD, readable: true, writable: true })
hub.on('close', endNow)
hub.on('end', endNow)
hub.on('error', endNow)
const child = new Child(await openDatabase(JSON.parse(process.argv[2] ?? '{}') as DatabaseSettings), hub)
const frames = new FrameReader<FromHub>()
hub.on('data', (piece: Buffer) => {
  for (const frame of frames.read(piece)) child.handle(frame)
})
child.send({ re: 'ready' })
