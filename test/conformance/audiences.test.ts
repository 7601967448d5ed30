/** Audiences as rules, and who is and was in them, kept by SQLite and by a real PostgreSQL alike. */

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { AudienceDesk } from '../../src/profiles/audiences/desk.ts'
import * as history from '../../src/profiles/audiences/history.ts'
import { addToQuarters } from '../../src/profiles/audiences/quarters.ts'
import { AudienceDefinition, AudienceRegistry } from '../../src/profiles/audiences/registry.ts'
import { AudienceSizes } from '../../src/profiles/audiences/sizes.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import { Field } from '../../src/profiles/schema.ts'
import type { Fields } from '../../src/profiles/values.ts'
import { PROFILE_PLAN } from '../../src/store/migrate.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { DIALECTS, freshStore, freshStoreUrl } from '../support/store.ts'

const SCHEMA = {
  fields: [
    { name: 'email', identifier: { rank: 1 } },
    { name: 'city' },
    { name: 'visits', type: 'int' },
    { name: 'seen', type: 'date' },
  ].map((field) => Field.parse(field)),
}
const NOW = Date.parse('2026-03-31T12:00:00Z')
const DAY = 86_400_000

async function profileStore(dialect: (typeof DIALECTS)[number]): Promise<Store> {
  const url = await freshStoreUrl(dialect, 'empty')
  const store = await openStore(url, { clock: systemClock, plan: PROFILE_PLAN })
  onTestFinished(() => store.close())
  return store
}

const clock: Clock = { ...systemClock, now: () => NOW }

function definition(given: object): AudienceDefinition {
  return AudienceDefinition.parse(given)
}

