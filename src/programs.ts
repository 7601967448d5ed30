/**
 * What the commands run in this process: the hub alone, the demo around it, the doubles alone, simulated traffic alone. The
 * sandbox is loaded by those that need it only: a hub that serves has no doubles, and starts sooner.
 */

import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Access, openAccess } from './access/access.ts'
import { SETUP_FILE } from './access/setup.ts'
import type { MountedApi } from './api/api.ts'
import type { RestoreReport, SimulateDaysOptions, SimulatedDays } from './cli/programs.ts'
import { pause, systemClock } from './core/clock.ts'
import { seededRandom } from './core/random.ts'
import { type Overrides, readSettings } from './core/settings.ts'
import { programVersion } from './core/version.ts'
import type { DemoOptions } from './demo.ts'
import { type Fallback, type Hub, hubLogger, startHub } from './hub.ts'
import { apiPartsOf } from './hub-api.ts'
import type { Sandbox } from './sandbox/sandbox.ts'

/** Where the first admin token is left, readable by its owner only; the command line finds it there. */
export const ADMIN_TOKEN_FILE = 'admin-token'

/** Runs the hub until a signal; SIGTERM and SIGINT drain it. */
export async function serve(overrides: Overrides): Promise<void> {
  const signalled = untilSignal()
  const settings = readSettings(process.env, overrides)
  const api = new Mount()
  const giveUp = new AbortController()
  void signalled.then(() => giveUp.abort())
  const hub = await startHub({ settings, version: programVersion(), giveUp: giveUp.signal }, (started) =>
    api.over(started),
  ).catch((error: unknown) => {
    if (error !== giveUp.signal.reason) throw error
  })
  if (hub === undefined) return
  if (api.setupCode !== undefined) process.stdout.write(welcomeOwner(hub, api.setupCode))
  try {
    await Promise.race([signalled, api.failure])
  } finally {
    await hub.close()
  }
}

/** Hub, doubles, simulated traffic and the live table, until a signal. */
export async function demo(overrides: Overrides, options: DemoOptions): Promise<void> {
  const signalled = untilSignal()
  // The table and the story say what happens; log lines would run through them.
  const logLevel = overrides.logLevel ?? process.env.THALWEG_LOG_LEVEL ?? 'error'
  const settings = readSettings(process.env, { ...overrides, logLevel })
  const [{ startSandbox }, { startDemo }, { LiveTable }] = await Promise.all([
    import('./sandbox/sandbox.ts'),
    import('./demo.ts'),
    import('./live-table.ts'),
  ])
  const sandbox = await startSandbox({
    host: settings.host,
    port: settings.sandboxPort,
    random: seededRandom(options.seed),
  })
  const api = new Mount(sandbox)
  const hub = await startHub(
    { settings, version: programVersion(), alsoListening: sandbox.addresses },
    (started) => api.over(started),
  )
  const story = await startDemo(hub, sandbox, options)
  const table = new LiveTable(hub, process.stdout)
  process.stdout.write(welcome(hub, sandbox))
  story.onStory((sentence) => table.tell(sentence))
  table.start()
  await Promise.race([signalled, api.failure])
  story.stop()
  await table.stop()
  process.stdout.write('Stopping: what is on its way arrives first.\n')
  await sandbox.braze.vendor.close()
  await hub.close()
  await sandbox.close()
}

/** The vendors' doubles alone, until a signal. */
export async function sandboxOnly(overrides: Overrides): Promise<void> {
  const signalled = untilSignal()
  const settings = readSettings(process.env, overrides)
  const { startSandbox } = await import('./sandbox/sandbox.ts')
  const sandbox = await startSandbox({ host: settings.host, port: settings.sandboxPort })
  process.stdout.write(`${JSON.stringify(sandbox.addresses)}\n`)
  await signalled
  await sandbox.close()
}

export interface SimulateOptions extends DemoOptions {
  /** Address of a Currents door. */
  readonly url: string
  readonly token: string
  /** How long; unset = until a signal. */
  readonly seconds?: number
}

/** Sends simulated traffic to a door, as Braze would, and prints what became of it. */
export async function simulate({
  url,
  token,
  seed,
  eventsPerSecond,
  seconds,
}: SimulateOptions): Promise<void> {
  const signalled = untilSignal()
  const [{ Sender }, { simulatedSupply }, { createSimulation }] = await Promise.all([
    import('./sandbox/sender.ts'),
    import('./sandbox/simulated-supply.ts'),
    import('./sandbox/simulator/simulator.ts'),
  ])
  const sender = new Sender({
    name: 'simulate',
    url,
    token,
    supply: simulatedSupply(createSimulation({ seed, clock: systemClock, eventsPerSecond })),
    clock: systemClock,
    random: seededRandom(seed),
    waitMs: 1_000,
  })
  sender.start()
  await Promise.race([signalled, ...(seconds === undefined ? [] : [pause(seconds * 1000)])])
  await sender.stop()
  process.stdout.write(`${JSON.stringify(sender.state(), null, 2)}\n`)
}

/** Exit code of what a signal broke off. */
const INTERRUPTED = 130

/** Simulates days of everything; see simulation/simulation.ts. */
export async function simulateDays(options: SimulateDaysOptions): Promise<SimulatedDays> {
  const { simulate: simulateWorlds } = await import('./simulation/simulation.ts')
  void untilSignal().then(() => process.exit(INTERRUPTED))
  const logger = hubLogger('silent')
  return simulateWorlds({ ...options, openHub: (parts) => startHub({ ...parts, logger }, doorsOnly) })
}

