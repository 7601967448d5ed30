/**
 * Real servers for tests: each kind at most once for each run of the tests, in a folder of its own, started when the first
 * test asks for it, stopped and removed at the end of the run (servers-hook.ts is vitest's hook for that). They listen where
 * their folder says, and nowhere else; as root they run as another user, since they refuse root or should not have it.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { eventually } from './eventually.ts'

export interface ServerKind {
  /** For people. */
  readonly title: string
  /** The environment variable with the folder of this run's server; set by the hook, inherited by the test processes. */
  readonly variable: string
  /** How its folders' names begin. */
  readonly prefix: string
  /** Users that it may run as when we are root, best first. */
  readonly users: readonly string[]
  /** What ends it at once, cutting open connections. */
  readonly stop: NodeJS.Signals
}

export interface User {
  readonly uid: number
  readonly gid: number
}

const START_MS_MAX = 60_000
const STOP_MS_MAX = 20_000

/** Makes the folder of a server that is started later, and takes away what runs that were killed have left behind. */
export async function makeServerFolder(kind: ServerKind): Promise<string> {
  await removeLeftovers(kind)
  const folder = await mkdtemp(join(tmpdir(), kind.prefix))
  await writeFile(join(folder, 'run'), String(process.pid))
  const owner = await serverUser(kind)
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  return folder
}

/** Folders of ours whose run has ended without taking them away. */
async function removeLeftovers(kind: ServerKind): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(kind.prefix))
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const run = Number(await readFile(join(folder, 'run'), 'utf8').catch(() => ''))
    if (run > 0 && !signal(run, 0)) await removeServer(kind, folder)
  }
}

/** Stops the server, if one was started, by the process id that was written down, and removes the folder. */
export async function removeServer(kind: ServerKind, folder: string): Promise<void> {
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''))
  if (pid > 0) {
    signal(pid, kind.stop)
    await eventually(`${kind.title} (process ${pid}) ends`, () => !signal(pid, 0), { withinMs: STOP_MS_MAX })
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** The folder of this run's server, which runs when the promise resolves. The test processes agree by a folder that only one of them can make. */
export async function startedOnce(
  kind: ServerKind,
  start: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = process.env[kind.variable]
  if (folder === undefined) {
    throw new Error(
      `${kind.variable} is not set: run the tests by vitest with the repository's vitest.config.ts`,
    )
  }
  const ready = join(folder, 'ready')
  const broken = join(folder, 'broken')
  if (await exists(ready)) return folder
  const first = await mkdir(join(folder, 'starting')).then(
    () => true,
    () => false,
  )
  if (first) {
    try {
      await start(folder)
      await writeFile(ready, '')
    } catch (error) {
      await writeFile(broken, String(error))
      throw error
    }
  }
  await eventually(
    `${kind.title} is started by another test file`,
    () => exists(ready).then((is) => is || exists(broken)),
    { withinMs: START_MS_MAX },
  )
  if (await exists(broken)) throw new Error(`${kind.title} did not start: ${await readFile(broken, 'utf8')}`)
  return folder
}

/** Starts the program, notes its process id, and waits until `answers` no longer throws. */
export async function startServer(
  kind: ServerKind,
  folder: string,
  program: string,
  args: readonly string[],
  answers: () => Promise<unknown>,
): Promise<void> {
  const log = join(folder, 'server.log')
  const output = await open(log, 'a')
  const server: ChildProcess = spawn(program, args, {
    cwd: folder,
    detached: true, // it outlives the test process that happened to ask first
    stdio: ['ignore', output.fd, output.fd],
    ...(await serverUser(kind)),
  })
  let failed: Error | undefined
  server.on('error', (error) => {
    failed = error
  })
  server.unref()
  await output.close()
  await writeFile(join(folder, 'pid'), String(server.pid ?? ''))
  await eventually(
    `${kind.title} answers`,
    async () => {
      if (server.exitCode !== null || failed !== undefined) return 'ended'
      await answers()
      return 'answered'
    },
    { withinMs: START_MS_MAX },
  )
  if (server.exitCode !== null || failed !== undefined)
    throw new Error(`${kind.title} ended at once (${failed}):\n${await readFile(log, 'utf8')}`)
}

/** Runs a program to its end. Throws with what it printed when it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  owner: User | undefined,
): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], ...owner })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${printed}`)
}

/** Who the server runs as. Undefined: as whoever we are. */
export async function serverUser(kind: ServerKind): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const user of kind.users) {
    const entry = lines.find(([name]) => name === user)
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) }
  }
  throw new Error(`There is no user to run ${kind.title} as: ${kind.users.join(', ')}`)
}

/** The path of a program that Debian may keep off the PATH. */
export async function programNamed(
  kind: Pick<ServerKind, 'title'>,
  name: string,
  folders: readonly string[],
): Promise<string> {
  for (const folder of [...folders, ...(process.env.PATH ?? '').split(delimiter)])
    if (await exists(join(folder, name))) return join(folder, name)
  throw new Error(
    `${kind.title} is not installed, and these tests run against a real one: run scripts/install-test-servers.sh`,
  )
}

/** A port of the loopback interface that is free now. Who takes it checks that it is who answers there. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** Sends the signal; false when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

export function exists(path: string): Promise<boolean> {
  return open(path, 'r').then(
    async (file) => {
      await file.close()
      return true
    },
    () => false,
  )
}
