/**
 * The measuring rig: the hub in a process of its own; the load generator and the sink in this one, over bare sockets, so that they cost little
 * of what is measured. Loopback only. Every loop is bounded by a count or a time.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createIdPatcher, type LoadBody } from '../src/sandbox/simulator/load.ts'
import type { CallApi } from '../test/support/api-client.ts'

export interface HubPlan {
  readonly dataDir: string
  readonly token: string
  readonly settings?: Readonly<Record<string, string | number>>
  readonly currents: readonly CurrentPlan[]
}

export interface CurrentPlan {
  readonly name: string
  readonly externalId?: 'required' | 'optional'
  readonly delivery?: Readonly<Record<string, unknown>>
  readonly destination: {
    readonly kind: string
    readonly settings: Readonly<Record<string, unknown>>
    /** null: the destination needs none. */
    readonly credentials: Readonly<Record<string, unknown>> | null
  }
}

export interface WarehouseStats {
  readonly rows: number
  /** Of the embedded warehouse's process. */
  readonly pid: number
}

export interface HubStats {
  readonly cpuMicros: number
  readonly rssBytes: number
  /** Used by JavaScript's objects. */
  readonly heapBytes: number
  readonly head: number
  readonly delivered: readonly number[]
  readonly pending: readonly number[]
}

export const TOKEN = 'bench-token'

