/**
 * Cohorts: the comparison of a result with a roster of as many people, beside a bare full join of the same data, and whole
 * runs into the double of Braze. What the double must hold afterwards is checked, person by person.
 *
 * THALWEG_BENCH_COHORT_ROWS (default 10000000; 50000000 takes minutes and 3 GB of disk) is the size of the comparison,
 * THALWEG_BENCH_SYNC_ROWS (default 1000000) that of the runs.
 */

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { ROSTER_DEFAULTS, Roster } from '../src/audiences/roster/roster.ts'
import type { SnapshotPlan } from '../src/audiences/roster/snapshot.ts'
import { systemClock } from '../src/core/clock.ts'
import { seededRandom } from '../src/core/random.ts'
import type { Braze } from '../src/sandbox/braze/braze.ts'
import { DEMO, startBraze } from '../src/sandbox/sandbox.ts'
import type { CohortLine, CohortPlan } from './cohort-process.ts'

const THREADS = 8
const WATCH_MS = 50
const PLAN: SnapshotPlan = {
  used: [{ name: 'user_ids', place: 0, kind: 'external_id', label: '' }],
  identifiers: 'first',
}

/** Of `rows` people; in the second run every hundredth is somebody else. */
function resultSql(rows: number, second: boolean): string {
  const who = second ? `if(range % 100 = 0, ${rows} + range // 100, range)` : 'range'
  return `select 'user-' || lpad((${who})::varchar, 9, '0') as user_ids from range(${rows})`
}

const idOf = (n: number): string => `user-${String(n).padStart(9, '0')}`

export async function cohorts(): Promise<object[]> {
  const sizes = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)
  return [
    ...(await comparisons(sizes('THALWEG_BENCH_COHORT_ROWS', 10_000_000))),
    ...(await runs(sizes('THALWEG_BENCH_SYNC_ROWS', 1_000_000))),
  ]
}

/** The same people, 1 % of them others, against a roster of `rows`. */
async function comparisons(rows: number): Promise<object[]> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-cohorts-'))
  try {
    const [first, second] = [join(folder, 'first.parquet'), join(folder, 'second.parquet')]
    await write(first, resultSql(rows, false))
    await write(second, resultSql(rows, true))
    const roster = await Roster.open(join(folder, 'roster.duckdb'))
    const pid = Number(roster.pid)
    const never = new AbortController().signal
    const take = (file: string) => roster.take(createReadStream(file), PLAN, never)
    const table: object[] = []
    const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const startedAt = performance.now()
      await work()
      const ms = performance.now() - startedAt
      table.push({ case: `${rows} people: ${name}`, ms, childRssMbMax: await peakMb(pid) })
    }
    await roster.begin()
    await step('snapshot', () => take(first))
    await step('comparison with nobody', () => roster.compare('mirror'))
    await step('taken into the roster', () => roster.apply('1', 1, rows, []))
    // Its memory of what it has done so far would be counted.
    await roster.close()
    const again = await Roster.open(join(folder, 'roster.duckdb'))
    await again.begin()
    const startedAt = performance.now()
    await again.take(createReadStream(second), PLAN, never)
    const takenAt = performance.now()
    const { added, removed, unchanged } = await again.compare('mirror')
    const comparedAt = performance.now()
    const childRssMbMax = await peakMb(Number(again.pid))
    await again.close()
    const churn = Math.ceil(rows / 100)
    same('comparison', [added, removed, unchanged], [churn, churn, rows - churn])
    table.push({ case: `${rows} people: second snapshot`, ms: takenAt - startedAt, childRssMbMax })
    table.push({ case: `${rows} people: comparison, 1 % changed`, ms: comparedAt - takenAt, childRssMbMax })
    table.push({
      case: `${rows} people: bare full join`,
      ...(await bareJoin(join(folder, 'roster.duckdb'), second)),
    })
    return table
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function write(file: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '500MB' })
  const db = await instance.connect()
  await db.run(`copy (${sql}) to '${file}' (format parquet)`)
  db.closeSync()
  instance.closeSync()
}

