/**
 * A CSV file of people through the bulk door of a hub into resolved profiles, as far as it goes; then the same people again.
 * Beside it what SQLite takes for the same rows and nothing else: one upsert each into a table with a column for each column.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { apiOf } from '../test/support/api-client.ts'
import { postgresDatabase } from '../test/support/postgres.ts'
import { setup } from '../test/support/servers-hook.ts'
import { asked } from './rig.ts'

export interface ProfilePlan {
  readonly dataDir: string
  readonly token: string
  readonly settings: Readonly<Record<string, string | number>>
}

export interface ProfileAddress {
  readonly url: string
  readonly apiToken: string
}

export interface ProfileStats {
  readonly head: number
  readonly position: number
  readonly applied: number
  readonly cpuMicros: number
  readonly rssBytes: number
  readonly childCpuMicros: number
  /** At most, so far. */
  readonly childRssBytes: number
}

const TOKEN = 'bench-token'
const ROWS = Number(process.env.THALWEG_BENCH_PROFILES ?? 500_000)
const LARGE_ROWS = Number(process.env.THALWEG_BENCH_PROFILES ?? 5_000_000)
/** Rows of one transaction of the bare upserts, as of the hub's. */
const BARE_AT_ONCE = 4_000
const LOOK_MS = 200
const STUCK_MS = 120_000
const DAY_MS = 86_400_000
const CITIES = ['Berlin', 'Lyon', 'Osaka', 'Austin', 'Leeds', 'Porto', 'Turin', 'Lima']
const HEAD =
  'external_id,braze_id,email,first_name,last_name,city,country,gender,language,phone_number,time_zone,date_of_birth\n'

/** In both stores. */
export async function profiles(): Promise<object[]> {
  const bare = await bareUpserts(ROWS)
  const embedded = await measured('embedded', ROWS, {})
  const stopServers = await setup()
  try {
    const { url, drop } = await postgresDatabase('empty')
    const inRows = await measured('PostgreSQL', ROWS, { store: url })
    await drop()
    return [...bare, ...embedded, ...inRows]
  } finally {
    await stopServers()
  }
}

/** Five million people, embedded: what becomes of speed and memory, and what the lists of the console wait for at the API. */
export async function profilesLarge(): Promise<object[]> {
  return measured('embedded', LARGE_ROWS, {}, lists)
}

/** What the pages of profiles and of audiences ask. */
async function lists({ url, apiToken }: ProfileAddress): Promise<object[]> {
  const call = apiOf(url, apiToken)
  await call('POST', '/audiences', {
    name: 'Berlin',
    slug: 'berlin',
    filter: 'FILTER city = "Berlin"',
  })
  const startedAt = performance.now()
  while ((await call('GET', '/audience-progress')).judging)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  const judged = {
    case: 'an audience of an eighth of them, from its rule to its size',
    ms: performance.now() - startedAt,
  }
  const rows: object[] = [judged]
  for (const path of [
    '/profiles?limit=50',
    `/profiles?limit=50&after=${LARGE_ROWS / 2}`,
    `/profiles?value=person${LARGE_ROWS - 1}@mail.example.com`,
    '/profiles?value=user-49&begins=true&limit=50',
    `/profiles/search?text=person%20${LARGE_ROWS / 2}&limit=50`,
    '/profiles/status',
    '/profiles/merges?limit=50',
    '/profiles/conflicts?limit=50',
    `/profiles/${LARGE_ROWS / 2}`,
    '/audiences',
    '/audiences/berlin/size',
    '/audiences/berlin/sample?limit=10',
    '/audiences/berlin/members?limit=50',
    `/audiences/berlin/members?limit=50&after=${LARGE_ROWS / 2}`,
    '/audiences/berlin/moves?limit=50',
    `/audiences/berlin/sizes?from=${Date.now() - DAY_MS}&to=${Date.now()}&step=${DAY_MS / 24}`,
  ])
    rows.push({ case: `GET ${path}`, ...(await asked(call, path)) })
  return rows
}