describe.each(DIALECTS)('rules in %s', (dialect) => {
  async function registry(usersOf: (audience: number) => Promise<string[]> = async () => []) {
    const store = await freshStore(dialect)
    let changes = 0
    const parts = { store, clock, schema: () => SCHEMA, usersOf, changed: () => void changes++ }
    const audiences = new AudienceRegistry(parts)
    await audiences.start()
    return { audiences, parts, changes: () => changes }
  }

  test('an audience is kept as it was written, and shown with the slugs of the day', async () => {
    const { audiences, parts, changes } = await registry()
    const big = await audiences.create(
      definition({ name: 'Big Spenders!', filter: 'FILTER visits > 5' }),
      'ann',
    )
    expect(big).toMatchObject({ slug: 'big_spenders', name: 'Big Spenders!', version: 1, author: 'ann' })
    const text = 'FILTER AND (\n  INCLUDE big_spenders, -- those\n  NOT city = "Rome"\n)\nALIAS not_rome'
    const outer = await audiences.create(definition({ filter: text }), 'bob')
    expect(outer).toMatchObject({
      slug: 'not_rome',
      name: 'not_rome',
      filter: text,
      includes: ['big_spenders'],
    })
    expect(outer.fields).toEqual(['city'])
    expect(outer.tree.args?.[0]).toEqual({ op: 'include', args: [{ seg: 'big_spenders' }] })

    const renamed = await audiences.revise(
      'big_spenders',
      definition({ slug: 'big', name: 'Big', filter: 'FILTER visits > 6' }),
      'cat',
      'shorter',
    )
    expect(renamed).toMatchObject({ number: big.number, slug: 'big', version: 2, note: 'shorter' })
    expect((await audiences.get('not_rome')).filter).toBe(text.replace('big_spenders', 'big'))
    expect((await audiences.get(outer.number)).includes).toEqual(['big'])
    expect(
      (await audiences.versions('big')).map(({ version, slug, filter }) => [version, slug, filter]),
    ).toEqual([
      [2, 'big', 'FILTER visits > 6'],
      [1, 'big_spenders', 'FILTER visits > 5'],
    ])
    const renamedOuter = await audiences.revise(
      'not_rome',
      definition({
        slug: 'romeless',
        filter: text.replace('big_spenders', 'big').replace('not_rome', 'romeless'),
      }),
      'bob',
      '',
    )
    expect(renamedOuter.filter).toContain('ALIAS romeless')
    expect((await audiences.list()).map(({ slug }) => slug)).toEqual(['big', 'romeless'])
    expect(changes()).toBe(4)

    // What the engine is given names numbers only.
    const numbers = `INCLUDE ${big.number},`
    expect(audiences.rules.find(({ slug }) => slug === 'romeless')?.filter).toContain(numbers)
    const other = new AudienceRegistry(parts)
    await other.start()
    expect(other.rules).toEqual(audiences.rules)
  })

  test('a rule may come as a tree', async () => {
    const { audiences } = await registry()
    const tree = {
      op: 'and',
      args: [
        { op: '>', args: [{ ident: 'visits' }, { val: 5 }] },
        { op: 'exists', args: [{ ident: 'city' }] },
      ],
    }
    const made = await audiences.create(definition({ slug: 'a', filter: tree }), 'ann')
    expect(made).toMatchObject({ filter: 'FILTER AND (\n  visits > 5,\n  EXISTS city\n)', tree })
    expect(await audiences.validate('FILTER 5 < visits')).toEqual({
      filter: 'FILTER visits > 5',
      tree: tree.args[0],
      fields: ['visits'],
      includes: [],
    })
  })

  test('what does not hold together is refused, and nothing is kept of it', async () => {
    const { audiences, changes } = await registry()
    await audiences.create(definition({ slug: 'a', filter: 'FILTER visits > 1' }), '')
    await audiences.create(definition({ slug: 'b', filter: 'FILTER INCLUDE a' }), '')
    await audiences.create(definition({ slug: 'c', filter: 'FILTER AND (INCLUDE b)' }), '')
    const refused = async (work: Promise<unknown>) => {
      const { code, message } = await work.then(
        () => ({ code: 'taken', message: '' }),
        (error) => error,
      )
      return `${code}: ${message}`
    }
    const create = (given: object) => refused(audiences.create(definition(given), ''))
    const revise = (which: string, given: object) =>
      refused(audiences.revise(which, definition(given), '', ''))

    expect(await revise('a', { filter: 'FILTER OR (visits > 1, INCLUDE c)' })).toBe(
      'AUDIENCE_INVALID: Audiences would include each other in a circle: a → c → b → a',
    )
    expect(await create({ slug: 'd', filter: 'FILTER INCLUDE d' })).toContain('in a circle: d → d')
    expect(await create({ slug: 'a', filter: 'FILTER *' })).toBe(
      'AUDIENCE_SLUG_TAKEN: There is an audience a already',
    )
    expect(await revise('b', { slug: 'a', filter: 'FILTER *' })).toContain('AUDIENCE_SLUG_TAKEN')
    expect(await create({ slug: 'd', filter: 'FILTER INCLUDE zz' })).toContain('There is no audience zz')
    expect(await create({ slug: 'd', filter: 'FILTER citty = "a"' })).toContain('do you mean city?')
    expect(await create({ slug: 'd', filter: 'FILTER * ALIAS e' })).toContain(
      'ALIAS says e, but the slug is d',
    )
    expect(await create({ slug: 'd', filter: 'FILTER * FROM content' })).toContain('audiences of users only')
    expect(await create({ slug: 'd', filter: 'FILTER * LIMIT 5' })).toContain('LIMIT')
    expect(await create({ name: '???', filter: 'FILTER *' })).toContain('No slug can be made of "???"')
    expect(await revise('zz', { filter: 'FILTER *' })).toContain('AUDIENCE_UNKNOWN')
    expect(await refused(audiences.get(99))).toContain('AUDIENCE_UNKNOWN')
    expect(await refused(audiences.validate('FILTER visits >'))).toContain(
      'FILTERQL_INVALID: Line 1, column 16',
    )
    expect((await audiences.list()).map(({ slug, version }) => `${slug} ${version}`)).toEqual([
      'a 1',
      'b 1',
      'c 1',
    ])
    expect(changes()).toBe(3)
    expect(() => AudienceDefinition.parse({ slug: 'A b', filter: 'FILTER *' })).toThrow('lower-case')
  })

  test('what is needed stays; what is deleted frees its slug', async () => {
    const needed = new Map<number, string[]>()
    const { audiences } = await registry(async (number) => needed.get(number) ?? [])
    const a = await audiences.create(definition({ slug: 'a', filter: 'FILTER visits > 1' }), '')
    const b = await audiences.create(definition({ slug: 'b', filter: 'FILTER NOT INCLUDE a' }), '')
    needed.set(a.number, ['the export "crm"'])
    await expect(audiences.remove('a')).rejects.toMatchObject({
      code: 'AUDIENCE_IN_USE',
      message: 'The audience a is still needed by the export "crm", the audience b',
    })
    needed.clear()
    await audiences.remove(b.number)
    await audiences.remove('a')
    expect(await audiences.list()).toEqual([])
    expect(audiences.rules).toEqual([])
    const again = await audiences.create(definition({ slug: 'a', filter: 'FILTER *' }), '')
    expect(again.number).toBeGreaterThan(b.number)
  })

  test('a schema that breaks a rule is named', async () => {
    const { audiences } = await registry()
    await audiences.create(definition({ slug: 'a', filter: 'FILTER visits > 1' }), '')
    await audiences.check(SCHEMA)
    await expect(audiences.check({ fields: SCHEMA.fields.slice(0, 2) })).rejects.toThrow(
      'In the audience a: Line 1, column 8: There is no field visits',
    )
  })

  test('of many versions the oldest are forgotten', async () => {
    const { audiences } = await registry()
    const given = definition({ slug: 'a', filter: 'FILTER *' })
    await audiences.create(given, '')
    for (let version = 2; version <= 103; version++) await audiences.revise('a', given, '', '')
    const versions = (await audiences.versions('a')).map(({ version }) => version)
    expect([versions.length, versions[0], versions.at(-1)]).toEqual([100, 103, 4])
  })
})

