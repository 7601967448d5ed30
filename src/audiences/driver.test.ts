import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { openStore } from '../store/store.ts'
import { type Activation, ActivationDefinition } from './activation.ts'
import { RunDriver, type Surroundings } from './driver.ts'
import { Roster } from './roster/roster.ts'
import { emptyReport, type Run, runId } from './run.ts'
import { Runs } from './runs.ts'
import { Segments } from './segments/segments.ts'

const ROOM = { recordsMax: 500, bytesMax: 1_000_000 }
const PEOPLE = 2 * ROOM.recordsMax + 1

/** A run of one activation whose log and books are at hand: what is appended is delivered at once. */
class Driven {
  readonly clock = new VirtualClock(1_700_000_000_000)
  readonly #stopping = new AbortController()
  /** Ids of the records that were appended, each time. */
  readonly appended: string[] = []
  before: (() => Promise<void> | void) | undefined
  driver: RunDriver | undefined
  people = PEOPLE
  readonly #file: string
  readonly runs: Runs
  readonly #segments: Segments

  private constructor(file: string, store: Awaited<ReturnType<typeof openStore>>) {
    this.#file = file
    this.runs = new Runs(store, this.clock)
    this.#segments = new Segments({ store, clock: this.clock, kindOf: async () => 'duckdb' })
  }

  static async open(): Promise<Driven> {
    const folder = await tempFolder()
    const clock = new VirtualClock(0)
    const store = await openStore(`sqlite:${join(folder, 'store.db')}`, { clock })
    onTestFinished(() => store.close())
    return new Driven(join(folder, 'c1.duckdb'), store)
  }

  readonly activation: Activation = {
    number: 7,
    name: 'vip',
    state: 'active',
    version: 1,
    definition: ActivationDefinition.parse({
      name: 'vip',
      contactEmail: 'contact@example.com',
      query: { sql: 'select' },
      operation: 'mirror',
      destination: { kind: 'braze-cohort', settings: { cohortId: 'c1' }, authorization: 'a' },
    }),
    source: 1,
    current: 1,
    scheduledSince: 0,
    scheduledTo: 0,
    createdAt: 0,
    updatedAt: 0,
  }

  begun(): Promise<Run> {
    return this.runs.create(this.activation, 'c1', { trigger: 'manual', by: 'test', dry: false })
  }

