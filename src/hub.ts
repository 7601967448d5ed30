/**
 * The hub: the rooms composed into one running program on one listener. Nothing here decides anything; it opens, connects and, in the reverse
 * order, closes.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join, relative } from 'node:path'
import type { Duplex } from 'node:stream'
import { pino } from 'pino'
import { Alerts } from './alerts/alerts.ts'
import { Channels } from './alerts/channels.ts'
import { Dispatcher } from './alerts/dispatcher.ts'
import { smtpProvider } from './alerts/mail.ts'
import { type Send, webhookProvider } from './alerts/webhook.ts'
import type { Audiences } from './audiences/audiences.ts'
import { Backups } from './backup/backups.ts'
import type { Cluster } from './cluster/cluster.ts'
import { joinCluster } from './cluster/join.ts'
import { PostLease } from './cluster/post-lease.ts'
import { ALERTS_POST, SCHEDULE_POST } from './cluster/posts.ts'
import { type Clock, type Pause, systemClock } from './core/clock.ts'
import { createKernel } from './core/kernel/create.ts'
import type { Kernel } from './core/kernel/kernel.ts'
import { listening } from './core/listening.ts'
import type { Provider } from './core/provider.ts'
import { type Random, systemRandom } from './core/random.ts'
import type { Settings } from './core/settings.ts'
import { Currents } from './currents/registry.ts'
import { Delivery } from './delivery/delivery.ts'
import { furthestCheckpoint } from './delivery/settlement.ts'
import type { Transport } from './delivery/transport.ts'
import { type InnerVendor, lateTransport, TransportByScheme } from './delivery/transport-by-scheme.ts'
import { destinations } from './destinations/catalog.ts'
import type { Destination, SourceLabel } from './destinations/destination.ts'
import { PARQUET_SCHEME } from './destinations/parquet/wire.ts'
import { POSTGRES_SCHEME } from './destinations/postgres/wire.ts'
import { WAREHOUSE_SCHEME } from './destinations/warehouse/warehouse.ts'
import { Erasures } from './erasure/erasures.ts'
import type { Step } from './erasure/steps.ts'
import type { NodeStore } from './erasure/stores.ts'
import { s3Provider } from './files/provider.ts'
import { audiencesOf } from './hub-audiences.ts'
import { exportsOf } from './hub-exports.ts'
import { offerAlerts, offerSchedule } from './hub-schedule.ts'
import { openDedupe } from './log/dedupe.ts'
import type { Dedupe, Log } from './log/log.ts'
import { type LogDisk, openLog } from './log/open-log.ts'
import type { Exports } from './profiles/exports/exports.ts'
import { Profiles } from './profiles/profiles.ts'
import { boundBody, createDoors, type Doors, serverTimeouts } from './sources/doors.ts'
import { Drift } from './sources/drift/drift.ts'
import { IMPORTS_BYTES_MAX, Imports } from './sources/files/imports.ts'
import { openSources, type Sources } from './sources/registry.ts'
import type { Source } from './sources/sources.ts'
import { Authorizations } from './store/authorizations.ts'
import { remembered } from './store/meta.ts'
import { openSealer, sharedSecret } from './store/sealing.ts'
import { openStore, type Store } from './store/store.ts'
import { type EmbeddedWarehouse, openEmbeddedWarehouse } from './warehouse/duckdb/duckdb.ts'
import { engineKinds } from './warehouse/engine-kinds.ts'
import { Engines } from './warehouse/engines.ts'
import { ParquetWriter } from './warehouse/parquet/writer.ts'
import { Queries } from './warehouse/queries.ts'
import { SavedQueries } from './warehouse/saved-queries.ts'
import { engineProvider } from './warehouse/verify.ts'

export type HubLogger = ReturnType<typeof hubLogger>

export interface HubOptions {
  readonly settings: Settings
  readonly clock?: Clock
  readonly random?: Random
  readonly transport?: Transport
  readonly logger?: HubLogger
  /** How often a halted current tries again by itself, in milliseconds. */
  readonly haltedRetryMs?: number
  /** How often is looked for vendors that are away for long, and for alerts to be told. Default 10 s, and a minute. */
  readonly watchMs?: number
  /** How what gathers work, or tries again, waits. Default: in real time; see `pause`. */
  readonly pause?: Pause
  /** SQLite's checkpoints are made by a thread (default), or by the commits themselves. */
  readonly checkpointsAside?: boolean
  /** For fault tests and simulations: the disk as the log meets it. */
  readonly disk?: LogDisk
  /** For fault tests and simulations: what stands between the rooms and the store. */
  readonly through?: (store: Store) => Store
  /** For fault tests: told when the work of a step of an erasure is done, and before that is noted. */
  readonly onErasureStepDone?: (step: Step | NodeStore) => void
  /** Aborted when nobody waits for the start any more: where it waits for something itself, it ends. */
  readonly giveUp?: AbortSignal
  /** Of this program, for what outlives it. */
  readonly version?: string
  /** Addresses that endpoints.json lists beside our own. */
  readonly alsoListening?: Readonly<Record<string, string>>
}