describe.each(DIALECTS)('who is and was in an audience, in %s', (dialect) => {
  const AUDIENCE = 7
  /** Many moves of few people, several within one instant, beside moves of another audience. */
  async function moved(seed: number, pauseMs = 100) {
    const store = await profileStore(dialect)
    const random = seededRandom(seed)
    const below = (count: number) => Math.floor(random() * count)
    const members = new Map<number, number>()
    const moves: { profile: number; at: number; entered: boolean }[] = []
    let at = NOW
    for (let i = 0; i < 200; i++) {
      at += below(3) * pauseMs
      const profile = 1 + below(12)
      const entered = !members.has(profile)
      if (entered) members.set(profile, at)
      else members.delete(profile)
      moves.push({ profile, at, entered })
    }
    const row = ({ profile, at, entered }: (typeof moves)[number], audience: number) => ({
      ...{ audience, profile, at, entered: entered ? 1 : 0 },
      ...{ cause: 'record', record_offset: 5 },
    })
    for (const move of moves) {
      await store.db.insertInto('audience_moves').values(row(move, AUDIENCE)).execute()
      await store.db
        .insertInto('audience_moves')
        .values(row(move, AUDIENCE + 1))
        .execute()
    }
    for (const audience of [AUDIENCE, AUDIENCE + 1])
      await store.transaction((tx) =>
        addToQuarters(
          tx,
          dialect,
          moves.map((move) => ({ ...move, audience })),
        ),
      )
    const held = [...members].map(([profile, since]) => ({ audience: AUDIENCE, profile, since }))
    await store.db.insertInto('audience_members').values(held).execute()
    return { store, moves, members, end: at }
  }

  /** Profile → since when, by playing the moves. */
  function playedTo(moves: readonly { profile: number; at: number; entered: boolean }[], to: number) {
    const members = new Map<number, number>()
    for (const { profile, at, entered } of moves) {
      if (at > to) break
      if (entered) members.set(profile, at)
      else members.delete(profile)
    }
    return members
  }

  const pairs = (members: ReadonlyMap<number, number>) =>
    [...members].map(([profile, since]) => ({ profile, since })).sort((a, b) => a.profile - b.profile)

  // All within a quarter of an hour; over days.
  test.each([
    { pauseMs: 100, stepMs: 1_000 },
    { pauseMs: 1_000_000, stepMs: 5 * 3_600_000 },
  ])('at any instant, between any two, and over time, $pauseMs ms apart', async ({ pauseMs, stepMs }) => {
    const { store, moves, members, end } = await moved(1, pauseMs)
    const { db } = store
    const { sizes } = await new AudienceSizes(store).all()
    expect(sizes).toEqual(new Map([[AUDIENCE, members.size]]))
    expect(await history.members(db, AUDIENCE, { after: 0, limit: 100 })).toEqual(pairs(members))
    const [, second] = pairs(members)
    expect(await history.members(db, AUDIENCE, { after: pairs(members)[0]?.profile ?? 0, limit: 1 })).toEqual(
      [second],
    )

    const instants = [NOW - 1, NOW, NOW + 150, NOW + 5_000, (NOW + end) / 2, end, end + DAY].map(Math.floor)
    for (const at of instants) {
      const then = playedTo(moves, at)
      // As if there were few moves until then, few departures since, and many of both.
      for (const fewMoves of [moves.length, moves.length / 4, -1]) {
        const page = (after: number, limit: number) =>
          history.membersAt(db, AUDIENCE, at, { after, limit }, fewMoves)
        expect(await page(0, 100)).toEqual(pairs(then))
        expect(await page(5, 2)).toEqual(
          pairs(then)
            .filter(({ profile }) => profile > 5)
            .slice(0, 2),
        )
      }
      expect(await history.movesSince(db, AUDIENCE, at)).toEqual({
        audience: AUDIENCE,
        entered: moves.filter((move) => move.at >= at && move.entered).length,
        left: moves.filter((move) => move.at >= at && !move.entered).length,
      })
      expect(await history.sizeAt(db, AUDIENCE, at)).toBe(then.size)
      for (const later of instants.filter((one) => one >= at)) {
        const now = playedTo(moves, later)
        const entered = [...now.keys()].filter((profile) => !then.has(profile)).sort((a, b) => a - b)
        const left = [...then.keys()].filter((profile) => !now.has(profile)).sort((a, b) => a - b)
        expect(await history.compare(db, AUDIENCE, { a: at, b: later, limit: 3 })).toEqual({
          sizeAtA: then.size,
          sizeAtB: now.size,
          entered: entered.length,
          left: left.length,
          enteredSample: entered.slice(0, 3),
          leftSample: left.slice(0, 3),
        })
      }
    }
    const hour = Math.floor(NOW / 3_600_000) * 3_600_000
    for (const from of [NOW + 500, hour - 1, hour + 3_600_000]) {
      const points = await history.sizeOverTime(db, AUDIENCE, { from, to: end, stepMs })
      expect(points).toHaveLength(Math.max(0, Math.ceil((end - from) / stepMs)))
      for (const { at, size, entered, left } of points) {
        expect(size).toBe(playedTo(moves, at).size)
        const during = moves.filter((move) => move.at > at - stepMs && move.at <= at)
        expect([entered, left]).toEqual([
          during.filter((move) => move.entered).length,
          during.filter((move) => !move.entered).length,
        ])
      }
    }
  })

  test('sizes follow the moves, and are counted again when told so', async () => {
    const { store, members } = await moved(4)
    const sizes = new AudienceSizes(store)
    const sized = async () => (await sizes.all()).sizes.get(AUDIENCE)
    expect(await sized()).toBe(members.size)
    const move = (profile: number, entered: number) =>
      store.db
        .insertInto('audience_moves')
        .values({ audience: AUDIENCE, profile, at: NOW, entered, cause: 'record', record_offset: null })
        .execute()
    await move(900, 1)
    await move(901, 1)
    await move(900, 0)
    expect(await sized()).toBe(members.size + 1)
    // An erasure takes members and moves without a move.
    await store.db.deleteFrom('audience_members').where('audience', '=', AUDIENCE).execute()
    expect(await sized()).toBe(members.size + 1)
    const asked = sizes.all()
    sizes.recount()
    await asked
    expect(await sized()).toBeUndefined()
  })

  test('move by move, newest first', async () => {
    const { store, moves } = await moved(2)
    const of = await history.moves(store.db, { audience: AUDIENCE, profile: 3, limit: 1_000 })
    expect(of.map(({ at, entered }) => [at, entered])).toEqual(
      moves
        .filter(({ profile }) => profile === 3)
        .map(({ at, entered }) => [at, entered])
        .reverse(),
    )
    expect(of[0]).toMatchObject({ audience: AUDIENCE, cause: 'record', offset: 5 })
    const [first, second] = await history.moves(store.db, { audience: AUDIENCE, limit: 2 })
    const next = await history.moves(store.db, { audience: AUDIENCE, before: first?.id, limit: 1 })
    expect(next).toEqual([second])
    const paged: number[] = []
    for (let before: number | undefined; ; ) {
      const page = await history.moves(store.db, { audience: AUDIENCE, before, limit: 7 })
      paged.push(...page.map(({ id }) => id))
      before = page.at(-1)?.id
      if (page.length < 7) break
    }
    expect(paged).toHaveLength(moves.length)
    expect(new Set(paged).size).toBe(moves.length)
    const window = { from: NOW + 1_000, to: NOW + 2_000 }
    const within = await history.moves(store.db, { audience: AUDIENCE, ...window, limit: 1_000 })
    expect(within).toHaveLength(moves.filter(({ at }) => at >= window.from && at < window.to).length)
  })

  test('a sample is of members, each once, the same for the same seed', async () => {
    const { store, members } = await moved(3)
    const sample = await history.sample(store.db, AUDIENCE, 3, 0.3)
    expect(new Set(sample.map(({ profile }) => profile)).size).toBe(3)
    for (const { profile, since } of sample) expect(members.get(profile)).toBe(since)
    expect(await history.sample(store.db, AUDIENCE, 3, 0.3)).toEqual(sample)
    expect(await history.sample(store.db, AUDIENCE, 100, 0.3)).toEqual(pairs(members))
    expect(await history.sample(store.db, 99, 3, 0.3)).toEqual([])
  })
})

