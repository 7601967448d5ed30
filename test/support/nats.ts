/** A real NATS JetStream for tests: one server, or a cluster of three, on free ports of the loopback interface, that a test may kill, pause and start again. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type LogAddress, parseLogAddress } from '../../src/log/jetstream/address.ts'
import { eventually } from './eventually.ts'
import { freePort, programNamed } from './servers.ts'

const START_MS_MAX = 60_000
const PROBE = 'PROBE'

export interface NatsOptions {
  readonly servers: 1 | 3
  /** More of the configuration, in the server's own words. */
  readonly config?: string
  readonly maxPayload?: string
}

interface Server {
  readonly port: number
  readonly clusterPort: number
  process: ChildProcess | undefined
}

let names = 0

export class TestNats {
  readonly folder: string
  readonly #servers: readonly Server[]
  readonly #options: NatsOptions
  readonly #program: string
  #connection: NatsConnection | undefined

  private constructor(folder: string, servers: readonly Server[], options: NatsOptions, program: string) {
    this.folder = folder
    this.#servers = servers
    this.#options = options
    this.#program = program
  }

  /** Runs, and keeps streams, when the promise resolves. To be closed. */
  static async start(options: NatsOptions = { servers: 1 }): Promise<TestNats> {
    const folder = await mkdtemp(join(tmpdir(), 'thalweg-nats-'))
    const program = await programNamed({ title: 'NATS' }, 'nats-server', ['/usr/sbin'])
    const servers: Server[] = []
    for (let i = 0; i < options.servers; i++)
      servers.push({ port: await freePort(), clusterPort: await freePort(), process: undefined })
    const nats = new TestNats(folder, servers, options, program)
    process.once('exit', nats.#killAll)
    for (let i = 0; i < servers.length; i++) await nats.#spawn(i)
    await nats.#ready(0, (nc) => nats.#makeProbe(nc))
    return nats
  }

  get ports(): readonly number[] {
    return this.#servers.map(({ port }) => port)
  }

  /** Of the servers that run. */
  get pids(): readonly number[] {
    return this.#servers.flatMap(({ process }) => process?.pid ?? [])
  }

  /** As in THALWEG_LOG; each call another log, unless it is named. */
  address(name = `log${++names}`, query = ''): string {
    return `nats://${this.ports.map((port) => `127.0.0.1:${port}`).join(',')}/${name}${query}`
  }

  parsed(name?: string, query?: string): LogAddress {
    const address = parseLogAddress(this.address(name, query))
    if (address === undefined) throw new Error('an address of ours cannot be parsed')
    return address
  }

  /** For what only an administrator does. */
  async manager(): Promise<{ jsm: JetStreamManager; nc: NatsConnection }> {
    this.#connection ??= await connect({
      servers: this.ports.map((port) => `127.0.0.1:${port}`),
      maxReconnectAttempts: -1,
    })
    return { jsm: await jetstreamManager(this.#connection, { checkAPI: false }), nc: this.#connection }
  }

  /** Starts a server that does not run; resolves when streams have a leader again, or at once while too few servers run for that. */
  async restart(i: number): Promise<void> {
    await this.#spawn(i)
    const running = this.#servers.filter(({ process }) => process !== undefined).length
    if (running > this.#servers.length / 2) await this.#ready(i, hasLeader)
  }

  /** As a power cut does, but for what is on the disk. */
  async kill(i: number): Promise<void> {
    const server = this.#server(i)
    const { process } = server
    if (process === undefined) return
    const gone = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGKILL')
    await gone
    server.process = undefined
  }

  /** Stands still, and keeps its connections. */
  pause(i: number): void {
    this.#server(i).process?.kill('SIGSTOP')
  }

  resume(i: number): void {
    this.#server(i).process?.kill('SIGCONT')
  }

  isRunning(i: number): boolean {
    return this.#server(i).process !== undefined
  }

  /** Which server leads a stream. */
  async leaderOf(stream: string): Promise<number> {
    const { jsm } = await this.manager()
    const { cluster } = await jsm.streams.info(stream)
    return Number(cluster?.leader?.slice(1))
  }

  async close(): Promise<void> {
    process.off('exit', this.#killAll)
    await this.#connection?.close()
    for (let i = 0; i < this.#servers.length; i++) await this.kill(i)
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  readonly #killAll = (): void => {
    for (const { process } of this.#servers) process?.kill('SIGKILL')
  }

  #server(i: number): Server {
    const server = this.#servers[i]
    if (server === undefined) throw new RangeError(`no server ${i}`)
    return server
  }

  #configOf(i: number, { port, clusterPort }: Server): string {
    const { config = '', maxPayload = '16MB' } = this.#options
    const routes = this.#servers.map((one) => `nats://127.0.0.1:${one.clusterPort}`).join(', ')
    const cluster =
      this.#servers.length === 1
        ? ''
        : `cluster { name: test, listen: "127.0.0.1:${clusterPort}", routes: [${routes}] }`
    return `
server_name: n${i}
listen: "127.0.0.1:${port}"
max_payload: ${maxPayload}
jetstream { store_dir: "${join(this.folder, `store${i}`)}", max_memory_store: 64MB, max_file_store: 10GB }
${cluster}
${config}
`
  }

  async #spawn(i: number): Promise<void> {
    const server = this.#server(i)
    const config = join(this.folder, `${i}.conf`)
    await writeFile(config, this.#configOf(i, server))
    server.process = spawn(this.#program, ['-c', config, '-l', this.#logOf(i)], { stdio: 'ignore' })
  }

  async #ready(i: number, isReady: (nc: NatsConnection) => Promise<boolean>): Promise<void> {
    const { port } = this.#server(i)
    const look = async (): Promise<boolean> => {
      // Servers that ask for credentials are tried by the test itself.
      if (this.#options.config !== undefined) return await listens(port)
      const nc = await connect({ servers: `127.0.0.1:${port}`, timeout: 1_000, reconnect: false })
      try {
        return await isReady(nc)
      } finally {
        await nc.close()
      }
    }
    try {
      await eventually('NATS keeps streams', look, { withinMs: START_MS_MAX })
    } catch (error) {
      const log = await readFile(this.#logOf(i), 'utf8').catch(() => 'no log')
      throw new Error(`nats-server ${i}: ${log}`, { cause: error })
    }
  }

  async #makeProbe(nc: NatsConnection): Promise<boolean> {
    const jsm = await jetstreamManager(nc, { timeout: 2_000 })
    await jsm.streams.add({ name: PROBE, subjects: ['probe'], num_replicas: this.#servers.length })
    return this.#servers.length === 1 || (await hasLeader(nc))
  }

  #logOf(i: number): string {
    return join(this.folder, `${i}.log`)
  }
}

async function hasLeader(nc: NatsConnection): Promise<boolean> {
  const jsm = await jetstreamManager(nc, { timeout: 2_000 })
  const { cluster } = await jsm.streams.info(PROBE)
  return cluster?.leader !== undefined && cluster.leader !== ''
}

async function listens(port: number): Promise<boolean> {
  const { connect: open } = await import('node:net')
  return await new Promise((resolve, reject) => {
    const socket = open(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', reject)
  })
}
