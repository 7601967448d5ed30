/**
 * A real PostgreSQL for tests, one for each run (servers.ts). Every test file gets databases of its own, copied from one whose
 * tables are already up to date. The cluster listens on a Unix socket in its own folder only.
 */

import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { systemClock } from '../../src/core/clock.ts'
import { openStore } from '../../src/store/store.ts'
import { programNamed, runProgram, type ServerKind, serverUser, startedOnce, startServer } from './servers.ts'

export const POSTGRES: ServerKind = {
  title: 'PostgreSQL',
  variable: 'THALWEG_TEST_POSTGRES',
  prefix: 'thalweg-pg-',
  users: ['postgres', 'nobody'],
  stop: 'SIGINT', // fast shutdown
}

const TEMPLATE = 'thalweg_template'
const USER = 'thalweg'

export interface TestDatabase {
  /** What openStore takes. */
  readonly url: string
  /** The folder of the socket, the name of the database, and its superuser, who needs no password. */
  readonly host: string
  readonly database: string
  readonly user: string
  drop(): Promise<void>
}

/** A database of its own with all tables, or with none when `empty`. Starts the cluster when it does not run yet. */
export async function postgresDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const folder = await startedOnce(POSTGRES, startCluster)
  const database = `t_${randomBytes(8).toString('hex')}`
  const template = content === 'migrated' ? TEMPLATE : 'template0'
  await administer(folder, `create database ${database} template ${template}`)
  return {
    url: urlOf(folder, database),
    host: folder,
    database,
    user: USER,
    drop: () => administer(folder, `drop database if exists ${database} with (force)`),
  }
}

/** The path of one of PostgreSQL's own programs. */
export async function postgresProgram(name: string): Promise<string> {
  return programNamed(POSTGRES, name, await debianFolders())
}

/** Tests can do without syncs; what is measured cannot. */
async function startCluster(folder: string): Promise<void> {
  const owner = await serverUser(POSTGRES)
  const data = join(folder, 'data')
  const initdb = await postgresProgram('initdb')
  await runProgram(
    initdb,
    ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    folder,
    owner,
  )
  const synced = process.env.THALWEG_BENCH_POSTGRES === 'synced' ? 'on' : 'off'
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    'max_connections=100',
    'shared_buffers=64MB',
    ...['fsync', 'synchronous_commit', 'full_page_writes'].map((name) => `${name}=${synced}`),
  ]
  await startServer(
    POSTGRES,
    folder,
    join(dirname(initdb), 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    () => administer(folder, 'select 1'),
  )
  await administer(folder, `create database ${TEMPLATE} template template0`)
  const store = await openStore(urlOf(folder, TEMPLATE), { clock: systemClock })
  await store.close()
}

function urlOf(folder: string, database: string): string {
  return `postgres://${USER}@localhost/${database}?host=${encodeURIComponent(folder)}`
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

/** Debian keeps the programs off the PATH, one folder for each version; newest first. */
async function debianFolders(): Promise<string[]> {
  const debian = '/usr/lib/postgresql'
  const versions = await readdir(debian).catch(() => [])
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin'))
}
