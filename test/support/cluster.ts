/** Hubs as processes of their own on one PostgreSQL and one NATS JetStream, and a vendor that keeps who told it what. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ClusterAnswer } from '../../src/api/routes/nodes.ts'
import { apiOf } from './api-client.ts'
import { eventually } from './eventually.ts'
import { forgetHubUrl, hubUrlIn } from './hub-address.ts'
import { TestNats } from './nats.ts'
import { postgresDatabase } from './postgres.ts'
import { tempFolder } from './temp.ts'
import { startWire, type Wire } from './wire.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
export const CLUSTER_SOURCE = 'braze'
export const CLUSTER_TOKEN = 'cluster-source-token'

export interface Books {
  readonly balanced: boolean
  readonly currents: readonly {
    readonly current: string
    readonly accepted: number
    readonly delivered: number
    readonly pending: number
  }[]
}

export interface ClusterOptions {
  readonly nodes: readonly string[]
  readonly leaseMs: number
  /** Of NATS. Default 3. */
  readonly servers?: 1 | 3
  /** Settings of one node beside those of all. */
  readonly also?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** One request that a vendor got, in the order in which requests began. */
export interface Told {
  readonly current: string
  readonly token: number
  /** Of the events, in order; undefined until its body has come whole. */
  ids: readonly string[] | undefined
}

export class Vendor {
  readonly told: Told[] = []
  readonly url: string

  private constructor(url: string) {
    this.url = url
  }