/** Without an API. */
async function doorsOnly(): Promise<{ handle: Fallback; close(): Promise<void> }> {
  return {
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }
}

export interface SimulateFilesOptions {
  readonly folder: string
  readonly seed: number
  /** At least so many: files are whole. */
  readonly events: number
}

/** Writes Avro files as Braze's storage connectors do, and prints what was written. */
export async function simulateFiles({ folder, seed, events }: SimulateFilesOptions): Promise<void> {
  const nowSeconds = Math.floor(systemClock.now() / 1000)
  const { writeBulk } = await import('./sandbox/storage/storage.ts')
  const written = await writeBulk({ folder, seed, events, nowSeconds })
  process.stdout.write(`${JSON.stringify(written, null, 2)}\n`)
}

/** Puts a backup into an empty data folder. */
export async function restore(folder: string, dataDir: string): Promise<RestoreReport> {
  const restoring = await import('./backup/restore.ts')
  const { manifest, files, bytes } = await restoring.restore(folder, dataDir)
  const { log, store, withKey, startedAt } = manifest
  return { files, bytes, head: log.head, startedAt, withKey, dialect: store.dialect }
}

/** Runs the benchmarks of this checkout. */
export async function bench(names: readonly string[]): Promise<number> {
  const script = fileURLToPath(new URL('../bench/bench.ts', import.meta.url))
  const child = spawn(process.execPath, [script, ...names], { stdio: 'inherit' })
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}

/** After how long the API is loaded though nobody asked for it. */
const API_WAITS_MS = 1_000

/**
 * The API over a hub. The doors open before it is loaded, which takes half as long as all else together: senders that waited for a restart
 * are answered first. A request to the API brings it at once, and waits for it.
 */
class Mount {
  /** Never resolves; rejects when the API cannot be made: then the program has to end. */
  readonly failure: Promise<never>
  /** With which the owner can be made, while there is none. */
  setupCode: string | undefined
  readonly #sandbox: Sandbox | undefined
  readonly #wanted = new AbortController()
  #fail: (error: unknown) => void = () => undefined

  constructor(sandbox?: Sandbox) {
    this.#sandbox = sandbox
    this.failure = new Promise((_, reject) => {
      this.#fail = reject
    })
  }

  async over(hub: Hub): Promise<{ handle: Fallback; close(): Promise<void> }> {
    const { store, clock, logger, settings } = hub
    const { access, firstToken, setupCode } = await openAccess({
      store,
      clock,
      logger,
      dataDir: settings.dataDir,
      limits: settings,
      demo: this.#sandbox !== undefined,
    })
    if (firstToken !== undefined) await keepFirstToken(hub, firstToken)
    this.setupCode = setupCode
    hub.cluster.onChange('tokens', () => access.tokens.refresh())
    const made = this.#make(hub, access)
    made.catch(this.#fail)
    return {
      handle: (request, response) => {
        this.#wanted.abort()
        made.then(
          ({ handle }) => handle(request, response),
          () => request.destroy(),
        )
      },
      close: async () => {
        this.#wanted.abort()
        access.stop()
        await made.then(
          (api) => api.close(),
          () => undefined,
        )
      },
    }
  }

  async #make(hub: Hub, access: Access): Promise<MountedApi> {
    await systemClock.sleep(API_WAITS_MS, this.#wanted.signal)
    const { createApi } = await import('./api/api.ts')
    return createApi({ version: programVersion(), ...apiPartsOf(hub, this.#sandbox), access })
  }
}

/** Shown once, and kept where the command line of this machine finds it. */
async function keepFirstToken(hub: Hub, token: string): Promise<void> {
  const file = join(hub.settings.dataDir, ADMIN_TOKEN_FILE)
  await writeFile(file, `${token}\n`, { mode: 0o600 })
  process.stdout.write(`First admin token (shown once; kept in ${file}): ${token}\n`)
}

function welcomeOwner({ url, settings }: Hub, code: string): string {
  const file = join(settings.dataDir, SETUP_FILE)
  return `Nobody can sign in to the console yet. Become its owner (works once; kept in ${file} until then): ${url}/setup#code=${code}\n`
}

function welcome(hub: Hub, sandbox: Sandbox): string {
  const { addresses } = sandbox
  return [
    `Thalweg listens on ${hub.url}: open it in a browser, and a tour of five minutes begins. Its data lies in ${hub.settings.dataDir}.`,
    `Events flow from the Braze double (${addresses.braze}) through Thalweg into Treasure Data (${addresses.treasureData}), Segment (${addresses.segment}), an HTTP receiver (${addresses.http}) and the embedded warehouse (tables braze.events and braze.events_raw).`,
    'In half a minute Treasure Data refuses some records, in a minute the HTTP receiver its token, on purpose: a dead letter and a halt to mend.',
    'Look around in another terminal: npx thalweg status --watch · dead-letters list · ledger check · event show <id> · currents resume webhook',
    'Bring people back: npx thalweg activations run email-openers --dry-run, then without --dry-run; the cohort appears in the Braze double',
    'Ctrl-C stops; the next start goes on where this one stopped.',
    '',
    '',
  ].join('\n')
}

/** To be called first: one that comes while the program still starts has it start, and then end in order. A second one ends it at once. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}