/** What a running hub is made of; the API and tests are given these. */
export interface Hub {
  readonly url: string
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: HubLogger
  readonly kernel: Kernel
  /** Keys the identity of ids that are not UUIDs: see identityOf. */
  readonly identityKey: Uint8Array
  /** By which the nodes of this store know each other. */
  readonly nodeKey: Uint8Array
  readonly store: Store
  /** The nodes of this store, and which of them does what. */
  readonly cluster: Cluster
  readonly log: Log
  readonly dedupe: Dedupe
  readonly sources: Sources
  readonly doors: Doors
  readonly drift: Drift
  readonly imports: Imports
  readonly authorizations: Authorizations
  /** Whose credentials an authorization can keep. */
  readonly providers: readonly Provider[]
  readonly alerts: Alerts
  readonly alertChannels: Channels
  readonly alertDispatcher: Dispatcher
  readonly currents: Currents
  readonly delivery: Delivery
  readonly engines: Engines
  readonly queries: Queries
  readonly savedQueries: SavedQueries
  readonly warehouse: EmbeddedWarehouse
  readonly audiences: Audiences
  readonly profiles: Profiles
  readonly exports: Exports
  readonly erasures: Erasures
  readonly backups: Backups
  readonly server: Server
  /** Stops taking requests, delivers what is on its way, writes what was decided, closes. Idempotent. */
  close(): Promise<void>
}

/** Handles what is not a door. */
export type Fallback = (...exchange: Parameters<Parameters<typeof createServer>[1] & {}>) => void

const RETAIN_MS = 60_000
const TAIL_AND_POOL_BYTES = 67_108_864
const CLOSE_CONNECTIONS_MS = 5_000
const HAND_OVER_MS_MAX = 12_000

