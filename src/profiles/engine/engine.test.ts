/** The engine on both stores: the same records leave the same people behind, and nothing counts twice. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { DIALECTS, freshStoreUrl } from '../../../test/support/store.ts'
import { systemClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import type { Dialect } from '../../store/columns.ts'
import { PROFILE_PLAN } from '../../store/migrate.ts'
import { openStore, type Store } from '../../store/store.ts'
import * as history from '../audiences/history.ts'
import { Doctrine } from '../doctrine.ts'
import { defaultSchema } from '../mapping/default-schema.ts'
import { Rereading } from './again.ts'
import { PeopleDesk } from './desk.ts'
import { ProfileEngine, type RawRecord } from './engine.ts'
import type { Keeping } from './identifier-index.ts'

const NOW = Date.UTC(2026, 4, 1)

const doctrine = new Doctrine({
  schemaVersion: 0,
  schema: defaultSchema(),
  sources: [{ number: 1, name: 'lytics', kind: 'lytics' }],
  audiences: [],
})

const DAY_MS = 86_400_000
/** A field that few records change, one that some do, a date that moves with the clock, and others' answers. */
const judging = new Doctrine({
  schemaVersion: 0,
  schema: defaultSchema(),
  sources: [{ number: 1, name: 'lytics', kind: 'lytics' }],
  audiences: [
    { number: 1, slug: 'german', filter: 'FILTER country = "DE"' },
    { number: 2, slug: 'rhine', filter: 'FILTER city IN ("Bonn", "Cologne")' },
    { number: 3, slug: 'grown', filter: 'FILTER birth_date < "now-18y"' },
    { number: 4, slug: 'elsewhere', filter: 'FILTER AND (NOT INCLUDE rhine, EXISTS city)' },
    { number: 5, slug: 'young', filter: 'FILTER AND (birth_date > "now-30d", INCLUDE german)' },
  ],
})

async function begun(
  dialect: Dialect,
  by = doctrine,
): Promise<{ engine: ProfileEngine; desk: PeopleDesk; store: Store; keeping: Keeping | undefined }> {
  const url = await freshStoreUrl(dialect)
  const store = await openStore(url, { clock: systemClock, plan: PROFILE_PLAN })
  onTestFinished(() => store.close())
  const keeping = dialect === 'sqlite' ? { file: url.slice('sqlite:'.length) } : undefined
  const engine = await ProfileEngine.open(store, by, 0, keeping)
  return { engine, desk: new PeopleDesk(store, engine), store, keeping }
}

function records(from: number, rows: readonly object[]): RawRecord[] {
  return rows.map((fields, i) => ({
    offset: from + i,
    receivedAt: NOW + from + i,
    source: 1,
    type: 'lytics.braze_users',
    bytes: Buffer.from(JSON.stringify({ id: String(from + i), stream: 'braze_users', fields })),
  }))
}

async function take(engine: ProfileEngine, from: number, rows: readonly object[], nowMs = NOW) {
  return engine.apply({ from, to: from + rows.length, records: records(from, rows) }, nowMs)
}

