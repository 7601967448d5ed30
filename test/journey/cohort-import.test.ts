/** Cohort import, whole: a query becomes a cohort in the Braze double, by difference, and says truly what became of it. */

import { describe, expect, test } from 'vitest'
import { ActivationDefinition } from '../../src/audiences/activation.ts'
import type { Run, RunState } from '../../src/audiences/run.ts'
import type { Person } from '../../src/sandbox/braze/profiles.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { eventually } from '../support/eventually.ts'
import { type Stack, startStack } from '../support/stack.ts'

/** The example table of Treasure Data's page. */
const PAGE = [
  { externalId: 'TDCohort1', email: 'one@example.com', device: '1a2b3c' },
  { externalId: 'TDCohort2', email: 'two@example.com', device: '4d5f6g' },
  { externalId: 'TDCohort3', email: 'three@example.com', device: '7h8j9k' },
  { externalId: 'TDCohort4', email: 'four@example.com', device: '1ab2cd' },
]
const TABLE = `(values ${PAGE.map(({ externalId, email, device }) => `('${externalId}', '${email}', '${device}')`).join(', ')}) as t(external_id, email, device_ids)`

const ENDED: ReadonlySet<RunState> = new Set(['succeeded', 'partial', 'failed', 'cancelled', 'held'])

async function stackWith(people: readonly Person[]): Promise<Stack> {
  const stack = await startStack()
  for (const person of people) stack.sandbox.braze.vendor.profiles.load(person, 0)
  return stack
}

async function activation({ hub, sandbox }: Stack, sql: string, also: Record<string, unknown> = {}) {
  const { id } = await hub.authorizations.create({
    label: 'braze',
    description: '',
    provider: 'braze-cohort',
    credentials: { importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey },
  })
  return hub.audiences.create(
    ActivationDefinition.parse({
      name: 'vip',
      contactEmail: 'contact@example.com',
      query: { sql },
      operation: 'mirror',
      destination: {
        kind: 'braze-cohort',
        settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'c1' },
        authorization: id,
      },
      ...also,
    }),
  )
}

async function ended({ hub }: Stack, run: Run): Promise<Run> {
  return eventually(
    'the run has ended',
    async () => {
      const now = await hub.audiences.run(run.activation, run.run)
      return ENDED.has(now.state) ? now : undefined
    },
    { withinMs: 20_000 },
  )
}

async function ran(stack: Stack, also: { dry?: boolean } = {}): Promise<Run> {
  const run = await stack.hub.audiences.startRun('vip', {
    trigger: 'manual',
    by: 'test',
    dry: false,
    ...also,
  })
  return ended(stack, run)
}

async function revised(stack: Stack, sql: string, also: Record<string, unknown> = {}): Promise<void> {
  const { definition } = await stack.hub.audiences.activations.get('vip')
  await stack.hub.audiences.revise('vip', { ...definition, query: { engine: 'warehouse', sql }, ...also }, '')
}

const members = ({ sandbox }: Stack): string[] =>
  [...(sandbox.braze.vendor.cohorts.get(DEMO.brazePartner, 'c1')?.members ?? [])]
    .map(({ externalId, brazeId }) => externalId ?? brazeId)
    .sort()

const users = (...ids: string[]): Person[] => ids.map((externalId) => ({ externalId }))
const rows = (...ids: string[]): string =>
  `select * from (values ${ids.map((id) => `('${id}')`).join(', ')}) as t(user_ids)`