export async function startHub(
  options: HubOptions,
  fallbackOf: (hub: Hub) => Promise<{ handle: Fallback; close(): Promise<void> }>,
): Promise<Hub> {
  const { settings } = options
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? hubLogger(settings.logLevel)
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = once(async () => {
    for (const close of closers.reverse()) await close()
  })
  try {
    await mkdir(settings.dataDir, { recursive: true, mode: 0o700 })
    const opened = await openStore(settings.store.reveal(), {
      clock,
      logger,
      checkpointsAside: options.checkpointsAside ?? true,
    })
    closers.push(() => opened.close())
    const store = options.through?.(opened) ?? opened
    const cluster = await joinCluster({
      store,
      storeUrl: settings.store.reveal(),
      node: {
        name: settings.node ?? hostname(),
        roles: settings.roles,
        version: options.version ?? 'unknown',
        log: await logOf(settings),
      },
      leaseMs: settings.leaseMs,
      logger,
    })
    closers.push(() => cluster.leave())
    // The embedded warehouse lies on one node: the first of the store.
    const warehouseHome = cluster.isSole
      ? undefined
      : await remembered(store, 'warehouse_node', () => cluster.node.name)
    const schedule = new PostLease(SCHEDULE_POST)
    const scheduled = store.fencedBy(schedule)
    const telling = new PostLease(ALERTS_POST)
    const identityKey = Buffer.from(
      await remembered(store, 'identity_key', () => randomBytes(16).toString('hex')),
      'hex',
    )
    const kernel = createKernel({
      bodyBytesMax: settings.decompressedBytesMax,
      itemsMax: settings.itemsMax,
      key: identityKey,
    })
    const { log, dedupeDirectory } = await openLog({
      address: settings.log.reveal(),
      credentials: {
        credsFile: settings.natsCreds,
        nkeyFile: settings.natsNkey,
        caFile: settings.natsCa,
        certFile: settings.natsCert,
        keyFile: settings.natsKey,
      },
      dataDir: settings.dataDir,
      clock,
      segmentBytes: settings.segmentBytes,
      // Every body under way is read into the log's own buffers, beside what its memory tail keeps for readers.
      slabBytesMax: settings.bytesInFlightMax + TAIL_AND_POOL_BYTES + IMPORTS_BYTES_MAX,
      offsetMin: await furthestCheckpoint(store),
      onTrouble: (error) => logger.error({ err: error }, 'the log is in trouble'),
      onCorrupt: (gap) => logger.error({ gap }, 'entries of the log do not check out and are skipped'),
      disk: options.disk,
    })
    closers.push(() => log.close())
    // Its folder is locked: a former life of this node has ended.
    if (settings.log.reveal() === 'embedded') await cluster.inherit()
    const dedupe = await openDedupe({
      directory: dedupeDirectory,
      clock,
      windowMs: settings.dedupeWindowMs,
      memoryIdsMax: settings.dedupeMemoryIds,
      log,
      onTrouble: (error) => logger.error({ err: error }, 'the ids for dedupe are in trouble'),
    })
    closers.push(() => dedupe.close())
    const sources = await openSources(store, clock, settings.filesRoots)
    const sealer = await openSealer(store, { dataDir: settings.dataDir, key: settings.key })
    const nodeKey = await sharedSecret(store, sealer, 'node_key')
    const authorizations = new Authorizations({ store, sealer, clock })
    const currents = new Currents(store, clock)
    const alerts = new Alerts(store, clock)
    const alertChannels = new Channels(store, clock)
    const warehouse = openEmbeddedWarehouse({
      dataDir: settings.dataDir,
      threads: settings.warehouseThreads,
      memoryBytesMax: settings.warehouseMemoryBytes,
      retentionAgeMs: settings.warehouseRetentionAgeMs,
      clock,
      logger,
    })
    closers.push(() => warehouse.close())
    const toPostgres = lateTransport(
      async () => new (await import('./warehouse/postgres/loader.ts')).PostgresLoader(),
    )
    closers.push(() => toPostgres.close())
    const parquetWriter = new ParquetWriter({
      root: settings.parquetDir ?? join(settings.dataDir, 'parquet'),
      scratch: join(settings.dataDir, 'parquet-scratch'),
    })
    closers.push(() => parquetWriter.close())
    const transport = new TransportByScheme(
      options.transport ??
        lateTransport(async () => new (await import('./delivery/transport.ts')).HttpTransport()),
      new Map<string, InnerVendor>([
        [WAREHOUSE_SCHEME, (request) => warehouse.send(request)],
        [POSTGRES_SCHEME, (request, signal) => toPostgres.send(request, signal)],
        [PARQUET_SCHEME, (request) => parquetWriter.send(request)],
      ]),
    )
    closers.push(() => transport.close())
    const send: Send = (request, signal) => transport.send(request, signal)
    const delivery = new Delivery({
      log,
      store,
      cluster,
      clock,
      random: options.random ?? systemRandom,
      kernel,
      transport,
      currents,
      alerts,
      authorizations,
      sourceNumbers: async (names) => new Set(names.map((name) => sources.get(name).number)),
      sourceLabel: (number) => labelOf(sources.get(number)),
      logger,
      pause: options.pause,
      watchMs: options.watchMs,
      homeOf: ({ destination }) => (destination.kind === 'warehouse' ? warehouseHome : undefined),
      ...(options.haltedRetryMs === undefined ? {} : { haltedRetryMs: options.haltedRetryMs }),
    })
    const engines = new Engines({
      store,
      authorizations,
      clock,
      logger,
      kinds: engineKinds,
      builtIn: new Map([['warehouse', warehouse.engine]]),
    })
    closers.push(() => engines.close())
    const queries = new Queries({ engines, clock, limits: settings })
    closers.push(() => queries.close())
    const drift = new Drift({
      log,
      store,
      clock,
      kernel,
      onTrouble: (error) => logger.error({ err: error }, 'the drift radar is in trouble; trying again'),
      pause: options.pause,
    })
    const { shapes } = drift
    const doors = createDoors({
      sources,
      kernel,
      log,
      dedupe,
      shapes,
      clock,
      limits: settings,
      logger,
      refresh: cluster.isSole ? undefined : () => sources.refresh(),
    })
    closers.push(() => doors.close())
    const imports = new Imports({
      store: scheduled,
      sources,
      authorizations,
      log,
      dedupe,
      shapes,
      clock,
      logger,
      counters: doors.counters,
      identityKey,
      filesRoots: settings.filesRoots ?? [],
      directory: join(settings.dataDir, 'imports'),
      snapshots: join(settings.dataDir, 'rows'),
      // Dedupe compares half of what it keeps in memory at once.
      chunkItemsMax: Math.floor(settings.dedupeMemoryIds / 2),
    })
    const profiles = new Profiles({
      store: scheduled,
      lease: schedule,
      clock,
      log,
      logger,
      storeUrl: settings.store.reveal(),
      folder: join(settings.dataDir, 'profiles'),
      usersOf: (audience) => exports.usersOf(audience),
      sources: () => sources.list(),
    })
    const exports = exportsOf({
      store: scheduled,
      lease: schedule,
      clock,
      random: options.random ?? systemRandom,
      transport,
      delivery,
      alerts,
      authorizations,
      profiles,
      logger,
      haltedRetryMs: options.haltedRetryMs,
      watchMs: options.watchMs,
    })
    const server = createServer(serverTimeouts())
    const alertDispatcher = new Dispatcher({
      store,
      lease: telling,
      tellOthers: () => cluster.tell('alerts'),
      clock,
      random: options.random ?? systemRandom,
      alerts,
      channels: alertChannels,
      reveal: (id) => authorizations.reveal(id),
      send,
      consoleUrl: () => settings.publicUrl ?? urlOf(server),
      logger,
      lookMs: options.watchMs,
    })
    const parts = {
      settings,
      clock,
      logger,
      kernel,
      identityKey,
      nodeKey,
      store,
      cluster,
      log,
      dedupe,
      sources,
      doors,
      drift,
      imports,
      authorizations,
      providers: [
        ...destinations.map((destination) => providerOf(destination, delivery)),
        // Where a destination has the same name, its authorizations open the engine too.
        ...engineKinds
          .filter(({ kind }) => !destinations.some(({ name }) => name === kind))
          .map((kind) => engineProvider(kind, { clock, logger })),
        s3Provider,
        smtpProvider,
        webhookProvider(send, clock),
      ],
      alerts,
      alertChannels,
      alertDispatcher,
      currents,
      delivery,
      engines,
      queries,
      savedQueries: new SavedQueries(store, clock),
      warehouse,
      profiles,
      exports,
      server,
    }
    const stopping = new AbortController()
    const audiences = audiencesOf({ ...parts, store: scheduled }, stopping.signal)
    const { dataDir, parquetDir } = settings
    const erasures = await Erasures.open({
      ...parts,
      audiences,
      schedule,
      sealer,
      transport,
      verdicts: doors.verdicts,
      parquet: parquetWriter,
      profiles,
      folders: parquetDir === undefined || isWithin(parquetDir, dataDir) ? [dataDir] : [dataDir, parquetDir],
      ...(options.onErasureStepDone === undefined ? {} : { onStepDone: options.onErasureStepDone }),
    })
    const backups = new Backups({
      ...parts,
      audiences,
      version: options.version ?? 'unknown',
      dataDir,
      storeFile: fileOf(settings.store.reveal()),
      folder: settings.backupsDir ?? join(dataDir, 'backups'),
      keptMax: settings.backupsKept,
    })
    const hub: Hub = {
      ...parts,
      get url() {
        return urlOf(server)
      },
      audiences,
      erasures,
      backups,
      close: closeAll,
    }
    closers.push(() => erasures.close())
    await erasures.catchUp(options.giveUp ?? new AbortController().signal)
    closers.push(() => delivery.stop())
    await delivery.start()
    closers.push(() => cluster.withdraw(SCHEDULE_POST))
    closers.push(() => stopping.abort())
    await offerSchedule(hub, schedule, retention(hub))
    hearChanges(hub)
    closers.push(() => closeServer(server))
    const fallback = await fallbackOf(hub)
    // Before the server: live streams would hold it open.
    closers.push(() => fallback.close())
    const takesIngest = settings.roles.includes('ingest')
    server.on('request', (request, response) => {
      if (takesIngest && doors.handleIngest(request, response)) return
      boundBody(request, settings, clock)
      fallback.handle(request, response)
    })
    server.on('clientError', refuseMalformed)
    await listening(server, settings.port, settings.host)
    // Only now: what it sends says where we listen.
    closers.push(() => cluster.withdraw(ALERTS_POST))
    await offerAlerts(hub, telling)
    await cluster.ready(settings.nodeUrl ?? hub.url)
    // What others can take over they have before anything here ends.
    if (!cluster.isSole) closers.push(() => handOver(cluster))
    await writeEndpoints(hub, options.alsoListening ?? {})
    closers.push(() => rm(join(settings.dataDir, 'endpoints.json'), { force: true }))
    logger.info({ url: hub.url, dataDir: settings.dataDir, head: log.head }, 'the hub is ready')
    return hub
  } catch (error) {
    await closeAll()
    throw error
  }
}