/** The yardstick, in a process of its own. */
async function bareJoin(roster: string, result: string): Promise<{ ms: number; childRssMbMax: number }> {
  const script = fileURLToPath(new URL('./join-process.ts', import.meta.url))
  const child = fork(script, [JSON.stringify({ roster, result, ...ROSTER_DEFAULTS })])
  const [{ ms }] = (await once(child, 'message')) as [{ ms: number }]
  const childRssMbMax = await peakMb(Number(child.pid))
  child.kill()
  return { ms, childRssMbMax }
}

/** A first run, and one with 1 % churn; every tenth person of the result is unknown to Braze. */
async function runs(rows: number): Promise<object[]> {
  const double = await startBraze({ clock: systemClock, random: seededRandom(1) })
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-cohorts-'))
  try {
    const { vendor } = double
    const churn = Math.ceil(rows / 100)
    for (let n = 0; n < rows + churn; n++) {
      const brazeId = n.toString(16).padStart(24, '0')
      if (n % 10 !== 9) vendor.profiles.load({ externalId: idOf(n), brazeId }, 0)
    }
    const table: object[] = []
    const lines = hubRuns({
      dataDir,
      queries: [resultSql(rows, false), resultSql(rows, true)],
      settings: { instance: 'custom', host: double.url, cohortId: 'bench', threads: THREADS },
      credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
    })
    let double0 = process.cpuUsage()
    for await (const { line, childRssMbMax } of lines) {
      const second = table.length > 0
      const { user, system } = process.cpuUsage(double0)
      double0 = process.cpuUsage()
      const { added, removed, accepted, phases } = line.report
      const changes = second ? [churn, churn] : [rows, 0]
      same(
        `run ${table.length + 1}`,
        [line.state, added, removed, accepted],
        ['succeeded', ...changes, added + removed],
      )
      checkMembers(vendor, rows, second)
      const took = (phase: keyof typeof phases): number =>
        (phases[phase]?.finishedAt ?? 0) - (phases[phase]?.startedAt ?? 0)
      table.push({
        case: second ? `${rows} people again, 1 % changed` : `${rows} people into the double`,
        ms: line.ms,
        queryMs: took('query'),
        diffMs: took('diff'),
        sendMs: took('send') + took('settle'),
        verifyMs: took('verify'),
        hubCpuMs: line.cpuMicros / 1000,
        doubleCpuMs: (user + system) / 1000,
        hubRssMbMax: line.rssBytesMax / 1_048_576,
        childRssMbMax,
      })
    }
    same(
      'requests',
      [vendor.cohorts.tally.identifiersMax, double.tally.answers],
      [1000, { 201: double.tally.requests }],
    )
    return table
  } finally {
    await double.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** A hub that runs the queries; what its processes of rosters took at most, with each run. */
async function* hubRuns(plan: CohortPlan): AsyncGenerator<{ line: CohortLine; childRssMbMax: number }> {
  const script = fileURLToPath(new URL('./cohort-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let childRssMbMax = 0
  const watch = setInterval(async () => {
    childRssMbMax = Math.max(
      childRssMbMax,
      ...(await Promise.all((await rosterPids(Number(child.pid))).map(peakMb))),
    )
  }, WATCH_MS)
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      yield { line: JSON.parse(text) as CohortLine, childRssMbMax }
      childRssMbMax = 0
    }
    const [code] = await exited
    if (code !== 0) throw new Error(`the hub ended with ${code}`)
  } finally {
    clearInterval(watch)
    child.kill()
  }
}

async function rosterPids(hub: number): Promise<number[]> {
  const threads = await readdir(`/proc/${hub}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${hub}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  const pids = lists.flatMap((list) => list.trim().split(' ')).map(Number)
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return pids.filter((_, i) => commands[i]?.includes('roster-process'))
}

/** 0 when the process is gone. */
async function peakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

/** The cohort is the result, restricted to those whom Braze knows. */
function checkMembers({ cohorts: all }: Braze, rows: number, second: boolean): void {
  const members = all.get(DEMO.brazePartner, 'bench')?.members ?? []
  const expected = new Set<string>()
  for (let n = 0; n < rows; n++) {
    const who = second && n % 100 === 0 ? rows + n / 100 : n
    if (who % 10 !== 9) expected.add(idOf(who))
  }
  const wrong = [...members].filter(({ externalId = '' }) => !expected.delete(externalId))
  same('the cohort', [wrong.length, expected.size], [0, 0])
}

function same(what: string, found: readonly unknown[], expected: readonly unknown[]): void {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
}