describe.each(DIALECTS)('the engine on %s', (dialect) => {
  test('odd characters, many people, joins within one stretch and across stretches', async () => {
    const { engine, desk } = await begun(dialect)
    await take(engine, 0, [
      { external_id: `o'Brien "\\" \u{1f600}`, first_name: 'a\tb' },
      ...Array.from({ length: 300 }, (_, n) => ({ external_id: `u${n}`, email: `p${n}@example.org` })),
      { braze_id: 'b0', city: 'Rome' },
    ])
    await take(engine, 302, [
      { external_id: 'u0', braze_id: 'b0' },
      { external_id: 'u1', braze_id: 'b1' },
      { braze_id: 'b1', twitter_handle: 'one' },
    ])
    expect(await desk.counts()).toMatchObject({ profiles: 301, merges: 1 })
    const joined = await desk.find('br_user_id', 'b0')
    expect(joined?.fields).toMatchObject({ external_id: 'u0', email: 'p0@example.org', city: 'Rome' })
    expect((await desk.find('tw_uid', 'one'))?.fields).toMatchObject({ external_id: 'u1' })
    expect((await desk.find('external_id', `o'Brien "\\" \u{1f600}`))?.fields.first_name).toBe('a\tb')
    const [merge] = await desk.merges({ limit: 5 })
    expect(merge?.offset).toBe(302)
    expect((await desk.profile(merge?.loser ?? 0))?.id).toBe(merge?.survivor)
  })

  test('what comes between the wish to read a history again and its clearing is read again, too', async () => {
    const { engine, desk, store } = await begun(dialect)
    const rows = ['Bonn', 'Rome', 'Oslo'].map((city, i) => ({ external_id: `u${i}`, city }))
    await take(engine, 0, rows.slice(0, 2))
    const again = new Rereading(store, engine)
    await again.readAgain('braze_users', ['city'], { since: NOW, from: 0, end: 2 }, NOW)
    await take(engine, 2, rows.slice(2))
    const [wish] = await again.readingAgain()
    if (wish === undefined) throw new Error('Nothing is read again')
    await again.clearMore(wish, NOW)
    expect((await desk.find('external_id', 'u2'))?.fields.city).toBe(undefined)
    const { end = 0 } = (await again.readingAgain())[0] ?? {}
    const all = { from: 0, to: end, records: records(0, rows.slice(0, end)) }
    await again.take({ ...wish, end, cleared: true }, all, NOW)
    for (const { external_id, city } of rows)
      expect((await desk.find('external_id', external_id))?.fields.city).toBe(city)
    expect(await again.readingAgain()).toEqual([])
  })

  test('a stretch from elsewhere than the position changes nothing and says where to go on', async () => {
    const { engine, desk } = await begun(dialect)
    await take(engine, 0, [{ external_id: 'u1' }])
    const again = await take(engine, 0, [{ external_id: 'u2' }])
    expect(again).toMatchObject({ position: 1, counts: {} })
    expect(await desk.counts()).toMatchObject({ profiles: 1 })
  })

  test('another process begins where this one committed', async () => {
    const { engine, store } = await begun(dialect)
    await take(engine, 0, [{ external_id: 'u1' }, { external_id: 'u2' }])
    const next = await ProfileEngine.open(store, doctrine, 77)
    expect((await next.progress()).position).toBe(2)
    await take(next, 2, [{ external_id: 'u3' }])
    expect((await new PeopleDesk(store, next).list(0, 10)).map(({ id }) => id)).toEqual([1, 2, 3])
  })

  test('when the transaction fails, what was in memory is forgotten and the same records come again', async () => {
    const { engine, desk, store } = await begun(dialect)
    await store.db.schema.alterTable('profile_conflicts').renameTo('elsewhere').execute()
    const clash = [
      { external_id: 'u1', email: 'a@example.org' },
      { external_id: 'u2', email: 'a@example.org' },
    ]
    await expect(take(engine, 0, clash)).rejects.toThrow()
    await store.db.schema.alterTable('elsewhere').renameTo('profile_conflicts').execute()
    expect((await take(engine, 0, clash)).position).toBe(2)
    expect(await desk.counts()).toMatchObject({ profiles: 2, conflicts: 1 })
  })

  test('an identifier is whose profile has it, be it kept or in the table, and whatever ends in between', async () => {
    const { store, keeping } = await begun(dialect)
    const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 100_000)
    const random = seededRandom(seed)
    const below = (count: number) => Math.floor(random() * count)
    const sizes = { young: 12, leaving: 5, learnt: 7 }
    const opened = () => ProfileEngine.open(store, doctrine, 0, keeping && { ...keeping, sizes })
    let engine = await opened()
    let offset = 0
    // PostgreSQL keeps nothing: there it is only told that nothing else is different.
    for (let step = 0; step < (dialect === 'sqlite' ? 150 : 30); step++) {
      // Now and then somebody comes whom records of before named: they are joined, and what was kept of them moves.
      const someone = () => below(3 + 2 * step)
      const rows = Array.from({ length: 1 + below(6) }, () => ({
        ...(below(3) > 0 ? { external_id: `u${someone()}` } : {}),
        ...(below(2) > 0 ? { braze_id: `b${someone()}` } : {}),
        ...(below(2) > 0 ? { email: `p${someone()}@example.org` } : {}),
      }))
      const fails = below(8) === 0
      if (fails) await store.db.schema.alterTable('profile_position').renameTo('elsewhere').execute()
      const taking = take(engine, offset, rows)
      if (fails) {
        await expect(taking).rejects.toThrow()
        await store.db.schema.alterTable('elsewhere').renameTo('profile_position').execute()
        await take(engine, offset, rows)
      } else await taking
      offset += rows.length
      if (below(6) === 0) {
        // With a process its thread ends; here what it reads anew ends it.
        engine.people.identifiers.doubt()
        await engine.people.identifiers.prepare([], new Map())
        engine = await opened()
      }
      if (below(10) === 0) await engine.settleIdentifiers()
      if (below(4) > 0) continue
      const desk = new PeopleDesk(store, engine)
      for (const { id, identifiers } of await engine.people.after(0, 1_000))
        for (const { field, value } of identifiers)
          expect((await desk.find(field, value))?.id, `seed ${seed}, step ${step}, ${value}`).toBe(id)
    }
    await engine.settleIdentifiers()
    const people = await engine.people.after(0, 1_000)
    const theirs = people.flatMap(({ id, identifiers }) =>
      identifiers.map(({ field, value }) => ({ field, value, profile: id })),
    )
    const inTable = await store.db.selectFrom('profile_identifiers').selectAll().execute()
    const text = (rows: readonly object[]) =>
      rows.map((row) => JSON.stringify(row, ['field', 'value', 'profile'])).sort()
    expect(text(inTable), `seed ${seed}`).toEqual(text(theirs))
    expect((await new PeopleDesk(store, engine).counts()).merges).toBeGreaterThan(0)
  })

  test('who joins somebody hands on what they were in, and since when', async () => {
    const { engine, store } = await begun(dialect, judging)
    await take(engine, 0, [{ external_id: 'u1' }, { braze_id: 'b1', country: 'DE' }])
    await take(engine, 2, [{ external_id: 'u1', braze_id: 'b1' }], NOW + DAY_MS)
    expect(await history.members(store.db, 1, { after: 0, limit: 5 })).toEqual([{ profile: 1, since: NOW }])
    const moves = await history.moves(store.db, { audience: 1, limit: 5 })
    expect(moves.map(({ profile, entered, cause }) => [profile, entered, cause]).sort()).toEqual([
      [1, true, 'merge'],
      [2, false, 'merge'],
      [2, true, 'record'],
    ])
    expect(await history.sizeAt(store.db, 1, NOW + DAY_MS)).toBe(1)
  })

  test('whoever is judged only when something asked for changed is in what judging everybody gives', async () => {
    const { engine, store } = await begun(dialect, judging)
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 7)
    const random = seededRandom(seed)
    const below = (count: number) => Math.floor(random() * count)
    const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
    let now = NOW
    let offset = 0
    for (let step = 0; step < 40; step++) {
      now += pick([0, 1, DAY_MS / 2, DAY_MS, 12 * DAY_MS])
      const rows = Array.from({ length: 1 + below(5) }, () => ({
        ...(below(4) > 0 ? { external_id: `u${below(12)}` } : {}),
        ...(below(2) > 0 ? { braze_id: `b${below(12)}` } : {}),
        email: pick([undefined, `p${below(12)}@example.org`]),
        first_name: pick(['Ann', 'Bob', undefined]),
        city: pick([undefined, undefined, 'Bonn', 'Rome', 'Cologne']),
        country: pick([undefined, 'DE', 'FR']),
        date_of_birth: pick([undefined, new Date(now - pick([25, 29, 6_570, 6_574, 9_000]) * DAY_MS)]),
      }))
      await take(engine, offset, rows, now)
      offset += rows.length
      while (((await engine.progress()).nextFlipAt ?? Infinity) <= now) await engine.tick(now)
      const people = await engine.people.after(0, 1_000)
      for (const { fields, members } of people)
        expect(Object.keys(members).map(Number), `seed ${seed}, step ${step}`).toEqual(
          judging.judge(fields, now).members,
        )
    }
    for (const audience of [1, 2, 3, 4, 5]) {
      const rows = await history.members(store.db, audience, { after: 0, limit: 1_000 })
      const people = await engine.people.after(0, 1_000)
      expect(rows).toEqual(
        people.flatMap(({ id, members }) =>
          members[audience] === undefined ? [] : [{ profile: id, since: members[audience] }],
        ),
      )
      expect(await history.sizeAt(store.db, audience, now)).toBe(rows.length)
    }
    const quarters = await store.db.selectFrom('audience_quarters').selectAll().execute()
    expect(quarters.length).toBeGreaterThan(5)
    for (const { audience, quarter, entered, departed } of quarters) {
      const moves = await store.db
        .selectFrom('audience_moves')
        .select('entered')
        .where('audience', '=', audience)
        .where('at', '>', quarter * 900_000)
        .where('at', '<=', (quarter + 1) * 900_000)
        .execute()
      expect([entered, departed]).toEqual([
        moves.filter((move) => move.entered === 1).length,
        moves.filter((move) => move.entered === 0).length,
      ])
    }
  })
})
