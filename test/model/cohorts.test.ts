/**
 * A mirror against its promise: whatever was asked before, whatever the vendor answered or failed to answer, however often
 * the hub was stopped in the middle: after a mirror run that succeeded, the cohort is the result of its query, as far as
 * Braze knows the people; the numbers of every run close; and no request broke a limit of Braze. On every ground.
 *
 * In one process, with stops; test/fault/cohort-kill.test.ts kills.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import type { Run } from '../../src/audiences/run.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import type { Person } from '../../src/sandbox/braze/profiles.ts'
import type { FaultRule } from '../../src/sandbox/faults.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { ENDED, expectClosed } from '../support/cohorts.ts'
import { eventually } from '../support/eventually.ts'
import { type Ground, onEachGround } from '../support/grounds.ts'
import { hurriedClock } from '../support/hurried-clock.ts'
import { type Stack, type StackOptions, startStack } from '../support/stack.ts'

const HASTE = 25
/** External ids c0, c1, …: enough for several requests. */
const CROWD = 2_300

const alias = (label: string, name: string) => ({ label, name })
/** By their places. Of an identified profile Braze ignores the device. */
const PEOPLE: readonly Person[] = [
  { externalId: 'ann' },
  { externalId: 'bob', aliases: [alias('mail', 'bob@x.io')] },
  { externalId: 'cyd', aliases: [alias('mail', "c'yd@x.io"), alias('phone', '+49 1')], devices: ['dev-c'] },
  { externalId: 'dé🌷', aliases: [alias('phone', '+49 2')] },
  { devices: ['dev-1'] },
  { devices: ['dev-2', 'dev-3'] },
  { aliases: [alias('mail', 'eve@x.io')], devices: ['dev-4'] },
]
const COLUMNS = ['user_ids', 'device_ids', 'mail', 'phone'] as const
type Column = (typeof COLUMNS)[number]
type Row = Readonly<Partial<Record<Column, string>>>

/** Every identifier of a column, and one that nobody has. */
const known = (column: Column): string[] => [
  ...PEOPLE.flatMap((person) => identifiersOf(person, column)),
  'nobody',
]

function identifiersOf(
  { externalId, aliases = [], devices = [] }: Person,
  column: Column,
): readonly string[] {
  if (column === 'user_ids') return externalId === undefined ? [] : [externalId]
  if (column === 'device_ids') return devices
  return aliases.filter(({ label }) => label === column).map(({ name }) => name)
}

/** A row holds what one person is known by, or of a few persons by mistake. */
const row: fc.Arbitrary<Row> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ person: fc.constantFrom(...PEOPLE), columns: fc.subarray([...COLUMNS]), nth: fc.nat(1) })
      .map(({ person, columns, nth }) =>
        Object.fromEntries(
          columns.flatMap((column) => {
            const found = identifiersOf(person, column)
            return found.length === 0 ? [] : [[column, found[nth % found.length] ?? '']]
          }),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...COLUMNS)
      .chain((column) => fc.constantFrom(...known(column)).map((value): Row => ({ [column]: value }))),
  },
  { weight: 1, arbitrary: fc.constantFrom<Row>({}, { mail: ' ' }) },
)

const PATH = { path: '/partners/' }
const next = fc.integer({ min: 1, max: 3 })
const status = (...of: number[]) =>
  fc.record({
    kind: fc.constant('status' as const),
    status: fc.constantFrom(...of),
    next,
    path: fc.constant('/partners/'),
  })
const fault: fc.Arbitrary<FaultRule> = fc.oneof(
  status(429, 423, 500, 503),
  status(401),
  fc.record({
    kind: fc.constantFrom('drop_before' as const, 'drop_after' as const),
    next,
    path: fc.constant('/partners/'),
  }),
  fc
    .record({ afterBytes: fc.constant(5), next })
    .map((rule) => ({ ...PATH, ...rule, kind: 'cut_body' as const })),
  fc
    .subarray(['ann', 'bob', 'bob@x.io', 'dev-2', 'dev-3', 'eve@x.io', 'c7', 'c1700', '+49 1'], {
      minLength: 1,
      maxLength: 3,
    })
    .map((ids) => ({ ...PATH, kind: 'refuse' as const, ids })),
  fc.constant<FaultRule>({ ...PATH, kind: 'status', status: 423, probability: 0.3 }),
)

