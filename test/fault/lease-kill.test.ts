/**
 * Nodes that are killed, stand still past their leases, and are cut off from PostgreSQL, as real processes. What the vendor saw proves that
 * no post ever had two owners: once it heard from a newer token it never hears from an older one again.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { type Random, seededRandom } from '../../src/core/random.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import { openStore } from '../../src/store/store.ts'
import { eventually } from '../support/eventually.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { startWire, type Wire } from '../support/wire.ts'

const CHILD = join(import.meta.dirname, 'lease-kill-child.ts')
const POSTS = 4
const LEASE_MS = 1_500
const NODES = ['a', 'b', 'c']
const FAULTS = Number(process.env.THALWEG_TEST_FAULTS ?? 9)
/** Of a post, until somebody has it again; the lease, some beats, and a machine that is busy with other tests. */
const RECOVERY_MS_MAX = 10_000

interface Seen {
  readonly post: string
  readonly token: number
  readonly node: string
}

/** A vendor that keeps who told it what, in the order in which it came. */
async function startVendor(): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    seen.push(JSON.parse(Buffer.concat(pieces).toString()) as Seen)
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen }
}

class NodeProcess {
  readonly name: string
  /** With which code it ended by itself once it was ready; 3 = a write of an old token went through behind one of a newer one. */
  endedWith: number | undefined
  readonly #wire: Wire
  readonly #fork: () => ChildProcess
  #child: ChildProcess

  constructor(name: string, wire: Wire, start: () => ChildProcess) {
    this.name = name
    this.#wire = wire
    this.#fork = start
    this.#child = this.#start()
  }

  /** One that cannot start, because it is cut off from PostgreSQL, is started again, as whoever supervises it would. */
  #start(): ChildProcess {
    const child = this.#fork()
    let isReady = false
    child.once('message', () => {
      isReady = true
    })
    child.once('exit', (code) => {
      if (code === null) return
      if (isReady) this.endedWith = code
      else this.#child = this.#start()
    })
    return child
  }

  async suffer(fault: 'kill' | 'stop' | 'cut', random: Random): Promise<void> {
    const ms = LEASE_MS * (1.5 + random())
    if (fault === 'kill') {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await gone
      this.#child = this.#start()
    } else if (fault === 'stop') {
      const child = this.#child
      child.kill('SIGSTOP')
      await systemClock.sleep(ms)
      child.kill('SIGCONT')
    } else {
      this.#wire.cut()
      await systemClock.sleep(ms)
      this.#wire.mend()
    }
  }
}

function olderAfterNewer(seen: readonly Seen[]): Seen[] {
  const newest = new Map<string, number>()
  return seen.filter(({ post, token }) => {
    const before = newest.get(post) ?? 0
    newest.set(post, Math.max(before, token))
    return token < before
  })
}

test(
  'no post has two owners, whatever happens to the nodes, and each is somebody’s again within ten seconds',
  async () => {
    const random = seededRandom(testSeed('leases of processes'))
    const database = await postgresDatabase()
    onTestFinished(() => database.drop())
    const store = await openStore(database.url, { clock: systemClock })
    onTestFinished(() => store.close())
    for (let current = 1; current <= POSTS; current++)
      await store.db.insertInto('checkpoints').values({ current, position: 0, updated_at: 0 }).execute()
    const vendor = await startVendor()
    const nodes: NodeProcess[] = []
    for (const name of NODES) {
      const wire = await startWire(join(database.host, '.s.PGSQL.5432'))
      const url = `postgres://${database.user}@127.0.0.1:${wire.port}/${database.database}`
      const start = (): ChildProcess => {
        const child = fork(CHILD, [url, name, vendor.url, String(POSTS), String(LEASE_MS)], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        })
        onTestFinished(() => void child.kill('SIGKILL'))
        return child
      }
      nodes.push(new NodeProcess(name, wire, start))
    }
    const served = (from: number): boolean =>
      new Set(vendor.seen.slice(from).map(({ post }) => post)).size === POSTS
    const byAll = (): boolean => new Set(vendor.seen.map(({ node }) => node)).size === NODES.length
    await eventually('every node has something', () => served(0) && byAll(), { withinMs: 30_000 })

    const kinds = ['stop', 'kill', 'cut'] as const
    let slowestMs = 0
    for (let i = 0; i < FAULTS; i++) {
      const node = nodes[Math.floor(random() * nodes.length)] as NodeProcess
      const begun = performance.now()
      const suffering = node.suffer(kinds[i % kinds.length] ?? 'kill', random)
      const from = vendor.seen.length
      await eventually('every post is somebody’s', () => served(from), { withinMs: RECOVERY_MS_MAX })
      slowestMs = Math.max(slowestMs, performance.now() - begun)
      await suffering
    }
    console.info(
      `${FAULTS} faults: the slowest recovery took ${Math.round(slowestMs)} ms; ${vendor.seen.length} requests`,
    )
    expect(olderAfterNewer(vendor.seen)).toEqual([])
    const tokens = new Set(vendor.seen.map(({ post, token }) => `${post} ${token}`))
    expect(tokens.size).toBeGreaterThan(POSTS + FAULTS / 2)
    expect(nodes.filter(({ endedWith }) => endedWith !== undefined)).toEqual([])
  },
  120_000 + FAULTS * 15_000,
)
