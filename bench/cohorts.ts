/**
 * Cohorts: the comparison of a result with a roster of as many people, beside a bare full join of the same data, and whole
 * runs into the double of Braze. What the double must hold afterwards is checked, person by person.
 *
 * THALWEG_BENCH_COHORT_ROWS (default 10000000; 50000000 takes minutes and 3 GB of disk) is the size of the comparison,
 * THALWEG_BENCH_SYNC_ROWS (default 1000000) that of the runs.
 */

import { type ChildProcess, fork, spawn } from 'node:child_process'
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
import { cpuMicrosOf } from './process-stats.ts'

const THREADS = 8
/** Looking at the processes costs: seldom enough that it is nothing beside what is measured. */
const WATCH_MS = 500
const PLAN: SnapshotPlan = {
  used: [{ name: 'user_ids', place: 0, kind: 'external_id', label: '' }],
  identifiers: 'first',
}

/** Of `rows` people; in the second run every hundredth is somebody else. */
function resultSql(rows: number, second: boolean): string {
  const who = second ? `if(range % 100 = 0, ${rows} + range // 100, range)` : 'range'
  return `select 'user-' || lpad((${who})::varchar, 9, '0') as user_ids from range(${rows})`
}

/** One text, as a parser makes it: those that are put together from pieces are compared much slower. */
const idOf = (n: number): string =>
  Buffer.from(`user-${String(n).padStart(9, '0')}`, 'latin1').toString('latin1')

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
    const never = new AbortController().signal
    const table: object[] = []
    const step = async <T>(roster: Roster, name: string, work: () => Promise<T>): Promise<T> => {
      const pid = Number(roster.pid)
      const cpuBefore = cpuMicrosOf([pid]) / 1000
      const startedAt = performance.now()
      const result = await work()
      const ms = performance.now() - startedAt
      const childCpuMs = cpuMicrosOf([pid]) / 1000 - cpuBefore
      table.push({ case: `${rows} people: ${name}`, ms, childCpuMs, childRssMbMax: await peakMb(pid) })
      return result
    }
    const roster = await Roster.open(join(folder, 'roster.duckdb'))
    await roster.begin()
    await step(roster, 'snapshot', () => roster.take(createReadStream(first), PLAN, never))
    await step(roster, 'comparison with nobody', () => roster.compare('mirror'))
    await step(roster, 'taken into the roster', () => roster.apply('1', 1, rows, []))
    // Its memory of what it has done so far would be counted.
    await roster.close()
    const again = await Roster.open(join(folder, 'roster.duckdb'))
    await again.begin()
    await step(again, 'second snapshot', () => again.take(createReadStream(second), PLAN, never))
    const { added, removed, unchanged } = await step(again, 'comparison, 1 % changed', () =>
      again.compare('mirror'),
    )
    await again.close()
    const churn = Math.ceil(rows / 100)
    same('comparison', [added, removed, unchanged], [churn, churn, rows - churn])
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
async function bareJoin(roster: string, result: string): Promise<object> {
  const script = fileURLToPath(new URL('./join-process.ts', import.meta.url))
  const child = fork(script, [JSON.stringify({ roster, result, ...ROSTER_DEFAULTS })])
  const [{ ms, cpuMs }] = (await once(child, 'message')) as [{ ms: number; cpuMs: number }]
  const childRssMbMax = await peakMb(Number(child.pid))
  child.kill()
  return { ms, childCpuMs: cpuMs, childRssMbMax }
}

/** A first run, and one with 1 % churn; every tenth person of the result is unknown to Braze. */
async function runs(rows: number): Promise<object[]> {
  const double = await startBraze({ clock: systemClock, random: seededRandom(1) })
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-cohorts-'))
  const hub = new HubProcess({
    dataDir,
    queries: [resultSql(rows, false), resultSql(rows, true)],
    settings: { instance: 'custom', host: double.url, cohortId: 'bench', threads: THREADS },
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  try {
    const { vendor } = double
    const churn = Math.ceil(rows / 100)
    for (let n = 0; n < rows + churn; n++) {
      const brazeId = n.toString(16).padStart(24, '0')
      if (n % 10 !== 9) vendor.profiles.load({ externalId: idOf(n), brazeId }, 0)
    }
    const table: object[] = []
    for (const second of [false, true]) {
      const before = process.cpuUsage()
      const { line, roster } = await hub.run()
      const { user, system } = process.cpuUsage(before)
      const { added, removed, accepted, phases } = line.report
      const changes = second ? [churn, churn] : [rows, 0]
      same(
        second ? 'second run' : 'first run',
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
        rosterCpuMs: roster.cpuMs,
        doubleCpuMs: (user + system) / 1000,
        hubRssMbMax: line.rssBytesMax / 1_048_576,
        childRssMbMax: roster.rssMbMax,
      })
    }
    await hub.ended()
    same(
      'requests',
      [vendor.cohorts.tally.identifiersMax, double.tally.answers],
      [1000, { 201: double.tally.requests }],
    )
    return table
  } finally {
    hub.kill()
    await double.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** What the process of a roster took. */
interface Taken {
  rssMbMax: number
  cpuMs: number
}

/** A hub that runs its queries one after another, each when it is told to. */
class HubProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown[]>
  readonly #lines: AsyncIterator<string>

  constructor(plan: CohortPlan) {
    const script = fileURLToPath(new URL('./cohort-process.ts', import.meta.url))
    const child = spawn(process.execPath, [script, JSON.stringify(plan)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child = child
    this.#exited = once(child, 'exit')
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** The next query. */
  async run(): Promise<{ line: CohortLine; roster: Taken }> {
    const roster: Taken = { rssMbMax: 0, cpuMs: 0 }
    const watch = setInterval(() => void watchRoster(Number(this.#child.pid), roster), WATCH_MS)
    try {
      this.#child.stdin?.write('\n')
      const { value, done } = await this.#lines.next()
      if (done === true) throw new Error(`the hub ended with ${(await this.#exited)[0]}`)
      return { line: JSON.parse(value) as CohortLine, roster }
    } finally {
      clearInterval(watch)
    }
  }

  async ended(): Promise<void> {
    this.#child.stdin?.end()
    const [code] = await this.#exited
    if (code !== 0) throw new Error(`the hub ended with ${code}`)
  }

  kill(): void {
    this.#child.kill()
  }
}

/** A run has one process of a roster; its last moments are not seen. */
async function watchRoster(hub: number, roster: Taken): Promise<void> {
  for (const pid of await rosterPids(hub)) {
    roster.rssMbMax = Math.max(roster.rssMbMax, await peakMb(pid))
    roster.cpuMs = Math.max(roster.cpuMs, cpuMicrosOf([pid]) / 1000)
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