const turn = fc.record({
  operation: fc.constantFrom('mirror' as const, 'mirror' as const, 'add' as const, 'remove' as const),
  identifiers: fc.constantFrom('first' as const, 'all' as const),
  rows: fc.array(row, { maxLength: 8 }),
  /** [from, to) of the crowd. */
  crowd: fc.constantFrom<readonly [number, number]>([0, 0], [0, 0], [0, 40], [0, CROWD], [400, 2_000]),
  faults: fc.array(fault, { maxLength: 4 }),
  /** Of the hub, while the run is under way; after so many real milliseconds. */
  stop: fc.option(fc.nat(400), { nil: undefined, freq: 4 }),
  cancel: fc.option(fc.nat(400), { nil: undefined, freq: 8 }),
  held: fc.constantFrom('release' as const, 'release' as const, 'cancel' as const),
  partial: fc.constantFrom('retry' as const, 'leave' as const),
  resync: fc.nat(9).map((n) => n === 0),
})
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never

let stack: Stack
let authorization: string
let cases = 0
const clock = hurriedClock(HASTE)
let options: StackOptions

async function prepare(ground: Ground): Promise<void> {
  options = { clock, haltedRetryMs: 2_000, settings: await ground.settings() }
  stack = await startStack(options)
  const { profiles } = stack.sandbox.braze.vendor
  for (const person of PEOPLE) profiles.load(person, 0)
  for (let i = 0; i < CROWD; i++) profiles.load({ externalId: `c${i}` }, 0)
  const { id } = await stack.hub.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  authorization = id
}

/** Another process on the same data, as far as the hub knows. */
async function restart(): Promise<void> {
  const { dataDir } = stack.hub.settings
  await stack.hub.close()
  stack = await startStack({ ...options, dataDir, beside: stack.sandbox })
}

onEachGround((ground) => {
  test('after a mirror that succeeded the cohort is its result, whatever happened before', async () => {
    const seed = testSeed('cohort model')
    await prepare(ground)
    await fc.assert(fc.asyncProperty(fc.array(turn, { minLength: 2, maxLength: 6 }), lived), {
      seed,
      numRuns: ground.runs(5, 1),
      // A sequence takes seconds: the first that fails is told as it is.
      endOnFailure: true,
    })
  }, 600_000)
})

async function lived(turns: readonly Turn[]): Promise<void> {
  const name = `case-${++cases}`
  await stack.hub.audiences.create(definitionOf(name, { ...LAST, rows: [{ user_ids: 'ann' }] }))
  for (const one of turns) {
    stack.sandbox.braze.faults.set(one.faults)
    await taken(name, one)
  }
  stack.sandbox.braze.faults.clear()
  const last = await taken(name, { ...LAST, rows: turns.at(-1)?.rows ?? [] })
  expect(last.state).toBe('succeeded')
  expect(stack.sandbox.braze.vendor.excess).toEqual({ items: 0, rate: 0, bytes: 0 })
}

const LAST: Turn = {
  operation: 'mirror',
  identifiers: 'first',
  rows: [],
  crowd: [0, 40],
  faults: [],
  stop: undefined,
  cancel: undefined,
  held: 'release',
  partial: 'leave',
  resync: false,
}

