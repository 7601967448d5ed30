/** Exports from their definition to their end, over HTTP to a Braze double, on a clock that stands until it is told to move. */

import { describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { ExportWorld } from '../../../test/support/exports.ts'
import { DIALECTS } from '../../../test/support/store.ts'
import type { Dialect } from '../../store/columns.ts'
import { EXPORT_STATES, type ExportAction, ExportDefinition, stateAfter } from './definition.ts'

const WAIT_MS = 300_000

/** People 1 to `count`, known to Braze as u1, u2, …, all in audience 1. Audiences 1 and 2 are `vip` and `new`. */
async function worldWith(count: number, dialect: Dialect = 'sqlite'): Promise<ExportWorld> {
  const world = await ExportWorld.of(dialect)
  world.slugs.set(1, 'vip').set(2, 'new')
  for (let i = 1; i <= count; i++) world.braze.vendor.profiles.load({ externalId: `u${i}` }, 0)
  const ids = Array.from({ length: count }, (_, i) => i + 1)
  await world.change({
    fields: Object.fromEntries(ids.map((i) => [i, { user_id: `u${i}` }])),
    members: Object.fromEntries(ids.map((i) => [i, [1]])),
  })
  return world
}

const openAlerts = async (world: ExportWorld) =>
  (await world.alerts.list({ open: true })).map(({ kind, export: number }) => `${kind} ${number}`)

describe.each(DIALECTS)('on %s', (dialect) => {
  test('from the first person to the last, and gone without a trace', async () => {
    const world = await worldWith(180, dialect)
    const number = await world.started()
    await world.settled(number)
    expect([world.held('u1'), world.held('u180')]).toEqual([['vip'], ['vip']])
    await world.change({ members: { 1: [1, 2], 2: [2], 3: [] }, fields: { 181: { email: 'x' } } })
    await world.change({ members: { 181: [1] } })
    await world.pass(WAIT_MS)
    expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([['new', 'vip'], ['new'], []])

    // The log is told last, in a store of which the world does not know when it is at rest.
    const entries = await eventually('the log is told', async () => {
      const told = await world.exports.log.list(number, { limit: 10 })
      return told.length === 4 ? told : undefined
    })
    expect(
      entries.map(({ lane, people, added, removed, omitted }) => [lane, people, added, removed, omitted]),
    ).toEqual([
      ['live', 3, 2, 2, 1],
      ['backfill', 30, 30, 0, 0],
      ['backfill', 75, 75, 0, 0],
      ['backfill', 75, 75, 0, 0],
    ])
    expect(await world.exports.log.list(number, { limit: 1, before: 3 })).toMatchObject([{ number: 2 }])
    expect(await world.exports.status(number)).toMatchObject({
      people: 180,
      holding: 179,
      omitted: 1,
      walking: false,
      states: { settled: 180, pending: 0, sending: 0, refused: 0 },
    })
    const first = await world.exports.people(number, { limit: 100 })
    const second = await world.exports.people(number, { limit: 100, after: first.at(-1)?.who })
    expect(new Set([...first, ...second].map(({ who }) => who.value)).size).toBe(180)
    expect(await world.exports.people(number, { value: 'u2', limit: 5 })).toMatchObject([
      { profile: 2, wanted: [2], sent: ['new'], state: 'settled', held: true },
    ])
    expect(await world.exports.people(number, { profile: 3, state: 'pending', limit: 5 })).toEqual([])

    expect(await world.exports.removalCost(number)).toMatchObject({
      people: 179,
      requests: 3,
      dataPoints: 179,
    })
    expect((await world.exports.remove(number, 'remove')).state).toBe('removing')
    await world.restart('killed')
    await world.pass(60_000)
    expect(
      [...world.braze.vendor.profiles.all()].flatMap(({ externalId = '' }) => world.held(externalId)),
    ).toEqual([])
    // Its end is written there too, and then the book forgets its people.
    await eventually('the export is gone without a trace', async () => {
      const { state } = await world.exports.registry.get(number)
      const people = await world.profileStore.db.selectFrom('export_people').selectAll().execute()
      return state === 'deleted' && people.length === 0
    })
  })

  test('what Braze holds otherwise is found, and repaired on demand', async () => {
    const world = await worldWith(120, dialect)
    const number = await world.started({
      identifiers: { externalIdField: 'user_id', brazeIdField: 'br_user_id' },
    })
    const brazeId = world.braze.vendor.profiles.load({ externalId: undefined }, 0).brazeId
    await world.change({ fields: { 121: { br_user_id: brazeId }, 122: { user_id: 'stranger' } } })
    await world.change({ members: { 121: [1], 122: [1] } })
    await world.pass(WAIT_MS)
    const { profiles } = world.braze.vendor
    profiles.byExternalId('u5')?.custom?.set('lytics_segments', ['other', 'new'])
    profiles.byBrazeId(brazeId)?.custom?.delete('lytics_segments')
    await world.change({ members: { 7: [1, 2] } })

    const compared = async (repair: boolean) => {
      expect((await world.exports.reconcile(number, repair)).state).toBe('running')
      await expect(world.exports.reconcile(number, repair)).rejects.toThrow('reconciled already')
      await world.pass(10_000)
      return world.exports.reconciliation(number)
    }
    const found = { state: 'finished', checked: 121, unsettled: 1, unknown: 1, missing: 2, stale: 1 }
    expect(await compared(false)).toMatchObject({
      ...found,
      examples: [
        { who: { value: brazeId }, missing: ['vip'], stale: [] },
        { who: { value: 'u5' }, missing: ['vip'], stale: ['new'] },
      ],
    })
    expect(await compared(true)).toMatchObject({ ...found, repair: true })
    await world.settled(number)
    expect(world.held('u5')).toEqual(['other', 'vip'])
    expect(profiles.byBrazeId(brazeId)?.custom?.get('lytics_segments')).toEqual(['vip'])
    expect(await compared(false)).toMatchObject({ unknown: 1, missing: 0, stale: 0, unsettled: 0 })
  })
})

test('existing users are counted before they are sent, and not sent unless asked for', async () => {
  const world = await worldWith(100)
  await world.change({ fields: { 101: { email: 'x' } }, members: { 101: [1], 1: [1, 2] } })
  const tight = { elements: { max: 2, others: 1 } }
  expect(await world.exports.preview(world.definition(tight))).toEqual({
    members: 100,
    people: 100,
    omitted: 1,
    over: 1,
    requests: 2,
    dataPoints: 100,
    secondsAtRateLimit: 1,
    minutes: 1,
  })
  const off = { existingUsers: false }
  expect(await world.exports.preview(world.definition(off))).toMatchObject({
    members: 100,
    people: 0,
    requests: 0,
  })
  await world.pass(1)
  const number = await world.started(off)
  await world.pass(WAIT_MS)
  expect(world.exports.statsOf(number).requests).toBe(0)

  // Who enters gets the slug, who leaves is told, whatever there was; the others are left alone.
  world.braze.vendor.profiles.byExternalId('u3')?.custom?.set('lytics_segments', ['vip'])
  await world.change({ members: { 2: [1, 2], 3: [] } })
  await world.pass(WAIT_MS)
  expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([[], ['new'], []])
})

test('the backfill has its own lane and pace, and holds up no news', async () => {
  const world = await worldWith(375)
  await world.started({ backfillPerMinute: 1, waitMs: 1_000 })
  const lanes: string[] = []
  world.onTake = (taken, lane) => lanes.push(`${lane} ${taken.length}`)
  await world.pass(30_000)
  await world.change({ members: { 375: [1, 2] } })
  await world.pass(1_000)
  expect(world.held('u375')).toContain('new')
  expect(lanes).toEqual(['backfill 75', 'live 1'])
  await world.pass(240_000)
  expect(lanes).toEqual(['backfill 75', 'live 1', 'backfill 75', 'backfill 75', 'backfill 75', 'backfill 74'])
})

test('a slug that is renamed, an audience that is taken out or deleted: nothing stale is left', async () => {
  const world = await worldWith(100)
  await world.change({ members: { 1: [1, 2], 2: [2] } })
  const number = await world.started()
  await world.settled(number)
  world.slugs.set(1, 'gold')
  await world.pass(30_000)
  expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([['gold', 'new'], ['new'], ['gold']])

  await world.exports.revise(number, world.definition({ audiences: [1] }), 'less', 'test')
  await world.pass(30_000)
  expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([['gold'], [], ['gold']])
  await world.exports.revise(number, world.definition({ audiences: [1, 2] }), 'more', 'test')
  await world.pass(30_000)
  expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([['gold', 'new'], ['new'], ['gold']])

  world.slugs.delete(1)
  await world.pass(30_000)
  expect(['u1', 'u2', 'u3'].map((id) => world.held(id))).toEqual([['new'], ['new'], []])
  expect((await world.exports.registry.versions(number)).map(({ version, note }) => [version, note])).toEqual(
    [
      [3, 'more'],
      [2, 'less'],
      [1, 'created'],
    ],
  )
})

test('what Braze refuses is kept with the reason, and tried when something changes or somebody asks', async () => {
  const world = await worldWith(100)
  world.braze.faults.set([{ kind: 'refuse', ids: ['u1', 'u2'], error: 'not this one' }])
  const number = await world.started()
  await world.settled(number)
  const refused = await world.exports.people(number, { state: 'refused', limit: 10 })
  expect(refused.map(({ who, reason, attempts }) => [who.value, reason, attempts])).toEqual([
    ['u1', 'Braze refuses this update: not this one', 1],
    ['u2', 'Braze refuses this update: not this one', 1],
  ])
  const entries = await world.exports.log.list(number, { limit: 10 })
  expect(entries.reduce((sum, { refused: people }) => sum + people, 0)).toBe(2)

  world.braze.faults.clear()
  await world.change({ members: { 1: [2] } })
  await world.pass(WAIT_MS)
  expect([world.held('u1'), world.held('u2')]).toEqual([['new'], []])
  const [one] = refused.slice(1)
  expect(await world.exports.retry(number, one === undefined ? [] : [one.who])).toBe(1)
  await world.pass(1_000)
  expect(world.held('u2')).toEqual(['vip'])
  expect(await world.exports.retry(number, 'all')).toBe(0)
})

test('a key that is refused halts it and tells the contact; it loses nothing and runs again by itself', async () => {
  const world = await worldWith(100)
  world.braze.faults.set([{ kind: 'status', status: 401 }])
  const number = await world.started()
  await world.pass(5_000)
  expect(await world.exports.registry.get(number)).toMatchObject({ state: 'halted' })
  expect(await openAlerts(world)).toEqual([`halted ${number}`])
  expect(world.health).toBe('bad')
  await world.change({ members: { 1: [] } })
  world.braze.faults.clear()
  await world.pass(2 * WAIT_MS)
  expect(await world.exports.registry.get(number)).toMatchObject({ state: 'running' })
  expect([await openAlerts(world), world.health]).toEqual([[], 'good'])
  expect([world.held('u1'), world.held('u2')]).toEqual([[], ['vip']])

  world.braze.faults.set([{ kind: 'status', status: 401, next: 1 }])
  await world.change({ members: { 1: [1] } })
  await world.pass(WAIT_MS)
  await world.exports.authorizationChanged('key')
  await world.pass(1_000)
  expect([world.held('u1'), await openAlerts(world)]).toEqual([['vip'], []])
})

test('an outage is waited for, and told when it is long', async () => {
  const world = await worldWith(3)
  world.braze.faults.set([{ kind: 'status', status: 503 }])
  const number = await world.started()
  await world.pass(600_000)
  expect(await openAlerts(world)).toEqual([])
  await world.pass(330_000)
  expect(await openAlerts(world)).toEqual([`deferred-long ${number}`])
  expect((await world.exports.registry.get(number)).state).toBe('running')
  world.braze.faults.clear()
  await world.pass(120_000)
  expect([world.held('u1'), await openAlerts(world)]).toEqual([['vip'], []])
})

test('an array that would overflow is told before it happens', async () => {
  const world = await worldWith(3)
  await world.change({ members: { 1: [1, 2] } })
  const number = await world.started({ elements: { max: 25, others: 24 } })
  await world.pass(60_000)
  expect(await openAlerts(world)).toEqual([`capacity ${number}`])
  expect((await world.alerts.list())[0]?.detail).toContain('1 people are in more than 1 audiences')
  await world.change({ members: { 1: [1] } })
  await world.pass(90_000)
  expect(await openAlerts(world)).toEqual([])
})

test('while it is paused it follows and sends nothing', async () => {
  const world = await worldWith(2)
  const number = await world.started()
  await world.settled(number)
  await world.exports.pause(number, 'holidays')
  await world.change({ members: { 1: [2], 2: [] } })
  await world.change({ members: { 2: [1] } })
  await world.pass(WAIT_MS)
  expect([world.held('u1'), world.held('u2')]).toEqual([['vip'], ['vip']])
  expect(await world.exports.status(number)).toMatchObject({ gate: 'off', states: { pending: 1 } })
  await world.exports.resume(number)
  await world.pass(1_000)
  expect([world.held('u1'), world.held('u2')]).toEqual([['new'], ['vip']])
})

test('its slugs may be left at the vendor', async () => {
  const world = await worldWith(2)
  const number = await world.started()
  await world.settled(number)
  expect((await world.exports.remove(number, 'leave')).state).toBe('deleted')
  await world.change({ members: { 1: [] } })
  await world.pass(WAIT_MS)
  expect(world.held('u1')).toEqual(['vip'])
  await expect(world.exports.people(number, { limit: 1 })).rejects.toMatchObject({ code: 'EXPORT_STATE' })
})

describe('what does not hold together is refused', () => {
  const refused: [string, Record<string, unknown>, string][] = [
    ['an audience that is not there', { audiences: [1, 9] }, 'no audience 9'],
    [
      'a field that is no identifier',
      { identifiers: { externalIdField: 'email' } },
      'email is no identifier',
    ],
    [
      'a destination of another kind',
      { destination: { kind: 'http', settings: {}, authorization: 'key' } },
      'takes no exports',
    ],
    [
      'settings that do not fit',
      { destination: { settings: { instance: 'custom' }, authorization: 'key' } },
      'needs a host',
    ],
  ]
  test.each(refused)('%s', async (_what, also, words) => {
    const world = await worldWith(1)
    await expect(world.exports.create(world.definition(also), 'test')).rejects.toMatchObject({
      code: 'EXPORT_INVALID',
      message: expect.stringContaining(words),
    })
  })

  test('a name twice, two of one audience, another place, a second start', async () => {
    const world = await worldWith(1)
    const number = await world.started({ audiences: [1] })
    const create = (also: Record<string, unknown>) => world.exports.create(world.definition(also), 'test')
    await expect(create({ audiences: [2] })).rejects.toMatchObject({ code: 'EXPORT_NAME_TAKEN' })
    await expect(create({ name: 'second' })).rejects.toThrow('Export to-braze sends audience 1')
    const elsewhere = {
      destination: {
        settings: { instance: 'custom', host: world.braze.url, attribute: 'segments' },
        authorization: 'key',
      },
    }
    expect(await create({ name: 'third', audiences: [2] })).toMatchObject({ state: 'draft' })
    await expect(
      world.exports.revise(number, world.definition({ audiences: [1], ...elsewhere }), '', 'test'),
    ).rejects.toThrow('keeps its place')
    await expect(world.exports.begin(number)).rejects.toMatchObject({ code: 'EXPORT_STATE' })
    await expect(world.exports.registry.get('nobody')).rejects.toMatchObject({ code: 'EXPORT_UNKNOWN' })
    await expect(world.exports.people('third', { limit: 1 })).rejects.toMatchObject({ code: 'EXPORT_STATE' })
    expect((await world.exports.remove('third', 'remove')).state).toBe('deleted')
  })

  test.each([
    ['no identifier', {}],
    ['an alias without a label', { aliasField: 'crm_id' }],
    ['a label without a field', { externalIdField: 'user_id', aliasLabel: 'crm' }],
  ])('%s', async (_what, identifiers) => {
    const base = {
      name: 'x',
      contactEmail: 'a@x.io',
      audiences: [1],
      destination: { settings: {}, authorization: 'key' },
    }
    expect(ExportDefinition.safeParse({ ...base, identifiers }).success).toBe(false)
    expect(ExportDefinition.safeParse({ ...base, identifiers: { brazeIdField: 'br' } }).success).toBe(true)
  })
})

test('the table of states', () => {
  const actions: ExportAction[] = ['start', 'pause', 'resume', 'halt', 'remove', 'leave', 'finish']
  const rows = EXPORT_STATES.map((state) =>
    actions.map((action) => stateAfter(state, action) ?? '–').join(' '),
  )
  expect(rows).toEqual([
    'running – – – deleted deleted –',
    '– paused – halted removing deleted –',
    '– – running – removing deleted –',
    '– paused running halted removing deleted –',
    '– – – removing – deleted deleted',
    '– – – – – – –',
  ])
})