describe('the worked examples of the page', () => {
  test('external ids', async () => {
    const stack = await stackWith(PAGE)
    await activation(stack, `select external_id as user_ids from ${TABLE}`, { operation: 'add' })
    const run = await ran(stack)
    expect(run.state).toBe('succeeded')
    expect(run.report).toMatchObject({ rows: 4, added: 4, accepted: 4, rejected: 0, membersAfter: 4 })
    expect(members(stack)).toEqual(['TDCohort1', 'TDCohort2', 'TDCohort3', 'TDCohort4'])
  })

  test('aliases: the column is the label, the cell the name', async () => {
    const stack = await stackWith(
      PAGE.map(({ externalId, email }) => ({ externalId, aliases: [{ label: 'email', name: email }] })),
    )
    await activation(stack, `select email from ${TABLE}`, { operation: 'add', aliases: ['email'] })
    expect((await ran(stack)).state).toBe('succeeded')
    expect(members(stack)).toHaveLength(4)
  })

  test('device ids, of anonymous people only', async () => {
    const stack = await stackWith([
      ...PAGE.slice(0, 2).map(({ device }) => ({ devices: [device] })),
      ...PAGE.slice(2).map(({ externalId, device }) => ({ externalId, devices: [device] })),
    ])
    await activation(stack, `select device_ids from ${TABLE}`, { operation: 'add' })
    expect((await ran(stack)).report).toMatchObject({ added: 4, accepted: 4 })
    expect(members(stack)).toHaveLength(2)
  })

  test('a misnamed column fails before anything is sent', async () => {
    const stack = await stackWith(PAGE)
    await activation(stack, `select external_id from ${TABLE}`)
    const run = await ran(stack)
    expect([run.state, run.report.error]).toEqual([
      'failed',
      expect.stringContaining('did you mean user_ids?'),
    ])
    expect(stack.sandbox.braze.vendor.cohorts.tally.requests).toBe(0)
    expect(stack.sandbox.braze.vendor.cohorts.list()).toEqual([])
  })

  test('nobody is created', async () => {
    const stack = await stackWith(users('a'))
    await activation(stack, rows('a', 'stranger'))
    await ran(stack)
    expect([members(stack), stack.sandbox.braze.vendor.profiles.size]).toEqual([['a'], 1])
  })
})

describe('by difference', () => {
  test('the second run sends what changed, the name once, in requests of 1,000', async () => {
    const stack = await stackWith(Array.from({ length: 2_500 }, (_, i) => ({ externalId: `u${i}` })))
    await activation(stack, "select 'u' || range as user_ids from range(2500)", { cohortName: 'Very VIP' })
    expect((await ran(stack)).report).toMatchObject({ added: 2500, accepted: 2500, cost: { requests: 3 } })
    const { cohorts } = stack.sandbox.braze.vendor
    expect(cohorts.get(DEMO.brazePartner, 'c1')?.name).toBe('Very VIP')
    const requestsBefore = cohorts.tally.requests
    await revised(stack, "select 'u' || (range + 20) as user_ids from range(2480)")
    expect((await ran(stack)).report).toMatchObject({
      unchanged: 2480,
      added: 0,
      removed: 20,
      accepted: 20,
      membersAfter: 2480,
    })
    expect(cohorts.tally.requests - requestsBefore).toBe(1)
    expect(cohorts.tally.identifiersMax).toBeLessThanOrEqual(1000)
    expect(members(stack)).toHaveLength(2480)
  })

  test('a dry run says what would happen and sends nothing', async () => {
    const stack = await stackWith(users('a', 'b'))
    await activation(stack, rows('a', 'b'))
    const run = await ran(stack, { dry: true })
    expect([run.state, run.dry, run.report.added, members(stack)]).toEqual(['succeeded', true, 2, []])
    expect(run.report.sample?.added.toSorted()).toEqual(['ua', 'ub'])
  })

  test('two activations of one cohort share what was accepted', async () => {
    const stack = await stackWith(users('a', 'b'))
    const first = await activation(stack, rows('a', 'b'), { operation: 'add' })
    await ran(stack)
    const { id } = (await stack.hub.authorizations.list())[0] ?? { id: '' }
    const { definition } = first
    const leaving = {
      ...definition,
      name: 'leavers',
      operation: 'remove' as const,
      query: { engine: 'warehouse', sql: rows('b') },
    }
    await stack.hub.audiences.create({
      ...leaving,
      destination: { ...definition.destination, authorization: id },
    })
    const run = await stack.hub.audiences.startRun('leavers', { trigger: 'manual', by: 'test', dry: false })
    expect((await ended(stack, run)).report).toMatchObject({ removed: 1, accepted: 1 })
    expect(members(stack)).toEqual(['a'])
    expect((await ran(stack)).report).toMatchObject({ unchanged: 1, added: 1 })
    expect(members(stack)).toEqual(['a', 'b'])
  })
})