  /** Drives a run to its end; virtual time passes meanwhile. */
  async drive(run: Run): Promise<Run> {
    const driver = new RunDriver(this.#parts(), this.activation, run, this.#stopping.signal)
    this.driver = driver
    let over = false
    const driving = driver.drive().finally(() => {
      over = true
    })
    while (!over) {
      await this.clock.advance(1_000)
      // The roster's process needs the machine, too.
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return driving
  }

  async roster<T>(work: (roster: Roster) => Promise<T>): Promise<T> {
    const roster = await Roster.open(this.#file)
    try {
      return await work(roster)
    } finally {
      await roster.close()
    }
  }

  #parts() {
    const surroundings: Surroundings = {
      query: async () => ({
        columns: [{ name: 'user_ids', type: 'text' }],
        pages: this.#pages(),
        cut: () => false,
      }),
      file: async () => undefined,
      saved: () => Promise.reject(new Error('nothing is saved')),
      append: async (_source, body) => {
        const ids = (JSON.parse(Buffer.from(body).toString()) as { id: string }[]).map(({ id }) => id)
        if (!ids[0]?.endsWith('-name')) await this.before?.()
        this.appended.push(...ids)
      },
      room: ROOM,
      head: () => this.appended.length,
      progress: async () => ({ position: this.appended.length, halted: undefined }),
      rejected: async () => [],
      clock: this.clock,
    }
    return {
      ...surroundings,
      runs: this.runs,
      segments: this.#segments,
      openRoster: () => Roster.open(this.#file),
    }
  }

  async *#pages() {
    yield Array.from({ length: this.people }, (_, i) => [`u${i}`])
  }
}

test('a run that has sent something waits for what hinders it and goes on', async () => {
  const driven = await Driven.open()
  let calls = 0
  driven.before = () => {
    if (++calls === 2) throw new ThalwegError('LOG_STOPPED', 'the disk is full')
    if (calls === 3)
      expect(driven.driver?.run).toMatchObject({ state: 'running', report: { waiting: 'the disk is full' } })
  }
  const run = await driven.drive(await driven.begun())
  expect(run).toMatchObject({
    state: 'succeeded',
    report: { added: PEOPLE, appended: PEOPLE, accepted: PEOPLE, unsent: 0, membersAfter: PEOPLE },
  })
  expect(run.report.waiting).toBeUndefined()
  expect(new Set(driven.appended).size).toBe(PEOPLE + 1)
})

test('one that has sent nothing fails', async () => {
  const driven = await Driven.open()
  driven.people = 0
  const begun = await driven.begun()
  const { definition } = driven.activation
  Object.assign(driven.activation, {
    definition: { ...definition, query: { engine: 'warehouse', saved: 'q' } },
  })
  expect(await driven.drive(begun)).toMatchObject({ state: 'failed', report: { error: 'nothing is saved' } })
})

test('where its records begin is on the disk before the first of them', async () => {
  const driven = await Driven.open()
  const begun = await driven.begun()
  let kept: Run | undefined
  driven.before = async () => {
    kept ??= await driven.runs.get(7, begun.run)
  }
  const { report } = await driven.drive(begun)
  // The name of the cohort is no change.
  expect(kept).toMatchObject({ phase: 'send', report: { window: { from: 0, changesFrom: 1 } } })
  expect(report.window).toEqual({ from: 0, changesFrom: 1, to: PEOPLE + 1 })
})

test('what a process that ended had counted is counted anew', async () => {
  const driven = await Driven.open()
  const begun = await driven.begun()
  const left = await driven.runs.save(begun, 'running', 'query', {
    ...emptyReport(),
    rows: 99,
    identifiers: 99,
  })
  expect((await driven.drive(left)).report).toMatchObject({
    rows: PEOPLE,
    identifiers: PEOPLE,
    distinct: PEOPLE,
  })
})

test('taken up where its comparison is not, a run sends nothing and says where to look', async () => {
  const driven = await Driven.open()
  const report = { ...emptyReport(), added: PEOPLE, unsent: PEOPLE }
  const left = await driven.runs.save(await driven.begun(), 'running', 'send', report)
  expect(await driven.drive(left)).toMatchObject({
    state: 'failed',
    report: { appended: 0, error: expect.stringContaining('a roster that this data folder does not have') },
  })
})

test('cancelled after it was taken up: what an earlier process may have sent is in doubt', async () => {
  const driven = await Driven.open()
  const begun = await driven.begun()
  // The process before prepared the run and began to send.
  await driven.roster(async (roster) => {
    await roster.begin()
    await roster.load(Array.from({ length: PEOPLE }, (_, i) => `uu${i}`))
    await roster.compare('mirror', runId(begun))
  })
  const report = { ...emptyReport(), added: PEOPLE, unsent: PEOPLE, window: { from: 0, to: undefined } }
  const left = await driven.runs.save(begun, 'running', 'send', report)
  driven.before = () => driven.driver?.cancel('test')
  const run = await driven.drive(left)
  expect(run).toMatchObject({
    state: 'cancelled',
    report: { appended: ROOM.recordsMax, unsent: PEOPLE - ROOM.recordsMax },
  })
  const next = await driven.roster(async (roster) => {
    await roster.begin()
    return roster.compare('mirror')
  })
  expect(next).toMatchObject({ removed: PEOPLE, membersRemoved: ROOM.recordsMax })
  expect(runId(run)).toBe('activation-7.1')
})