export function hubLogger(level: string) {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: false }),
  )
}

/** A destination's credentials are tried by rehearsing a write. */
function providerOf(destination: Destination, { blueprints }: Delivery): Provider {
  const { name, title, description, settings, credentials } = destination
  return {
    name,
    title,
    description,
    settings,
    credentials,
    verify: (given, secrets) => blueprints.checkDestination(name, given, secrets),
  }
}

function labelOf({ name, settings }: Source): SourceLabel {
  return {
    name,
    place: 'table' in settings ? { database: settings.database, table: settings.table } : undefined,
  }
}

/** Tells a log from every other, without a secret: a log of NATS by its name. */
async function logOf({ log, dataDir }: Settings): Promise<string> {
  const address = log.reveal()
  if (address === 'embedded') return `embedded in ${dataDir} on ${hostname()}`
  const { parseLogAddress } = await import('./log/jetstream/address.ts')
  // One that is no address is refused when the log is opened.
  return `${parseLogAddress(address)?.name} on NATS`
}

/** undefined: the store is a server. */
function fileOf(storeUrl: string): string | undefined {
  return storeUrl.startsWith('sqlite:') ? storeUrl.slice('sqlite:'.length) : undefined
}

function isWithin(folder: string, other: string): boolean {
  return !relative(other, folder).startsWith('..')
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  const host =
    address === '0.0.0.0' || address === '::' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

/** What is not HTTP gets a word, too; a connection that is gone gets nothing. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const body = JSON.stringify({
    error: {
      code: late ? 'REQUEST_TIMEOUT' : 'HTTP_MALFORMED',
      message: late
        ? 'The request did not arrive in time.'
        : `This is not a well-formed HTTP request (${error.code ?? 'unknown'}).`,
    },
  })
  const status = late
    ? '408 Request Timeout'
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request'
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Lets requests under way end, within a bound. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_CONNECTIONS_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** What another node changed is read here. */
function hearChanges({
  cluster,
  sources,
  imports,
  authorizations,
  profiles,
  erasures,
  alertDispatcher,
}: Hub): void {
  cluster.onChange('sources', async () => {
    await sources.refresh()
    await imports.apply()
  })
  cluster.onChange('authorizations', async () => authorizations.forgetOpened())
  cluster.onChange('profiles', () => profiles.refresh())
  cluster.onChange('suppressions', () => erasures.suppression.load())
  cluster.onChange('erasures', async () => erasures.hear())
  cluster.onChange('alerts', async () => alertDispatcher.wake())
}

/** Within a bound: the store may be away, and then its leases end by their time. */
async function handOver(cluster: Cluster): Promise<void> {
  const patience = new AbortController()
  await Promise.race([cluster.leave(), systemClock.sleep(HAND_OVER_MS_MAX, patience.signal)])
  patience.abort()
}

/** Retention, once a minute; entries that a current still needs stay, and the operator hears of it. */
function retention({ log, settings, clock, logger, cluster, delivery }: Hub) {
  let cancel = (): void => undefined
  let heldBy = ''
  const again = (): void => {
    cancel = clock.after(RETAIN_MS, () => {
      // Where currents are delivered elsewhere, how far they came stands in the store.
      const held = cluster.isSole ? Promise.resolve() : delivery.holdAll()
      held
        .then(() =>
          log.retain({
            ageMsMax: settings.retentionAgeMs,
            bytesMax: settings.retentionBytes,
            despiteReaders: false,
            nowMs: clock.now(),
          }),
        )
        .then(
          (trimmed) => {
            if (trimmed.segments > 0) logger.info(trimmed, 'old entries of the log were removed')
            const holders = trimmed.heldBy.join(', ')
            if (holders !== '' && holders !== heldBy)
              logger.warn(
                { heldBy: holders },
                'entries past the retention rule are kept: readers still need them',
              )
            heldBy = holders
          },
          (error: unknown) => logger.error({ err: error }, 'retention failed'),
        )
      again()
    })
  }
  return { name: 'retention', start: again, stop: () => cancel() }
}

/** One line of JSON with all addresses, for programs that start us on free ports. */
async function writeEndpoints(hub: Hub, also: Readonly<Record<string, string>>): Promise<void> {
  const line = JSON.stringify({ hub: hub.url, pid: process.pid, ...also })
  await writeFile(join(hub.settings.dataDir, 'endpoints.json'), `${line}\n`)
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}