  static async start(): Promise<Vendor> {
    const server = createServer(async (request, response) => {
      const current = (request.url ?? '').slice(1)
      const token = Number(/token=(\d+)/.exec(String(request.headers['thalweg-lease'] ?? ''))?.[1] ?? 0)
      const told: Told = { current, token, ids: undefined }
      vendor.told.push(told)
      try {
        const body = Buffer.concat(await request.toArray()).toString()
        told.ids = (JSON.parse(body) as { events: { id: string }[] }).events.map(({ id }) => id)
        response.end('{}')
      } catch {
        response.destroy()
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const vendor = new Vendor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return vendor
  }

  /** Requests of a current that came behind one of a newer owner. */
  stale(): Told[] {
    const newest = new Map<string, number>()
    return this.told.filter(({ current, token }) => {
      const before = newest.get(current) ?? 0
      newest.set(current, Math.max(before, token))
      return token < before
    })
  }

  /** Ids that a current was told, each where it came first. */
  firsts(current: string): string[] {
    return [...new Set(this.told.flatMap((one) => (one.current === current ? (one.ids ?? []) : [])))]
  }
}

export class HubProcess {
  readonly name: string
  readonly wire: Wire
  readonly dataDir: string
  readonly #env: Readonly<Record<string, string>>
  child: ChildProcess | undefined
  url = ''

  constructor(name: string, wire: Wire, dataDir: string, env: Readonly<Record<string, string>>) {
    this.name = name
    this.wire = wire
    this.dataDir = dataDir
    this.#env = env
  }

  get adminToken(): string {
    return readFileSync(join(this.dataDir, 'admin-token'), 'utf8').trim()
  }

  async start(): Promise<void> {
    forgetHubUrl(this.dataDir)
    const child = spawn(process.execPath, [MAIN, 'serve'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...this.#env, THALWEG_DATA: this.dataDir, THALWEG_NODE: this.name },
    })
    this.child = child
    onTestFinished(() => void child.kill('SIGKILL'))
    this.url = await eventually(`${this.name} is ready`, () => hubUrlIn(this.dataDir), { withinMs: 60_000 })
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
}

export class ClusterUnderTest {
  readonly nats: TestNats
  readonly hubs: readonly HubProcess[]
  readonly storeUrl: string
  #token = ''

  private constructor(nats: TestNats, hubs: readonly HubProcess[], storeUrl: string) {
    this.nats = nats
    this.hubs = hubs
    this.storeUrl = storeUrl
  }

  static async start({ nodes, leaseMs, servers = 3, also = {} }: ClusterOptions): Promise<ClusterUnderTest> {
    const database = await postgresDatabase()
    onTestFinished(() => database.drop())
    const nats = await TestNats.start({ servers })
    onTestFinished(() => nats.close())
    const env = {
      THALWEG_LOG: nats.address('cluster', `?replicas=${servers}`),
      THALWEG_KEY: randomBytes(32).toString('base64'),
      THALWEG_PORT: '0',
      THALWEG_LEASE: `${leaseMs}`,
      THALWEG_LOG_LEVEL: process.env.THALWEG_TEST_LOG_LEVEL ?? 'fatal',
      THALWEG_SEGMENT_BYTES: '4MiB',
      THALWEG_DECOMPRESSED_BYTES_MAX: '1MiB',
      THALWEG_BODY_BYTES_MAX: '1MiB',
    }
    const hubs: HubProcess[] = []
    for (const name of nodes) {
      const wire = await startWire(join(database.host, '.s.PGSQL.5432'))
      const store = `postgres://${database.user}@127.0.0.1:${wire.port}/${database.database}`
      hubs.push(
        new HubProcess(name, wire, await tempFolder(), { ...env, ...also[name], THALWEG_STORE: store }),
      )
    }
    const cluster = new ClusterUnderTest(nats, hubs, database.url)
    // The first makes the tables of the store and the streams of the log.
    for (const hub of hubs) await hub.start()
    cluster.#token = (hubs[0] as HubProcess).adminToken
    return cluster
  }

  /** Throws what is not 2xx. */
  call<T>(hub: HubProcess, method: string, path: string, body?: unknown): Promise<T> {
    return apiOf(hub.url, this.#token)(method, path, body)
  }

  nodes(hub = this.hubs[0] as HubProcess): Promise<ClusterAnswer> {
    return this.call(hub, 'GET', '/nodes')
  }

  /** A source, and as many launched currents to the vendor, made through different nodes. */
  async furnish(vendor: Vendor, currents: number): Promise<string[]> {
    await this.call(this.hubs[0] as HubProcess, 'POST', '/sources', {
      name: CLUSTER_SOURCE,
      kind: 'braze-currents',
      settings: {},
      token: CLUSTER_TOKEN,
    })
    const names: string[] = []
    for (let i = 1; i <= currents; i++) {
      const name = `c${i}`
      names.push(name)
      const hub = this.hubs[i % this.hubs.length] as HubProcess
      await eventually(`${hub.name} knows the source`, () =>
        this.call<{ sources: { name: string }[] }>(hub, 'GET', '/sources').then(({ sources }) =>
          sources.some((source) => source.name === CLUSTER_SOURCE),
        ),
      )
      await this.call(hub, 'POST', '/currents', {
        name,
        contactEmail: 'contact@example.com',
        sources: [CLUSTER_SOURCE],
        delivery: { ordering: 'per-profile', inFlightMax: 2, waitMs: 50 },
        destination: { kind: 'http', settings: { url: `${vendor.url}/${name}` } },
      })
      await this.call(hub, 'POST', `/currents/${name}/launch`, { from: 'now' })
    }
    return names
  }

  /** Waits until nothing is pending, and gives the books as any node counts them. */
  async books(hub = this.hubs[0] as HubProcess): Promise<Books> {
    return eventually(
      'nothing is pending',
      async () => {
        const books = await this.call<Books>(hub, 'GET', '/ledger/check')
        const late = books.currents.filter(({ pending }) => pending > 0)
        if (late.length === 0) return books
        const { currents } = await this.call<{
          currents: { name: string; state: string; stateReason: string }[]
        }>(hub, 'GET', '/currents')
        throw new Error(
          `${late.map(({ current, pending }) => `${current}: ${pending}`).join(', ')}; ${currents
            .map(({ name, state, stateReason }) => `${name} ${state} ${stateReason}`)
            .join(', ')}`,
        )
      },
      { withinMs: 60_000 },
    )
  }
}

/** Senders that behave like Braze: each has people of its own, whose events it numbers, and sends again what was not acknowledged. */
export class ClusterTraffic {
  readonly acknowledged = new Set<string>()
  readonly #hubs: readonly HubProcess[]
  readonly #stopping = new AbortController()
  readonly #senders: readonly Promise<void>[]

  constructor(hubs: readonly HubProcess[], senders: number, pauseMs: number) {
    this.#hubs = hubs
    this.#senders = Array.from({ length: senders }, (_, i) => this.#send(i, pauseMs))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#senders)
  }

  async #send(sender: number, pauseMs: number): Promise<void> {
    let batch: string[] | undefined
    let made = 0
    for (let turn = sender; !this.#stopping.signal.aborted || batch !== undefined; turn++) {
      batch ??= Array.from({ length: 10 }, () => `s${sender}p${made % 5}-${Math.floor(made++ / 5)}`)
      const hub = this.#hubs[turn % this.#hubs.length] as HubProcess
      try {
        const answer = await fetch(`${hub.url}/currents/${CLUSTER_SOURCE}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${CLUSTER_TOKEN}` },
          body: JSON.stringify({ events: batch.map(eventOf) }),
          signal: AbortSignal.timeout(3_000),
        })
        if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
        await answer.arrayBuffer()
        for (const id of batch) this.acknowledged.add(id)
        batch = undefined
      } catch {
        // Whether it was taken is not known: the same events go to the next node.
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}

function eventOf(id: string): object {
  return {
    id,
    event_type: 'users.messages.email.Open',
    time: 1_780_000_000,
    user: { user_id: '0123456789abcdef01234567', external_user_id: id.split('-')[0] },
    properties: { campaign_id: '11234567-89ab-cdef-0123-456789abcdef' },
  }
}

/** Ids of people whose events came first in another order than they were sent in. */
export function outOfOrder(ids: readonly string[]): string[] {
  const last = new Map<string, number>()
  return ids.filter((id) => {
    const [person = '', number = '0'] = id.split('-')
    const before = last.get(person) ?? -1
    last.set(person, Math.max(before, Number(number)))
    return Number(number) < before
  })
}
