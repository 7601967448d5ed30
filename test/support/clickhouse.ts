/** A real ClickHouse for tests, one for each run (servers.ts), on a free port of the loopback interface. Every test file gets a database of its own. */

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, programNamed, type ServerKind, startedOnce, startServer } from './servers.ts'

export const CLICKHOUSE: ServerKind = {
  title: 'ClickHouse',
  variable: 'THALWEG_TEST_CLICKHOUSE',
  prefix: 'thalweg-ch-',
  users: ['clickhouse', 'nobody'],
  stop: 'SIGKILL', // its folder is removed with it: nothing needs to be flushed
}

const USER = 'thalweg'
/** Who may only read and may change nothing, by the server's own rule (readonly = 1). */
const READER = 'reader'

export interface TestClickhouse {
  readonly url: string
  readonly database: string
  readonly user: string
  readonly password: string
  readonly reader: string
  /** Runs a statement outside of any engine; gives the answer's text. */
  administer(statement: string): Promise<string>
  drop(): Promise<void>
}

interface Address {
  readonly url: string
  readonly password: string
}

export async function clickhouseDatabase(): Promise<TestClickhouse> {
  const folder = await startedOnce(CLICKHOUSE, start)
  const address = JSON.parse(await readFile(join(folder, 'address'), 'utf8')) as Address
  const database = `t_${randomBytes(8).toString('hex')}`
  await administer(address, `create database ${database}`)
  return {
    ...address,
    database,
    user: USER,
    reader: READER,
    administer: (statement) => administer(address, statement, database),
    drop: async () => {
      await administer(address, `drop database if exists ${database}`)
    },
  }
}

async function start(folder: string): Promise<void> {
  const port = await freePort()
  // Nobody else knows it, so that whoever answers to it at the port is our server.
  const address = { url: `http://127.0.0.1:${port}`, password: randomBytes(16).toString('hex') }
  await writeFile(join(folder, 'address'), JSON.stringify(address), { mode: 0o644 })
  await mkdir(join(folder, 'conf'))
  const config = join(folder, 'conf', 'config.xml')
  await writeFile(config, serverXml(folder, port))
  await writeFile(join(folder, 'conf', 'users.xml'), usersXml(address.password))
  await startServer(
    CLICKHOUSE,
    folder,
    await programNamed(CLICKHOUSE, 'clickhouse-server', ['/usr/sbin']),
    [`--config-file=${config}`],
    () => administer(address, 'select 1'),
  )
}

function serverXml(folder: string, port: number): string {
  return `<yandex>
  <logger><level>error</level><console>true</console></logger>
  <http_port>${port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>${folder}/data/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size>
</yandex>
`
}

function usersXml(password: string): string {
  const user = (name: string, profile: string): string =>
    `<${name}><password>${password}</password><networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>default</quota></${name}>`
  return `<yandex>
  <profiles>
    <default><max_memory_usage>1000000000</max_memory_usage></default>
    <reading><readonly>1</readonly></reading>
  </profiles>
  <users>${user(USER, 'default')}${user('default', 'reading')}${user(READER, 'reading')}</users>
  <quotas><default></default></quotas>
</yandex>
`
}

async function administer(
  { url, password }: Address,
  statement: string,
  database = 'default',
): Promise<string> {
  const answer = await fetch(`${url}/?database=${database}`, {
    method: 'POST',
    headers: { 'x-clickhouse-user': USER, 'x-clickhouse-key': password },
    body: statement,
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`ClickHouse answered ${answer.status}: ${text}`)
  return text
}
