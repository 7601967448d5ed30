/**
 * The yardstick: what any program on Node pays for HTTP in, synced file, HTTP out, and nothing else. No key, no parsing, no dedupe, no books,
 * no retry. It stands in the hub's place and is loaded like it, so that the hub's numbers can be read against the machine of the day.
 * Talks to rig.ts over the IPC channel.
 */

import { constants, ftruncateSync, openSync, writev } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Pool } from 'undici'
import type { HubPlan, HubStats } from './rig.ts'

const FILE_BYTES = 134_217_728
const IN_FLIGHT_MAX = 8

interface Waiting {
  readonly body: Buffer
  readonly response: ServerResponse
}

/** One receiver: bodies leave as they came, a few at a time, in no order. */
class Target {
  readonly #pool: Pool
  readonly #path: string
  readonly #waiting: Buffer[] = []
  #underWay = 0
  delivered = 0

  constructor(url: string) {
    const { origin, pathname } = new URL(url)
    this.#pool = new Pool(origin, { connections: 64, pipelining: 1 })
    this.#path = pathname
  }

  get pending(): number {
    return this.#waiting.length + this.#underWay
  }

  send(body: Buffer): void {
    this.#waiting.push(body)
    this.#next()
  }

  #next(): void {
    if (this.#underWay >= IN_FLIGHT_MAX) return
    const body = this.#waiting.shift()
    if (body === undefined) return
    this.#underWay++
    const end = (): void => {
      this.#underWay--
      this.delivered++
      this.#next()
    }
    this.#pool.dispatch(
      { method: 'POST', path: this.#path, headers: { 'content-type': 'application/json' }, body },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: () => undefined,
        onResponseEnd: end,
        onResponseError: (_controller, error) => {
          throw error
        },
      },
    )
  }
}

const plan = JSON.parse(process.argv[2] ?? '{}') as HubPlan
const file = openSync(
  join(plan.dataDir, 'bare'),
  constants.O_CREAT | constants.O_RDWR | constants.O_DSYNC,
  0o600,
)
ftruncateSync(file, FILE_BYTES)
const targets = plan.currents.map(({ destination }) => new Target(String(destination.settings.url)))

let queue: Waiting[] = []
let writing = false
let position = 0
let head = 0

const server = createServer((request, response) => {
  const body = Buffer.allocUnsafe(Number(request.headers['content-length']))
  let at = 0
  request.on('data', (chunk: Buffer) => {
    at += chunk.copy(body, at)
  })
  request.on('end', () => {
    queue.push({ body, response })
    if (writing) return
    writing = true
    setImmediate(writeGroup)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` })
})

function writeGroup(): void {
  const group = queue
  queue = []
  const bytes = group.reduce((sum, { body }) => sum + body.length, 0)
  if (position + bytes > FILE_BYTES) position = 0
  writev(
    file,
    group.map(({ body }) => body),
    position,
    (error) => {
      if (error !== null) throw error
      position += bytes
      head += group.length
      for (const { body, response } of group) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}')
        for (const target of targets) target.send(body)
      }
      writing = queue.length > 0
      if (writing) setImmediate(writeGroup)
    },
  )
}

process.on('message', (message) => {
  if (message === 'stats') process.send?.(stats())
  if (message === 'recycle') process.send?.({ segments: 0 })
  if (message === 'close') {
    server.closeAllConnections()
    server.close(() => process.exit(0))
  }
})

function stats(): HubStats {
  const usage = process.cpuUsage()
  return {
    cpuMicros: usage.user + usage.system,
    rssBytes: process.memoryUsage.rss(),
    heapBytes: process.memoryUsage().heapUsed,
    head,
    delivered: targets.map((target) => target.delivered),
    pending: targets.map((target) => target.pending),
  }
}