async function bareUpserts(rows: number): Promise<object[]> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-bare-'))
  const file = new DatabaseSync(join(folder, 'people.db'))
  try {
    file.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -131072')
    const columns = HEAD.trim().split(',')
    file.exec(
      `create table people (${columns.join(' text, ')} text, primary key (${columns[0]})) without rowid`,
    )
    const set = columns.slice(1).map((name) => `${name} = excluded.${name}`)
    const upsert = file.prepare(
      `insert into people values (${columns.map(() => '?').join()}) on conflict do update set ${set.join()}`,
    )
    return [0, 1].map((round) => {
      const cpu = process.cpuUsage()
      const startedAt = performance.now()
      let waiting = 0
      for (const text of csv(rows, round))
        for (const line of text.trimEnd().split('\n')) {
          if (line === HEAD.trimEnd()) continue
          if (waiting === 0) file.exec('begin')
          upsert.run(...line.split(','))
          waiting = (waiting + 1) % BARE_AT_ONCE
          if (waiting === 0) file.exec('commit')
        }
      if (waiting > 0) file.exec('commit')
      const ms = performance.now() - startedAt
      const { user, system } = process.cpuUsage(cpu)
      return {
        case: `${rows} bare upserts by node:sqlite, ${round === 0 ? 'new rows' : 'the same again'}`,
        recordsPerSecond: (rows / ms) * 1000,
        cpuMicrosPerRecord: (user + system) / rows,
      }
    })
  } finally {
    file.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measured(
  store: string,
  rows: number,
  settings: ProfilePlan['settings'],
  /** What is measured of the people who are there; otherwise they come a second time. */
  then?: (address: ProfileAddress) => Promise<object[]>,
): Promise<object[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-profiles-'))
  const child = fork(fileURLToPath(new URL('./profile-process.ts', import.meta.url)), [
    JSON.stringify({ dataDir, token: TOKEN, settings } satisfies ProfilePlan),
  ])
  const gone = once(child, 'exit')
  try {
    const [address] = (await once(child, 'message')) as [ProfileAddress]
    const { url } = address
    const first = await load(child, url, `${store}, new people`, rows, 0)
    if (then !== undefined) return [first, ...(await then(address))]
    // Other rows of the same people.
    return [first, await load(child, url, `${store}, the same people again`, rows, 1)]
  } finally {
    if (child.connected) child.send('close')
    await gone
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function load(
  child: ChildProcess,
  url: string,
  name: string,
  rows: number,
  round: number,
): Promise<object> {
  const before = await statsOf(child)
  const startedAt = performance.now()
  await upload(url, rows, round)
  const uploadedMs = performance.now() - startedAt
  const after = await settled(child, before.applied + rows)
  const ms = performance.now() - startedAt
  return {
    case: `${rows} rows of a CSV file, ${name}`,
    recordsPerSecond: (rows / ms) * 1000,
    uploadedPerSecond: (rows / uploadedMs) * 1000,
    cpuMicrosPerRecord: (after.childCpuMicros - before.childCpuMicros) / rows,
    hubCpuMicrosPerRecord: (after.cpuMicros - before.cpuMicros) / rows,
    profiles: await peopleOf(child),
    processRssMb: after.childRssBytes / 1_048_576,
    hubRssMb: after.rssBytes / 1_048_576,
  }
}

async function upload(url: string, rows: number, round: number): Promise<void> {
  const sent = request(`${url}/collect/bulk/braze_users?filename=people-${round}.csv`, {
    method: 'POST',
    headers: { 'content-type': 'application/csv', authorization: TOKEN },
  })
  const answered = once(sent, 'response')
  await pipeline(Readable.from(csv(rows, round)), sent)
  const [response] = await answered
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${Buffer.concat(chunks)}`)
}

function* csv(rows: number, round: number): Generator<string> {
  let text = HEAD
  for (let i = 0; i < rows; i++) {
    // Scattered over the people, as files are.
    const n = (i * 7_919) % rows
    const id = `5${n.toString(16).padStart(23, '0')}`
    const city = CITIES[(n + round) % CITIES.length]
    text += `user-${n},${id},person${n}@mail.example.com,Ada,Person ${n},${city},DE,F,de,+4915${1e8 + n},Europe/Berlin,1990-0${(n % 9) + 1}-1${n % 10}\n`
    if (text.length > 65_536) {
      yield text
      text = ''
    }
  }
  yield text
}

async function statsOf(child: ChildProcess): Promise<ProfileStats> {
  child.send('stats')
  const [stats] = (await once(child, 'message')) as [ProfileStats]
  return stats
}

/** Counts them all, so not while they are measured. */
async function peopleOf(child: ChildProcess): Promise<number> {
  child.send('people')
  const [count] = (await once(child, 'message')) as [number]
  return count
}

async function settled(child: ChildProcess, applied: number): Promise<ProfileStats> {
  let moved = performance.now()
  let last = -1
  for (;;) {
    const stats = await statsOf(child)
    if (stats.applied >= applied && stats.position >= stats.head) return stats
    if (stats.applied !== last) {
      last = stats.applied
      moved = performance.now()
    }
    if (performance.now() - moved > STUCK_MS) throw new Error(`stuck at ${stats.applied} of ${applied}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
