/**
 * Hubs that share a PostgreSQL and a NATS JetStream of three servers: three nodes beside one, as fast as they go, and three nodes at loads that
 * grow tenfold. Everything shares this machine, so three nodes are not three machines: CPU per event says what a machine would have to do, for
 * the hubs, the log's servers and PostgreSQL apart, and which of them is the next to run out.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pause } from '../src/core/clock.ts'
import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { apiOf } from '../test/support/api-client.ts'
import { eventually } from '../test/support/eventually.ts'
import { hubUrlIn } from '../test/support/hub-address.ts'
import { TestNats } from '../test/support/nats.ts'
import { POSTGRES, postgresDatabase } from '../test/support/postgres.ts'
import { makeServerFolder, removeServer } from '../test/support/servers.ts'
import { lineThrough } from './line.ts'
import { unchanged } from './pipeline.ts'
import { childrenOf, cpuMicrosOf } from './process-stats.ts'
import { HUB_ENVIRONMENT, HUB_FLAGS, load, Sink, TOKEN } from './rig.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const NODES = ['a', 'b', 'c']
const CURRENTS = ['c1', 'c2', 'c3']
const PER_REQUEST = 100
const CONNECTIONS = 12
const WARM_UP_REQUESTS = 3_000
const FULL_REQUESTS = 3_000
/** Events per second; the last is ten times the first. */
const PACES = [2_000, 6_000, 20_000]
const PACED_SECONDS = 15
const IDLE_MS = 10_000

export async function nodes(): Promise<object[]> {
  process.env.THALWEG_BENCH_POSTGRES = 'synced'
  const folder = await makeServerFolder(POSTGRES)
  process.env[POSTGRES.variable] = folder
  const nats = await TestNats.start({ servers: 3 })
  try {
    const rows: object[] = []
    rows.push(await withNodes(NODES.slice(0, 1), nats, (cluster) => cluster.full()))
    const three = await withNodes(NODES, nats, async (cluster) => {
      const full = await cluster.full()
      const idle = await cluster.idle()
      const paced: Row[] = []
      for (const pace of PACES) paced.push(await cluster.paced(pace))
      return [full, idle, ...paced, lineOf(paced)]
    })
    return [...rows, ...three]
  } finally {
    await nats.close()
    await removeServer(POSTGRES, folder)
  }
}

