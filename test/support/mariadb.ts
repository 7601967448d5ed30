/** A real MariaDB for tests, one for each run (servers.ts), on a Unix socket in its own folder only. Every test file gets a database of its own. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { programNamed, runProgram, type ServerKind, serverUser, startedOnce, startServer } from './servers.ts'

export const MARIADB: ServerKind = {
  title: 'MariaDB',
  variable: 'THALWEG_TEST_MARIADB',
  prefix: 'thalweg-my-',
  users: ['mysql', 'nobody'],
  stop: 'SIGKILL', // its folder is removed with it: nothing needs to be flushed
}

const USER = 'root'

export interface TestMariadb {
  /** The path of the socket, the name of the database, and its superuser, who needs no password. */
  readonly host: string
  readonly database: string
  readonly user: string
  /** Runs a statement as the superuser, outside of any engine. */
  administer(statement: string): Promise<unknown[]>
  drop(): Promise<void>
}

export async function mariadbDatabase(): Promise<TestMariadb> {
  const folder = await startedOnce(MARIADB, start)
  const database = `t_${randomBytes(8).toString('hex')}`
  await administer(folder, `create database ${database}`)
  return {
    host: socketOf(folder),
    database,
    user: USER,
    administer: (statement) => administer(folder, statement, database),
    drop: async () => {
      await administer(folder, `drop database if exists ${database}`)
    },
  }
}

async function start(folder: string): Promise<void> {
  const data = join(folder, 'data')
  await runProgram(
    await programNamed(MARIADB, 'mariadb-install-db', ['/usr/bin']),
    [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
      '--innodb-flush-method=nosync',
      '--innodb-log-file-size=4M',
    ],
    folder,
    await serverUser(MARIADB),
  )
  await startServer(
    MARIADB,
    folder,
    await programNamed(MARIADB, 'mariadbd', ['/usr/sbin']),
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${socketOf(folder)}`,
      `--pid-file=${join(folder, 'server.pid')}`,
      '--skip-networking',
      '--innodb-flush-method=nosync',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-log-file-size=4M',
      '--innodb-buffer-pool-size=64M',
    ],
    () => administer(folder, 'select 1'),
  )
}

function socketOf(folder: string): string {
  return join(folder, 'socket')
}

async function administer(folder: string, statement: string, database?: string): Promise<unknown[]> {
  const connection = await mysql.createConnection({
    socketPath: socketOf(folder),
    user: USER,
    ...(database === undefined ? {} : { database }),
  })
  try {
    const [rows] = await connection.query(statement)
    return Array.isArray(rows) ? rows : []
  } finally {
    await connection.end()
  }
}