describe('the brake', () => {
  const TEN = Array.from({ length: 10 }, (_, i) => `u${i}`)

  test('an empty result removes nobody unless an operator means it', async () => {
    const stack = await stackWith(users(...TEN))
    await activation(stack, rows(...TEN))
    await ran(stack)
    await revised(stack, 'select user_ids from (values (1)) as t(user_ids) where false')
    const held = await ran(stack)
    expect([held.state, held.report.hold?.kind, members(stack).length]).toEqual(['held', 'empty', 10])
    const { audiences } = stack.hub
    await expect(audiences.release('vip', held.run, 'test', false)).rejects.toMatchObject({
      code: 'RUN_STATE',
    })
    await expect(
      audiences.startRun('vip', { trigger: 'manual', by: 'test', dry: false }),
    ).rejects.toMatchObject({
      code: 'ACTIVATION_BUSY',
    })
    expect((await audiences.cancel('vip', held.run, 'test')).state).toBe('cancelled')
    expect(members(stack)).toHaveLength(10)
  })

  test('30 % removals with a brake of 10 % wait for a person, then complete', async () => {
    const stack = await stackWith(users(...TEN, ...TEN.map((id) => `x${id}`)))
    const all = [...TEN, ...TEN.map((id) => `x${id}`)]
    await activation(stack, rows(...all))
    await ran(stack)
    await revised(stack, rows(...all.slice(6)))
    const held = await ran(stack)
    expect([held.state, held.report.hold?.kind, members(stack).length]).toEqual(['held', 'removals', 20])
    await eventually('the contact is told', async () =>
      (await stack.hub.alerts.list({ open: true })).some(({ kind }) => kind === 'activation'),
    )
    await stack.hub.audiences.release('vip', held.run, 'someone', false)
    const done = await ended(stack, held)
    expect([done.state, done.report.hold?.releasedBy]).toEqual(['succeeded', 'someone'])
    expect(members(stack)).toEqual(all.slice(6).toSorted())
  })

  test('a failed query removes nobody', async () => {
    const stack = await stackWith(users('a'))
    await activation(stack, rows('a'))
    await ran(stack)
    await revised(stack, 'select user_ids from nowhere')
    const run = await ran(stack)
    expect([run.state, members(stack)]).toEqual(['failed', ['a']])
    expect(run.report.error).toMatch(/nowhere/)
  })
})

describe('what the vendor refuses', () => {
  test('is rejected by name, leaves the run partial, and can be retried', async () => {
    const stack = await stackWith(users('a', 'b', 'c'))
    await activation(stack, rows('a', 'b', 'c'))
    // The double refuses whole requests: halving finds the one that it means.
    stack.sandbox.braze.faults.set([{ kind: 'refuse', ids: ['b'], path: '/partners/' }])
    const run = await ran(stack)
    expect(run.state).toBe('partial')
    expect(run.report).toMatchObject({ added: 3, accepted: 2, rejected: 1, membersAfter: 2 })
    expect(members(stack)).toEqual(['a', 'c'])
    stack.sandbox.braze.faults.clear()
    const retry = await stack.hub.audiences.startRun('vip', {
      trigger: 'retry',
      by: 'test',
      dry: false,
      retryOf: run.run,
    })
    expect((await ended(stack, retry)).report).toMatchObject({
      distinct: 1,
      added: 1,
      accepted: 1,
      rejected: 0,
    })
    expect(members(stack)).toEqual(['a', 'b', 'c'])
  })

  test('a locked cohort is waited for', async () => {
    const stack = await stackWith(users('a'))
    stack.sandbox.braze.faults.set([{ kind: 'status', status: 423, path: '/partners/', next: 2 }])
    await activation(stack, rows('a'))
    expect([(await ran(stack)).state, members(stack)]).toEqual(['succeeded', ['a']])
  })
})

describe('history', () => {
  test('why somebody is in or out, and who was in before', async () => {
    const stack = await stackWith(users('a', 'b'))
    await activation(stack, rows('a', 'b'))
    const first = await ran(stack)
    await revised(stack, rows('b'))
    await ran(stack)
    const found = await stack.hub.audiences.withRoster('vip', async (roster) => ({
      moves: (await roster.movesOf('ua')).map(({ enters, run }) => [enters, run]),
      before: await roster.membersAt(first.finishedAt ?? 0, ''),
      now: await roster.membersAt(Number.MAX_SAFE_INTEGER, ''),
    }))
    expect(found).toEqual({
      moves: [
        [true, `activation-${first.activation}.1`],
        [false, `activation-${first.activation}.2`],
      ],
      before: ['ua', 'ub'],
      now: ['ub'],
    })
  })
})
