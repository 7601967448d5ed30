/**
 * `npm run cluster`: a cluster of three nodes on this machine, to be tried and hurt. Three NATS servers keep the log, a PostgreSQL the state,
 * the sandbox plays the vendors and sends traffic to all nodes. A node that is killed starts again a little later. Ctrl-C stops everything,
 * and nothing is kept.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pause, systemClock } from '../src/core/clock.ts'
import { seededRandom } from '../src/core/random.ts'
import { DEMO, startSandbox } from '../src/sandbox/sandbox.ts'
import { simulatedSupply } from '../src/sandbox/simulated-supply.ts'
import { createSimulation } from '../src/sandbox/simulator/simulator.ts'
import { eventually } from '../test/support/eventually.ts'
import { forgetHubUrl, hubUrlIn } from '../test/support/hub-address.ts'
import { TestNats } from '../test/support/nats.ts'
import { POSTGRES, postgresDatabase } from '../test/support/postgres.ts'
import { makeServerFolder, removeServer } from '../test/support/servers.ts'

const PROGRAM = join(dirname(import.meta.dirname), 'bin/thalweg')
const FIRST_PORT = Number(process.env.THALWEG_PORT ?? 7071)
const NODES = ['one', 'two', 'three']
const TOKEN = 'thalweg-cluster-currents-token'
const EVENTS_PER_SECOND = 30
const AGAIN_MS = 8_000
const READY = { withinMs: 60_000 }

interface Node {
  readonly name: string
  readonly url: string
  readonly dataDir: string
  child: ChildProcess
}

const endings: (() => Promise<unknown>)[] = []
let isEnding = false

async function end(code: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  say('Stopping: what is on its way arrives first.')
  for (const ending of endings.reverse()) await ending().catch((error: unknown) => say(String(error)))
  process.exit(code)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function startNode(name: string, i: number, dataDir: string, env: NodeJS.ProcessEnv): Node {
  const port = FIRST_PORT === 0 ? 0 : FIRST_PORT + i
  const start = (): ChildProcess => {
    forgetHubUrl(dataDir)
    const child = spawn(PROGRAM, ['serve'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // Ctrl-C is for us; we tell them.
      detached: true,
      env: { ...process.env, ...env, THALWEG_NODE: name, THALWEG_DATA: dataDir, THALWEG_PORT: `${port}` },
    })
    child.once('exit', (code, signal) => {
      if (isEnding) return
      say(`Node ${name} ended (${signal ?? code}); it starts again in ${AGAIN_MS / 1000} s.`)
      setTimeout(() => {
        if (isEnding) return
        node.child = start()
        say(`Node ${name} starts again as process ${node.child.pid}.`)
      }, AGAIN_MS)
    })
    return child
  }
  const node: Node = {
    name,
    dataDir,
    child: start(),
    get url() {
      return hubUrlIn(dataDir) ?? `http://127.0.0.1:${port}`
    },
  }
  endings.push(async () => {
    const { child } = node
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    // One that was stopped hears nothing until it goes on.
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const last = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await gone
    clearTimeout(last)
  })
  return node
}

async function call(url: string, token: string, path: string, body: unknown): Promise<{ id?: string }> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`)
  return JSON.parse(text) as { id?: string }
}

process.on('SIGINT', () => void end(0))
process.on('SIGTERM', () => void end(0))

try {
  say('Starting PostgreSQL, three NATS servers and the doubles…')
  const postgres = await makeServerFolder(POSTGRES)
  process.env[POSTGRES.variable] = postgres
  endings.push(() => removeServer(POSTGRES, postgres))
  const database = await postgresDatabase('empty')
  const nats = await TestNats.start({ servers: 3 })
  endings.push(() => nats.close())
  const sandbox = await startSandbox({ random: seededRandom(7) })
  endings.push(() => sandbox.close())
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-cluster-'))
  endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))

  const env = {
    THALWEG_STORE: database.url,
    THALWEG_LOG: nats.address('thalweg', '?replicas=3'),
    THALWEG_KEY: randomBytes(32).toString('base64'),
    THALWEG_LOG_LEVEL: process.env.THALWEG_LOG_LEVEL ?? 'warn',
    THALWEG_SEGMENT_BYTES: '16MiB',
    THALWEG_DECOMPRESSED_BYTES_MAX: '8MiB',
    THALWEG_BODY_BYTES_MAX: '8MiB',
  }
  const nodes: Node[] = []
  for (const [i, name] of NODES.entries()) {
    const node = startNode(name, i, join(folder, name), env)
    nodes.push(node)
    await eventually(`node ${name} is ready`, () => hubUrlIn(node.dataDir), READY)
  }
  const [first] = nodes as [Node]
  const token = readFileSync(join(first.dataDir, 'admin-token'), 'utf8').trim()

  await call(first.url, token, '/sources', {
    name: 'braze',
    kind: 'braze-currents',
    settings: {},
    token: TOKEN,
  })
  const { id: authorization } = await call(first.url, token, '/authorizations', {
    label: 'Segment',
    provider: 'segment',
    credentials: { writeKey: DEMO.segmentWriteKey },
  })
  const common = { contactEmail: 'data-team@example.com', sources: ['braze'], delivery: { waitMs: 500 } }
  for (const definition of [
    ...['email', 'push', 'sms', 'content-card'].map((channel) => ({
      ...common,
      name: `webhook-${channel}`,
      selection: { include: [`channel:${channel}`] },
      externalId: 'optional',
      destination: { kind: 'http', settings: { url: `${sandbox.addresses.http}/${channel}` } },
    })),
    {
      ...common,
      name: 'segment',
      destination: {
        kind: 'segment',
        settings: { region: 'custom', host: `${sandbox.addresses.segment}/v1` },
        authorization,
      },
    },
  ]) {
    await call(first.url, token, '/currents', definition)
    await call(first.url, token, `/currents/${definition.name}/launch`, { from: 'now' })
  }
  for (const [i, node] of nodes.entries())
    sandbox.braze.vendor.startSender({
      name: `to ${node.name}`,
      url: `${node.url}/currents/braze`,
      token: TOKEN,
      supply: simulatedSupply(
        createSimulation({ seed: 7 + i, clock: systemClock, eventsPerSecond: EVENTS_PER_SECOND }),
      ),
      waitMs: 500,
    })
  endings.push(() => sandbox.braze.vendor.close())

  const cli = `THALWEG_TOKEN=${token} npx thalweg --url`
  say('')
  for (const { name, url, child } of nodes) say(`Node ${name.padEnd(6)} ${url}   process ${child.pid}`)
  say(`NATS        processes ${nats.pids.join(', ')}`)
  say('')
  say(`Who does what:   ${cli} ${first.url} nodes`)
  say(`Do books close:  ${cli} ${first.url} ledger check`)
  say(`Hand over:       ${cli} ${first.url} nodes drain two      (and back: nodes activate two)`)
  say(`Kill a node:     kill -9 ${nodes[1]?.child.pid}       (it starts again by itself)`)
  say(`Freeze a node:   kill -STOP ${nodes[2]?.child.pid}; sleep 8; kill -CONT ${nodes[2]?.child.pid}`)
  say('Ctrl-C stops everything; nothing is kept.')
  for (;;) await pause(3_600_000)
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  await end(1)
}
