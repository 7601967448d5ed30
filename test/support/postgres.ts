/**
 * A real PostgreSQL for tests: one throw-away cluster for each run of the tests, started when the first test asks for it,
 * stopped and removed at the end of the run (postgres-cluster.ts is vitest's hook for that). Every test file gets databases of
 * its own, copied from one whose tables are already up to date. The cluster listens on a Unix socket in its own folder only.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { systemClock } from '../../src/core/clock.ts'
import { openStore } from '../../src/store/store.ts'
import { eventually } from './eventually.ts'

/** Where the run's cluster lives; set by the hook, inherited by the test processes. */
export const CLUSTER_FOLDER = 'THALWEG_TEST_POSTGRES'

const PREFIX = 'thalweg-pg-'
const TEMPLATE = 'thalweg_template'
const START_MS_MAX = 60_000

export interface TestDatabase {
  /** What openStore takes. */
  readonly url: string
  drop(): Promise<void>
}

/** A database of its own with all tables, or with none when `empty`. Starts the cluster when it does not run yet. */
export async function postgresDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const folder = process.env[CLUSTER_FOLDER]
  if (folder === undefined) {
    throw new Error(
      `${CLUSTER_FOLDER} is not set: run the tests by vitest with the repository's vitest.config.ts`,
    )
  }
  await startOnce(folder)
  const name = `t_${randomBytes(8).toString('hex')}`
  const template = content === 'migrated' ? TEMPLATE : 'template0'
  await administer(folder, `create database ${name} template ${template}`)
  return {
    url: urlOf(folder, name),
    drop: () => administer(folder, `drop database if exists ${name} with (force)`),
  }
}

/** Makes the folder of a cluster that is started later, and takes away what runs that were killed have left behind. */
export async function makeClusterFolder(): Promise<string> {
  await removeLeftovers()
  const folder = await mkdtemp(join(tmpdir(), PREFIX))
  await writeFile(join(folder, 'run'), String(process.pid))
  const owner = await serverUser()
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  return folder
}

/** Folders of ours whose run has ended without taking them away. */
async function removeLeftovers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX))
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const run = Number(await readFile(join(folder, 'run'), 'utf8').catch(() => ''))
    if (run > 0 && !signal(run, 0)) await removeCluster(folder)
  }
}

/** Stops the cluster, if one was started, by the process id that it wrote down, and removes the folder. */
export async function removeCluster(folder: string): Promise<void> {
  const pid = await readPid(folder)
  if (pid !== undefined) {
    signal(pid, 'SIGINT') // fast shutdown: open connections are cut
    await eventually(`PostgreSQL (process ${pid}) ends`, () => !signal(pid, 0), { withinMs: 20_000 })
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Starts a cluster in `folder` and waits until it answers; 'durable' keeps the syncs that tests can do without. */
export async function startCluster(folder: string, syncs: 'durable' | 'none'): Promise<void> {
  const bin = await findServer()
  const owner = await serverUser()
  const data = join(folder, 'data')
  const log = join(folder, 'server.log')
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'thalweg', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    folder,
    owner,
  )
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    'max_connections=100',
    'shared_buffers=64MB',
    ...(syncs === 'none' ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
  ]
  const output = await open(log, 'a')
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    {
      cwd: folder,
      detached: true, // it outlives the test process that happened to ask first
      stdio: ['ignore', output.fd, output.fd],
      ...owner,
    },
  )
  server.unref()
  await output.close()
  await answers(folder, server, log)
}

export function urlOf(folder: string, database: string): string {
  return `postgres://thalweg@localhost/${database}?host=${encodeURIComponent(folder)}`
}

/** The test processes agree by a folder that only one of them can make. */
async function startOnce(folder: string): Promise<void> {
  const lock = join(folder, 'starting')
  const ready = join(folder, 'ready')
  const broken = join(folder, 'broken')
  if (await exists(ready)) return
  const first = await mkdir(lock).then(
    () => true,
    () => false,
  )
  if (first) {
    try {
      await startCluster(folder, 'none')
      await administer(folder, `create database ${TEMPLATE} template template0`)
      const store = await openStore(urlOf(folder, TEMPLATE), { clock: systemClock })
      await store.close()
      await writeFile(ready, '')
    } catch (error) {
      await writeFile(broken, String(error))
      throw error
    }
  }
  await eventually(
    'PostgreSQL is started by another test file',
    () => exists(ready).then((is) => is || exists(broken)),
    {
      withinMs: START_MS_MAX,
    },
  )
  if (await exists(broken)) throw new Error(`PostgreSQL did not start: ${await readFile(broken, 'utf8')}`)
}

async function answers(folder: string, server: ChildProcess, log: string): Promise<void> {
  await eventually(
    'PostgreSQL answers',
    async () => {
      if (server.exitCode !== null) return 'ended'
      await administer(folder, 'select 1')
      return 'answered'
    },
    { withinMs: START_MS_MAX },
  )
  if (server.exitCode !== null) throw new Error(`PostgreSQL ended at once:\n${await readFile(log, 'utf8')}`)
}

async function administer(folder: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(folder, 'postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The folder with initdb and postgres: Debian keeps them off the PATH, one folder for each version. */
async function findServer(): Promise<string> {
  const debian = '/usr/lib/postgresql'
  const versions = await readdir(debian).catch(() => [])
  const newestFirst = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, 'bin'))
  for (const folder of [...newestFirst, ...(process.env.PATH ?? '').split(delimiter)]) {
    if ((await exists(join(folder, 'initdb'))) && (await exists(join(folder, 'postgres')))) return folder
  }
  throw new Error(
    'PostgreSQL is not installed, and these tests run against a real one: run scripts/install-test-servers.sh',
  )
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root: then the user that its package made, or nobody. Undefined: as whoever we are. */
async function serverUser(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const entry = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (entry === undefined)
    throw new Error('There is neither a user "postgres" nor "nobody" to run PostgreSQL as')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

async function run(program: string, args: string[], cwd: string, owner: User | undefined): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], ...owner })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${printed}`)
}

async function readPid(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isNaN(pid) ? undefined : pid
}

/** Sends the signal; false when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function exists(path: string): Promise<boolean> {
  return open(path, 'r').then(
    async (file) => {
      await file.close()
      return true
    },
    () => false,
  )
}