async function withNodes<T>(
  names: readonly string[],
  nats: TestNats,
  work: (cluster: Measured) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-nodes-'))
  const database = await postgresDatabase('empty')
  const sink = new Sink()
  const children: ChildProcess[] = []
  const log = `bench-${names.length}`
  const env = {
    ...process.env,
    ...HUB_ENVIRONMENT,
    THALWEG_STORE: database.url,
    THALWEG_LOG: nats.address(log, '?replicas=3'),
    THALWEG_KEY: randomBytes(32).toString('base64'),
    THALWEG_PORT: '0',
    THALWEG_LOG_LEVEL: 'error',
  }
  try {
    const urls: string[] = []
    for (const name of names) {
      const dataDir = join(folder, name)
      const child = spawn(process.execPath, [...HUB_FLAGS, MAIN, 'serve'], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...env, THALWEG_NODE: name, THALWEG_DATA: dataDir },
      })
      children.push(child)
      urls.push(await eventually(`${name} is ready`, () => hubUrlIn(dataDir), { withinMs: 60_000 }))
    }
    const token = readFileSync(join(folder, names[0] ?? '', 'admin-token'), 'utf8').trim()
    const cluster = new Measured(urls, token, sink, { hubs: children, nats })
    await cluster.furnish()
    return await work(cluster)
  } finally {
    await Promise.all(children.map(ended))
    await sink.close()
    await removeStreams(nats, log)
    await database.drop()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** The servers keep the copies of a stream in step whether anybody uses it or not. */
async function removeStreams(nats: TestNats, log: string): Promise<void> {
  const { jsm } = await nats.manager()
  for (const end of ['', '-EDITED', '-READERS']) await jsm.streams.delete(`THALWEG-${log}${end}`)
}

/** What a node answers to a request without events. */
async function probed(url: string): Promise<number> {
  const answer = await fetch(`${url}/currents/bench`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  await answer.arrayBuffer()
  return answer.status
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const last = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await gone
  clearTimeout(last)
}

interface Row {
  readonly case: string
  readonly eventsPerSecond: number
  /** CPU of all processes. */
  readonly microsPerEvent: number
  readonly hubs: number
  readonly log: number
  readonly postgres: number
}

/** What is spent whether anything comes or not, and what each event adds. */
function lineOf(rows: readonly Row[]): object {
  const { slope, start } = lineThrough(
    rows.map(({ eventsPerSecond, microsPerEvent }) => [eventsPerSecond, eventsPerSecond * microsPerEvent]),
  )
  const costs = rows.map(({ microsPerEvent }) => microsPerEvent)
  return {
    case: '3 nodes: line through the paces',
    perCentOfACoreAtRest: start / 10_000,
    microsPerEvent: slope,
    dearestToCheapest: Math.max(...costs) / Math.min(...costs),
  }
}

interface Cpu {
  readonly hubs: number
  readonly log: number
  readonly postgres: number
}

class Measured {
  readonly #urls: readonly string[]
  readonly #token: string
  readonly #sink: Sink
  readonly #processes: { readonly hubs: readonly ChildProcess[]; readonly nats: TestNats }
  readonly #bodies = buildLoadBodies({ seed: 5, bodies: 48, eventsPerBody: PER_REQUEST })
  #seed = 1

  constructor(
    urls: readonly string[],
    token: string,
    sink: Sink,
    processes: { readonly hubs: readonly ChildProcess[]; readonly nats: TestNats },
  ) {
    this.#urls = urls
    this.#token = token
    this.#sink = sink
    this.#processes = processes
  }

  /** A source and three currents, one for each of three nodes, that all get every event. */
  async furnish(): Promise<void> {
    const sinkUrl = await this.#sink.listen()
    const call = apiOf(this.#urls[0] ?? '', this.#token)
    await call('POST', '/sources', { name: 'bench', kind: 'braze-currents', settings: {}, token: TOKEN })
    for (const name of CURRENTS) {
      const { destination, ...definition } = unchanged(name, sinkUrl)
      const { credentials: _none, ...withoutCredentials } = destination
      await call('POST', '/currents', {
        ...definition,
        contactEmail: 'bench@example.com',
        sources: ['bench'],
        destination: withoutCredentials,
      })
      await call('POST', `/currents/${name}/launch`, { from: 'now' })
    }
    await eventually('every node knows the source', async () => {
      const answers = await Promise.all(this.#urls.map(probed))
      return answers.every((status) => status === 200)
    })
    await this.#send(WARM_UP_REQUESTS)
  }

  /** As fast as answers come and receivers get it. */
  async full(): Promise<object> {
    return this.#row('as fast as it goes', () => this.#send(FULL_REQUESTS))
  }

  async paced(eventsPerSecond: number): Promise<Row> {
    const requests = (eventsPerSecond / PER_REQUEST) * PACED_SECONDS
    return this.#row(`${eventsPerSecond} events per second`, () =>
      this.#send(requests, eventsPerSecond / PER_REQUEST),
    )
  }

  /** What being there costs, in parts of a core. */
  async idle(): Promise<object> {
    const before = this.#cpu()
    const startedAt = performance.now()
    await pause(IDLE_MS)
    const micros = (performance.now() - startedAt) * 1000
    const { hubs, log, postgres } = since(before, this.#cpu())
    return {
      case: `${this.#nodes()}: at rest, per cent of a core`,
      hubs: (100 * hubs) / micros,
      log: (100 * log) / micros,
      postgres: (100 * postgres) / micros,
    }
  }

  #nodes(): string {
    return this.#urls.length === 1 ? 'one node' : `${this.#urls.length} nodes`
  }

  async #row(what: string, work: () => Promise<number>): Promise<Row> {
    const before = this.#cpu()
    const startedAt = performance.now()
    const events = await work()
    const elapsedMs = performance.now() - startedAt
    const { hubs, log, postgres } = since(before, this.#cpu())
    return {
      case: `${this.#nodes()}: ${what}`,
      eventsPerSecond: Math.round((events / elapsedMs) * 1000),
      microsPerEvent: (hubs + log + postgres) / events,
      hubs: hubs / events,
      log: log / events,
      postgres: postgres / events,
    }
  }

  /** Resolves with the number of events when all currents have delivered them. */
  async #send(requests: number, requestsPerSecond?: number): Promise<number> {
    const parts = this.#urls.length
    const own = Math.ceil(requests / parts)
    const events = own * parts * PER_REQUEST
    const all = this.#sink.arrived(this.#sink.events + events * CURRENTS.length, 180_000)
    const sent = await Promise.all(
      this.#urls.map((url) =>
        load({
          url,
          bodies: this.#bodies,
          connections: CONNECTIONS / parts,
          requests: own,
          seed: this.#seed++,
          ...(requestsPerSecond === undefined ? {} : { pacePerSecond: requestsPerSecond / parts }),
        }),
      ),
    )
    const refusal = sent.find(({ refused }) => refused > 0)?.refusal
    if (refusal !== undefined) throw new Error(`a request was refused: ${refusal}`)
    await all
    return events
  }

  #cpu(): Cpu {
    const postmaster = Number(readFileSync(join(process.env[POSTGRES.variable] ?? '', 'pid'), 'utf8'))
    return {
      hubs: cpuMicrosOf(this.#processes.hubs.map(({ pid }) => Number(pid))),
      log: cpuMicrosOf(this.#processes.nats.pids),
      postgres: cpuMicrosOf([postmaster, ...childrenOf(postmaster)]),
    }
  }
}

function since(before: Cpu, after: Cpu): Cpu {
  return {
    hubs: after.hubs - before.hubs,
    log: after.log - before.log,
    postgres: after.postgres - before.postgres,
  }
}