/** What the command gives to Node.js and its surroundings, so that the hub is measured as it runs. */
const FIRST_LINE = readFileSync(new URL('../bin/thalweg', import.meta.url), 'utf8').split('\n', 1)[0] ?? ''
export const HUB_FLAGS = FIRST_LINE.match(/--\S+/g) ?? []
export const HUB_ENVIRONMENT = Object.fromEntries(
  [...FIRST_LINE.matchAll(/ ([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
)

export class HubProcess {
  readonly url: string
  readonly #child: ChildProcess
  readonly #dataDir: string
  readonly #keepData: boolean

  private constructor(child: ChildProcess, url: string, dataDir: string, keepData: boolean) {
    this.#child = child
    this.url = url
    this.#dataDir = dataDir
    this.#keepData = keepData
  }

  /** `script`: what stands in the hub's place. */
  static async start(
    plan: Omit<HubPlan, 'dataDir' | 'token'>,
    dataDir?: string,
    script: 'hub-process.ts' | 'bare-process.ts' = 'hub-process.ts',
  ): Promise<HubProcess> {
    const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'thalweg-bench-')))
    const full: HubPlan = { ...plan, dataDir: folder, token: TOKEN }
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(full)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: HUB_FLAGS,
      env: { ...process.env, ...HUB_ENVIRONMENT },
    })
    const { url } = await answer<{ url: string }>(child)
    return new HubProcess(child, url, folder, dataDir !== undefined)
  }

  async stats(): Promise<HubStats> {
    const waiting = answer<HubStats>(this.#child)
    this.#child.send('stats')
    return waiting
  }

  /** Asks the embedded warehouse. Nothing else may be asked meanwhile. */
  async warehouse(): Promise<WarehouseStats> {
    const waiting = answer<WarehouseStats>(this.#child)
    this.#child.send('warehouse')
    return waiting
  }

  /** Frees delivered segments for use again; gives their number. */
  async recycle(): Promise<number> {
    const waiting = answer<{ segments: number }>(this.#child)
    this.#child.send('recycle')
    return (await waiting).segments
  }

  /** Waits until nothing is pending; throws after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<HubStats> {
    const until = performance.now() + timeoutMs
    for (;;) {
      const stats = await this.stats()
      if (stats.pending.every((count) => count === 0)) return stats
      if (performance.now() > until)
        throw new Error(`still pending after ${timeoutMs} ms: ${stats.pending.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.send('close')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
    await exited
    clearTimeout(timer)
    if (!this.#keepData) await rm(this.#dataDir, { recursive: true, force: true })
  }
}

function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`the hub ended early with code ${code}`))
    child.once('exit', exited)
    child.once('message', (message) => {
      child.off('exit', exited)
      resolve(message as T)
    })
  })
}

const HEAD_END = Buffer.from('\r\n\r\n')
const OK = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')

/** Takes any POST, counts requests, body bytes and events (by the marker), answers 200. */
export class Sink {
  requests = 0
  bytes = 0
  events = 0
  readonly #server: Server
  readonly #marker: Buffer
  #onEvents: () => void = () => undefined

  constructor(marker = '"event_type"') {
    this.#marker = Buffer.from(marker)
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  /** Resolves when `count` events have arrived in all; rejects after `timeoutMs`. */
  arrived(count: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.events} of ${count} events arrived within ${timeoutMs} ms`)),
        timeoutMs,
      )
      this.#onEvents = () => {
        if (this.events < count) return
        clearTimeout(timer)
        this.#onEvents = () => undefined
        resolve()
      }
      this.#onEvents()
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    let head: Buffer | undefined
    let missing = 0
    let tail: Buffer = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      let rest = chunk
      while (rest.length > 0) {
        if (missing === 0) {
          const bytes: Buffer = head === undefined ? rest : Buffer.concat([head, rest])
          const end = bytes.indexOf(HEAD_END)
          if (end === -1) {
            head = bytes
            return
          }
          head = undefined
          missing = lengthIn(bytes.toString('latin1', 0, end))
          rest = bytes.subarray(end + 4)
          tail = Buffer.alloc(0)
          if (missing === 0) this.#done(socket)
          continue
        }
        const part = rest.subarray(0, missing)
        missing -= part.length
        rest = rest.subarray(part.length)
        this.bytes += part.length
        tail = this.#count(tail, part)
        if (missing === 0) this.#done(socket)
      }
    })
  }

  #count(tail: Buffer, part: Buffer): Buffer {
    const marker = this.#marker
    if (tail.length > 0)
      this.events += occurrences(Buffer.concat([tail, part.subarray(0, marker.length - 1)]), marker)
    this.events += occurrences(part, marker)
    return part.subarray(Math.max(0, part.length - marker.length + 1))
  }

  #done(socket: Socket): void {
    this.requests++
    socket.write(OK)
    this.#onEvents()
  }
}

function occurrences(bytes: Buffer, marker: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + marker.length)) count++
  return count
}

function lengthIn(head: string): number {
  const match = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (match === null) throw new Error('the sink takes only requests with a content-length')
  return Number(match[1])
}

export interface LoadPlan {
  readonly url: string
  readonly bodies: readonly LoadBody[]
  readonly connections: number
  readonly requests: number
  /** Requests per second over all connections; unset = as fast as answers come. */
  readonly pacePerSecond?: number
  readonly seed: number
  /** Called with each acknowledged request's number of events. */
  readonly onAnswer?: (events: number) => void
}

export interface LoadResult {
  /** Acknowledged. */
  readonly events: number
  readonly elapsedMs: number
  /** Acknowledgement latency in ms, sorted. */
  readonly latencies: Float64Array
  readonly refused: number
  /** The first answer that was a refusal. */
  readonly refusal: string
}

/** A server that refuses a request before it has read it closes the connection behind its answer. */
const CLOSES = /\r\nconnection: *close\r\n/i

/** Sends until every request is answered. A refused one (not 200) is counted and not repeated. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const { hostname, port } = new URL(plan.url)
  const patch = createIdPatcher(plan.seed)
  const heads = plan.bodies.map((body) =>
    Buffer.from(
      `POST /currents/bench HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n` +
        `Braze-Currents-Version: 1\r\nContent-Length: ${body.body.length}\r\n\r\n`,
    ),
  )
  const latencies = new Float64Array(plan.requests)
  let sent = 0
  let answered = 0
  let refused = 0
  let refusal = ''
  let events = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: plan.connections }, (_, lane) => {
      // Bodies are patched in place, so each connection has its own.
      const own = plan.bodies
        .map((body, i) => (i % plan.connections === lane % plan.bodies.length ? body : undefined))
        .filter((body) => body !== undefined)
      const mine = own.length > 0 ? own : [plan.bodies[lane % plan.bodies.length] as LoadBody]
      const copies = mine.map((body) => ({ ...body, body: Buffer.from(body.body) }))
      const lanes = mine.map((body) => heads[plan.bodies.indexOf(body)] as Buffer)
      let turn = 0
      let sentAt = 0
      let sentEvents = 0
      return new Promise<void>((resolve, reject) => {
        let socket = open()
        const next = (): void => {
          if (sent >= plan.requests) {
            socket.end()
            resolve()
            return
          }
          const due =
            plan.pacePerSecond === undefined
              ? 0
              : startedAt + (sent / plan.pacePerSecond) * 1000 - performance.now()
          sent++
          if (due > 1) setTimeout(send, due)
          else send()
        }
        const send = (): void => {
          const i = turn++ % copies.length
          const body = copies[i] as LoadBody
          patch(body)
          sentEvents = body.count
          sentAt = performance.now()
          socket.cork()
          socket.write(lanes[i] as Buffer)
          socket.write(body.body)
          socket.uncork()
        }
        const answer = (chunk: Buffer): void => {
          // Answers are small and come whole; pipelining is off.
          latencies[answered++] = performance.now() - sentAt
          if (chunk.indexOf('HTTP/1.1 200') === 0) {
            events += sentEvents
            plan.onAnswer?.(sentEvents)
          } else {
            refused++
            refusal ||= chunk.toString('utf8')
          }
          if (!CLOSES.test(chunk.toString('latin1'))) {
            next()
            return
          }
          // What is sent now would meet a connection that is being closed.
          socket.removeAllListeners()
          socket.on('error', () => undefined)
          socket.destroy()
          socket = open()
        }
        function open(): Socket {
          const opened = connect({ host: hostname, port: Number(port), noDelay: true })
          opened.on('connect', () => next())
          opened.on('error', (cause) =>
            reject(
              new Error(`the hub left a request without an answer, ${answered} were answered`, { cause }),
            ),
          )
          opened.on('data', (chunk: Buffer) => answer(chunk))
          return opened
        }
      })
    }),
  )
  return {
    events,
    elapsedMs: performance.now() - startedAt,
    latencies: latencies.subarray(0, answered).sort(),
    refused,
    refusal,
  }
}

export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

/** How often a path is asked. */
const ASKED = 20

/** What whoever asks waits for. With a body it is a POST. */
export async function asked(
  call: CallApi,
  path: string,
  body?: object,
): Promise<{ readonly p50Ms: number; readonly maxMs: number }> {
  const times = new Float64Array(ASKED)
  for (let i = 0; i < ASKED; i++) {
    const startedAt = performance.now()
    await call(body === undefined ? 'GET' : 'POST', path, body)
    times[i] = performance.now() - startedAt
  }
  times.sort()
  return { p50Ms: quantile(times, 0.5), maxMs: times[ASKED - 1] ?? 0 }
}