async function taken(name: string, one: Turn): Promise<Run> {
  const { audiences } = stack.hub
  await audiences.revise(name, definitionOf(name, one), '')
  if (one.resync) await audiences.resync(name)
  const run = await driven(name, one, { trigger: 'manual' as const })
  expectClosed(run)
  if (run.state === 'succeeded' && one.operation === 'mirror') expect(membersOf(name)).toEqual(expected(one))
  if (run.state === 'partial' && one.partial === 'retry') {
    stack.sandbox.braze.faults.clear()
    expectClosed(await driven(name, one, { trigger: 'retry' as const, retryOf: run.run }))
  }
  return run
}

/** Starts a run and sees it to its end, through stops, holds and cancellation. */
async function driven(
  name: string,
  { stop, cancel, held }: Turn,
  how: { trigger: 'manual' } | { trigger: 'retry'; retryOf: number },
): Promise<Run> {
  const { run: number } = await stack.hub.audiences.startRun(name, { ...how, by: 'test', dry: false })
  if (stop !== undefined) {
    await clock.sleep(stop * HASTE)
    await restart()
  }
  if (cancel !== undefined) {
    await clock.sleep(cancel * HASTE)
    await stack.hub.audiences.cancel(name, number, 'test').catch(ifOver)
  }
  const run = await ended(name, number)
  if (run.state !== 'held') return run
  if (held === 'cancel') return stack.hub.audiences.cancel(name, number, 'test')
  await stack.hub.audiences.release(name, number, 'test', true)
  return ended(name, number)
}

function ended(name: string, number: number): Promise<Run> {
  return eventually(
    'the run has ended',
    async () => {
      const run = await stack.hub.audiences.run(name, number)
      return ENDED.has(run.state) ? run : undefined
    },
    { withinMs: 60_000 },
  )
}

/** It ended before it was cancelled. */
function ifOver(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'RUN_STATE') throw error
}

function definitionOf(name: string, { operation, identifiers, ...result }: Turn): ActivationDefinition {
  return ActivationDefinition.parse({
    name,
    contactEmail: 'contact@example.com',
    query: { sql: sqlOf(result) },
    operation,
    identifiers,
    aliases: ['mail', 'phone'],
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: stack.sandbox.addresses.braze, cohortId: name },
      authorization,
    },
  })
}

function sqlOf({ rows, crowd: [from, to] }: Pick<Turn, 'rows' | 'crowd'>): string {
  const cell = (value: string | undefined): string =>
    value === undefined ? 'null::varchar' : `'${value.replaceAll("'", "''")}'`
  const listed = rows.map((one) => `(${COLUMNS.map((column) => cell(one[column])).join(', ')})`)
  const crowd = `select 'c' || range as user_ids, null as device_ids, null as mail, null as phone from range(${from}, ${to})`
  return listed.length === 0
    ? crowd
    : `select * from (values ${listed.join(', ')}) as t(${COLUMNS.join(', ')}) union all ${crowd}`
}

/** The matching rules once more: an identified profile by external id or alias, an anonymous one by device or alias. */
function expected({ rows, identifiers, crowd: [from, to] }: Turn): string[] {
  const found = new Set<string>()
  for (const one of rows) {
    const given = (['user_ids', 'mail', 'phone', 'device_ids'] as const).filter((column) =>
      one[column]?.trim(),
    )
    for (const column of identifiers === 'first' ? given.slice(0, 1) : given) {
      const place = PEOPLE.findIndex(
        (person) =>
          identifiersOf(person, column).includes(one[column] ?? '') &&
          (column !== 'device_ids' || person.externalId === undefined),
      )
      if (place >= 0) found.add(nameOf(PEOPLE[place] ?? {}))
    }
  }
  for (let i = from; i < to; i++) found.add(`c${i}`)
  return [...found].sort()
}

function nameOf({ externalId, devices = [] }: Person): string {
  return externalId ?? devices[0] ?? ''
}

function membersOf(cohortId: string): string[] {
  const cohort = stack.sandbox.braze.vendor.cohorts.get(DEMO.brazePartner, cohortId)
  return [...(cohort?.members ?? [])]
    .map(({ externalId, devices }) => externalId ?? devices?.[0] ?? '')
    .sort()
}