describe.each(DIALECTS)('asking the people, in %s', (dialect) => {
  async function desk(people: readonly Fields[]) {
    const store = await profileStore(dialect)
    const profiles = people.map((fields, i): Profile => {
      const identifier = {
        field: 'email',
        value: `p${i}@example.com`,
        firstAt: 0,
        lastAt: 0,
        count: 1,
        fragment: {},
      }
      const made = { id: i + 1, createdAt: 0, seenAt: 0, identifiers: [identifier], edges: [], retired: [] }
      return { ...made, fields, members: { 2: NOW - DAY }, flipAt: null, bytes: 0 }
    })
    const rows = profiles.map(({ id }) => ({
      id,
      flip_at: null,
      merged_into: null,
      updated_at: 0,
      ...{ members: '', fields: '{}', core: '' },
    }))
    for (let from = 0; from < rows.length; from += 500)
      await store.db
        .insertInto('profiles')
        .values(rows.slice(from, from + 500))
        .execute()
    const source = {
      profiles: async (ids: readonly number[]) => profiles.filter(({ id }) => ids.includes(id)),
      judgedAfter: async (id: number, limit: number) => profiles.slice(id, id + limit),
      survivorOf: async (id: number) => (id === 99_999 ? 1 : profiles[id - 1]?.id),
    }
    return { store, desk: new AudienceDesk(store, source, new AudienceSizes(store)) }
  }

  const rules = [
    { number: 1, slug: 'recent', filter: 'FILTER seen > "now-7d"' },
    { number: 2, slug: 'both', filter: 'FILTER AND (INCLUDE 1, city = "Rome")' },
    { number: 3, slug: 'other', filter: 'FILTER visits > 1' },
  ]
  const request = { rules, schema: SCHEMA, nowMs: NOW, against: undefined }

  test('a rule is tried on everybody, or on as many as are asked for from all over', async () => {
    const people = Array.from({ length: 3_000 }, (_, i): Fields => ({ visits: i % 3 }))
    const { desk: asked } = await desk(people)
    const filter = 'FILTER OR (visits = 2, INCLUDE recent)'
    const all = await asked.audiencePreview({ ...request, filter, profilesMax: 3_000, sampleMax: 2 })
    expect(all).toMatchObject({ matched: 1_000, looked: 3_000, profiles: 3_000, size: 1_000, exact: true })
    expect(all.sample).toEqual([
      { profile: 3, identifiers: [{ field: 'email', value: 'p2@example.com' }], fields: { visits: 2 } },
      { profile: 6, identifiers: [{ field: 'email', value: 'p5@example.com' }], fields: { visits: 2 } },
    ])
    const some = await asked.audiencePreview({ ...request, filter, profilesMax: 1_000, sampleMax: 0 })
    expect(some).toMatchObject({ looked: 1_000, exact: false, sample: [], change: null })
    expect(Math.abs(some.profiles - 3_000)).toBeLessThan(30)
    expect(Math.abs(some.size - 1_000)).toBeLessThan(10)
    await expect(
      asked.audiencePreview({ ...request, filter: 'FILTER nope', profilesMax: 1, sampleMax: 1 }),
    ).rejects.toMatchObject({ code: 'FILTERQL_INVALID' })
  })

  test('a rule is compared with that of an audience: whom it would move', async () => {
    const { desk: asked } = await desk(Array.from({ length: 6 }, (_, visits): Fields => ({ visits })))
    const preview = await asked.audiencePreview({
      ...{ ...request, against: 3, filter: 'FILTER OR (visits = 1, visits > 3)' },
      ...{ profilesMax: 10, sampleMax: 1 },
    })
    expect(preview.change).toMatchObject({ entered: 1, left: 2 })
    expect(preview.change?.enteredSample.map(({ fields }) => fields)).toEqual([{ visits: 1 }])
    expect(preview.change?.leftSample.map(({ fields }) => fields)).toEqual([{ visits: 2 }])
  })

  test('moves since an instant, and by what people are known', async () => {
    const { store, desk: asked } = await desk([{ visits: 1 }, { visits: 2 }])
    const moved = (audience: number, at: number, entered: boolean) => ({ audience, at, entered })
    const moves = [
      ...[moved(1, NOW - DAY - 1, true), moved(1, NOW - DAY, false), moved(1, NOW, true)],
      moved(2, NOW, true),
    ]
    const rows = moves.map((move) => ({
      ...{ ...move, entered: move.entered ? 1 : 0 },
      ...{ profile: 1, cause: 'clock', record_offset: null },
    }))
    await store.transaction(async (tx) => {
      await tx.insertInto('audience_moves').values(rows).execute()
      await addToQuarters(tx, dialect, moves)
    })
    expect(await asked.audienceChanges([1, 3], NOW - DAY)).toEqual([
      { audience: 1, entered: 1, left: 1 },
      { audience: 3, entered: 0, left: 0 },
    ])
    expect(await asked.audienceNames([2, 99, 2])).toEqual([
      { profile: 2, identifiers: [{ field: 'email', value: 'p1@example.com' }] },
    ])
  })

  test('why somebody is or is not in an audience', async () => {
    const { store, desk: asked } = await desk([{ seen: NOW - DAY, city: 'Rome' }, {}])
    const move = { audience: 2, profile: 1, at: NOW - DAY, entered: 1, cause: 'clock', record_offset: null }
    await store.db.insertInto('audience_moves').values(move).execute()
    const answer = await asked.audienceWhy({ ...request, audience: 2, profile: 1 })
    expect(answer).toMatchObject({
      profile: 1,
      since: NOW - DAY,
      why: { holds: true, flipAt: NOW + 6 * DAY, parts: [{ audience: '1', holds: true }, { holds: true }] },
      moves: [{ entered: true, cause: 'clock', offset: null }],
    })
    expect((await asked.audienceWhy({ ...request, audience: 2, profile: 2 }))?.why.holds).toBe(false)
    // One that was joined into another one answers for that one.
    expect((await asked.audienceWhy({ ...request, audience: 2, profile: 99_999 }))?.profile).toBe(1)
    expect(await asked.audienceWhy({ ...request, audience: 2, profile: 77 })).toBeUndefined()
    await expect(asked.audienceWhy({ ...request, audience: 9, profile: 1 })).rejects.toMatchObject({
      code: 'AUDIENCE_UNKNOWN',
    })
  })
})
