/**
 * `node scripts/release-data.ts`: keeps what this release leaves behind, one file for SQLite and one for PostgreSQL, in test/releases, where
 * a test of all later releases opens it. To be run once for each release, before its version is tagged; a file that is there is never made anew.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { zipSync } from 'fflate'
import { seededRandom } from '../src/core/random.ts'
import { startSandbox } from '../src/sandbox/sandbox.ts'
import { POSTGRES, postgresDatabase, postgresProgram } from '../test/support/postgres.ts'
import {
  furnish,
  type ReleaseNote,
  ReleaseVendors,
  startReleaseHub,
  tell,
} from '../test/support/release-data.ts'
import { makeServerFolder, removeServer } from '../test/support/servers.ts'

const ROOT = dirname(import.meta.dirname)
const FOLDER = join(ROOT, 'test/releases')
const DIALECTS: readonly ReleaseNote['dialect'][] = ['sqlite', 'postgres']
const DUMP_BYTES_MAX = 67_108_864

const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const postgres = await makeServerFolder(POSTGRES)
process.env[POSTGRES.variable] = postgres
try {
  await mkdir(FOLDER, { recursive: true })
  for (const dialect of DIALECTS) {
    const file = join(FOLDER, `${version}-${dialect}.zip`)
    if (existsSync(file)) {
      console.log(`${file} is there`)
      continue
    }
    const bytes = zipSync(await releaseData(dialect), { level: 9 })
    await writeFile(file, bytes)
    console.log(`${file}: ${bytes.length} bytes`)
  }
} finally {
  await removeServer(POSTGRES, postgres)
}

/** By path: the data folder below `data/`, the dump of a PostgreSQL, and the note. */
async function releaseData(dialect: ReleaseNote['dialect']): Promise<Record<string, Uint8Array>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-release-'))
  const sandbox = await startSandbox({ random: seededRandom(1) })
  const database = dialect === 'postgres' ? await postgresDatabase('empty') : undefined
  try {
    for (const externalId of ['ann', 'bob', 'cyd']) sandbox.braze.vendor.profiles.load({ externalId }, 0)
    const transport = new ReleaseVendors(sandbox)
    const hub = await startReleaseHub({ dataDir, store: database?.url, transport })
    await furnish(hub, transport)
    const note: ReleaseNote = { version, dialect, madeAt: Date.now(), told: await tell(hub) }
    await hub.close()
    return {
      'note.json': Buffer.from(JSON.stringify(note, null, 2)),
      ...(database === undefined ? {} : { 'store.sql': await dumpOf(database.url, dataDir) }),
      ...(await filesIn(dataDir)),
    }
  } finally {
    await sandbox.close()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** As statements that any client can send; without what only this machine has and what only this server knows. */
async function dumpOf(url: string, dataDir: string): Promise<Buffer> {
  const program = await postgresProgram('pg_dump')
  const { stdout } = await promisify(execFile)(
    program,
    ['--dbname', url, '--inserts', '--no-owner', '--no-privileges'],
    { maxBuffer: DUMP_BYTES_MAX },
  )
  const lines = stdout
    .replaceAll(dataDir, '/var/lib/thalweg')
    .replaceAll(hostname(), 'machine')
    .split('\n')
    .filter((line) => !/^(\\|--|SET )/.test(line))
  return Buffer.from(lines.join('\n').replace(/\n{2,}/g, '\n'))
}

async function filesIn(folder: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {}
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name)
    if ((await stat(path)).isFile()) files[`data/${name}`] = await readFile(path)
  }
  return files
}
