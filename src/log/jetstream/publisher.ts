/**
 * Frames on their way to the servers: one message at a time, and what comes meanwhile goes together with the next. So a hub's frames keep
 * their order whatever has to be sent again, and many small frames cost as little as a large one. A message whose acknowledgement does not
 * come is sent again with the same id, for as long as it takes: nobody was told that it is kept, and nobody that it is not.
 */

import type { FrameView } from '../frame.ts'
import type { Known, Label } from './message.ts'

const GROUP_BYTES_MAX = 1024 * 1024
const GROUP_FRAMES_MAX = 1000
const ANSWER_MS_MAX = 3_000
const AGAIN_MS = [20, 50, 100, 250, 500, 1_000]

export interface WaitingFrame {
  readonly view: FrameView
  readonly slab: Buffer
  resolve(baseOffset: number): void
  reject(error: Error): void
}

/** A message that is under way. */
export interface Outgoing {
  readonly id: string
  readonly frames: readonly WaitingFrame[]
  readonly bytes: number
  /** What is sent, in a buffer of its own: the frames belong to the log again when the message has its place. */
  readonly body: Buffer
  /** What it says of itself, and of messages before it. */
  readonly label: Label
  /** Has its place: nothing is left to do for it. */
  placed: boolean
}

export interface PublisherParts {
  /** Names messages so that no other hub's has the same id. */
  readonly hub: string
  publish(id: string, label: Label, bytes: Buffer, timeoutMs: number): Promise<number>
  /** What the next message can say of earlier ones. */
  known(): Known
  /** Gives a message its place. */
  acknowledged(message: Outgoing, seq: number): Promise<void>
  /** Reads what is in the stream up to now, and gives the message its place if it is among that. */
  lookFor(message: Outgoing): Promise<void>
  /** From this age on the servers may have forgotten the id of a message. */
  readonly lookAfterMs: number
  /** Told of the first failure in a row. */
  onTrouble(error: unknown): void
}

export class Publisher {
  readonly #parts: PublisherParts
  readonly #stopping = new AbortController()
  #queue: WaitingFrame[] = []
  #waitingBytes = 0
  #messages = 0
  #running = false
  #failing = false
  #since = 0
  current: Outgoing | undefined
  /** Messages that were acknowledged. */
  acknowledged = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** Bytes that are not known to be kept. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** How long the message that is under way has been waiting for its acknowledgement. */
  get waitsMs(): number {
    return this.current === undefined || this.current.placed ? 0 : performance.now() - this.#since
  }

  submit(frame: WaitingFrame): void {
    this.#queue.push(frame)
    this.#waitingBytes += frame.view.bytes.length
    if (this.#running) return
    this.#running = true
    // Not at once: requests that arrive in the same turn go together.
    setImmediate(() => void this.#run())
  }

  /** The message has its place; to be told before those who wait for it are. */
  place(message: Outgoing): void {
    message.placed = true
    if (!this.#stopping.signal.aborted) this.#waitingBytes -= message.bytes
  }

  /** Takes nothing more from the queue; whoever waits is told `reason`. */
  stop(reason: Error): void {
    this.#stopping.abort(reason)
    const waiting = [...(this.current?.placed === false ? this.current.frames : []), ...this.#queue]
    this.#queue = []
    this.#waitingBytes = 0
    for (const frame of waiting) frame.reject(reason)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (this.#queue.length > 0 && !signal.aborted) {
      const message = this.#take()
      this.current = message
      this.#since = performance.now()
      await this.#deliver(message)
      this.current = undefined
    }
    this.#running = false
  }

  /** Returns when the message has its place, or everything is stopped. */
  async #deliver(message: Outgoing): Promise<void> {
    const { signal } = this.#stopping
    const { publish, acknowledged, lookFor, lookAfterMs, onTrouble } = this.#parts
    for (let tried = 0; !message.placed && !signal.aborted; tried++) {
      try {
        if (tried > 0 && this.waitsMs > lookAfterMs) await lookFor(message)
        if (message.placed) break
        const seq = await publish(message.id, message.label, message.body, ANSWER_MS_MAX)
        await acknowledged(message, seq)
        this.acknowledged++
        this.#failing = false
      } catch (error) {
        if (signal.aborted) return
        if (!this.#failing) onTrouble(error)
        this.#failing = true
        await delay(AGAIN_MS[Math.min(tried, AGAIN_MS.length - 1)] ?? 0, signal)
      }
    }
  }

  #take(): Outgoing {
    const queue = this.#queue
    let bytes = 0
    let n = 0
    while (n < queue.length && n < GROUP_FRAMES_MAX) {
      const more = queue[n]?.view.bytes.length ?? 0
      if (n > 0 && bytes + more > GROUP_BYTES_MAX) break
      bytes += more
      n++
    }
    const frames = queue.slice(0, n)
    this.#queue = queue.slice(n)
    let records = 0
    let receivedAtMax = Number.NEGATIVE_INFINITY
    for (const { view } of frames) {
      records += view.count
      receivedAtMax = Math.max(receivedAtMax, view.receivedAt)
    }
    const { hub, known } = this.#parts
    const label: Label = { kind: 'frames', records, receivedAtMax, known: known() }
    const body = Buffer.concat(frames.map(({ view }) => view.bytes))
    return { id: `${hub}-${++this.#messages}`, frames, bytes, body, label, placed: false }
  }
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
