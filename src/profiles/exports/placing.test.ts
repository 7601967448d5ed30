/** What a change of a profile means for what Braze should hold, rule by rule. */

import { describe, expect, it } from 'vitest'
import type { Address } from '../../core/audience-change.ts'
import type { ProfileChange, Standing } from '../follower.ts'
import type { Fields } from '../values.ts'
import { isNothing, newPerson, type Person, toTell } from './person.ts'
import { People, place, placingAgain, placingOf } from './placing.ts'
import { addressOf, type ExportRule, slugsOf } from './rule.ts'

const NOW = 1_000_000
const RULE: ExportRule = {
  export: 1,
  audiences: [
    { number: 1, slug: 'a', since: 500 },
    { number: 2, slug: 'b', since: 500 },
  ],
  identifiers: { externalIdField: 'user_id', brazeIdField: 'br', aliasLabel: 'crm', aliasField: 'crm_id' },
  existing: true,
  moves: 'both',
  waitMs: 300_000,
}
const user = (value: string): Address => ({ kind: 'external_id', label: '', value })

/** In these audiences since the moments. */
function standing(members: Readonly<Record<number, number>>, fields: Fields = { user_id: 'u1' }): Standing {
  return { fields, members }
}

function person(who: Address, also: Partial<Person> = {}): Person {
  return { ...newPerson(who, 1), ...also }
}

interface Followed {
  readonly omitted: number
  readonly people: readonly Person[]
  /** By value: `+` is added, `-` removed. */
  readonly told: Readonly<Record<string, string>>
}

function follow(
  rule: ExportRule,
  changes: readonly ProfileChange[],
  known: readonly Person[] = [],
  again = false,
): Followed {
  const gone = new Map(changes.filter(({ after }) => after === undefined).map((one) => [one.profile, one]))
  const placings = changes.flatMap((change) =>
    again ? placingAgain(rule, change) : (placingOf(rule, change, gone) ?? []),
  )
  const people = new People(known)
  const omitted = place(rule, people, placings, again ? 'backfill' : 'live', NOW)
  const told = people.touched.flatMap((one) => {
    const telling = toTell(one, slugsOf(rule))
    const words = [...telling.add.map((slug) => `+${slug}`), ...telling.remove.map((slug) => `-${slug}`)]
    return isNothing(telling) ? [] : [[one.who.value, words.sort().join(' ')]]
  })
  return { omitted, people: people.touched, told: Object.fromEntries(told) }
}

const change = (before: Standing | undefined, after: Standing | undefined, also = {}): ProfileChange => ({
  profile: 1,
  before,
  after,
  mergedFrom: [],
  ...also,
})

describe('whom they mean', () => {
  it.each([
    [{ user_id: 'u1', br: 'b1', crm_id: 'c1' }, 'external_id  u1'],
    [{ user_id: '', br: 'b1', crm_id: 'c1' }, 'braze_id  b1'],
    [{ crm_id: 7 }, 'alias crm 7'],
    [{ user_id: ['old', 'new'] }, 'external_id  new'],
    [{ user_id: 'x'.repeat(988), crm_id: 'c1' }, 'alias crm c1'],
    [{ user_id: 'a\0b' }, undefined],
    [{ user_id: true }, undefined],
    [{ email: 'a@x.io' }, undefined],
  ] as [Fields, string | undefined][])('%j', (fields, expected) => {
    const who = addressOf(RULE.identifiers, { fields, members: {} })
    expect(who && [who.kind, who.label, who.value].join(' ')).toBe(expected)
  })
})

describe('moves', () => {
  const existing = { ...RULE, existing: false }
  const out = standing({})
  const both = standing({ 1: 400, 2: 900 })
  const rows: [string, ExportRule, ProfileChange, readonly Person[], Record<string, string>][] = [
    ['who enters gets the slug', RULE, change(out, standing({ 1: 900 })), [], { u1: '+a' }],
    ['a new profile, too', RULE, change(undefined, standing({ 1: 900, 2: 900 })), [], { u1: '+a +b' }],
    [
      'who leaves loses it',
      RULE,
      change(standing({ 1: 900 }), out),
      [person(user('u1'), { wanted: [1], sent: ['a'] })],
      { u1: '-a' },
    ],
    [
      'in and out again is nothing',
      RULE,
      change(standing({ 1: 900 }), out),
      [person(user('u1'), { wanted: [1], state: 'pending' })],
      {},
    ],
    ['other audiences are nothing', RULE, change(out, standing({ 9: 900 })), [], {}],
    [
      'other fields are nothing',
      RULE,
      change(standing({ 1: 400 }), standing({ 1: 400 }, { user_id: 'u1', city: 'x' })),
      [],
      {},
    ],
    ['existing users count', RULE, change(standing({ 1: 400 }), both), [], { u1: '+a +b' }],
    ['or do not', existing, change(standing({ 1: 400 }), both), [], { u1: '+b' }],
    [
      'one of them who leaves is told all the same',
      existing,
      change(standing({ 1: 400 }), out),
      [],
      { u1: '-a' },
    ],
    [
      'enter only: nobody loses',
      { ...RULE, moves: 'enter' },
      change(standing({ 1: 900 }), out),
      [person(user('u1'), { wanted: [1], sent: ['a'] })],
      {},
    ],
    [
      'enter only: who enters gets',
      { ...RULE, moves: 'enter' },
      change(out, standing({ 2: 900 })),
      [person(user('u1'), { wanted: [1], sent: ['a'] })],
      { u1: '+b' },
    ],
    ['exit only: nobody gets', { ...RULE, moves: 'exit' }, change(out, standing({ 1: 900 })), [], {}],
    [
      'exit only: who leaves loses',
      { ...RULE, moves: 'exit' },
      change(standing({ 1: 900 }), out),
      [],
      { u1: '-a' },
    ],
  ]
  it.each(rows)('%s', (_what, rule, moved, known, told) => {
    expect(follow(rule, [moved], known).told).toEqual(told)
  })

  it('leave after the wait, whatever comes behind', () => {
    const { people } = follow(RULE, [change(out, standing({ 1: 900 }))])
    expect(people).toMatchObject([{ state: 'pending', lane: 'live', dueAt: NOW + 300_000, revision: 1 }])
    const waiting = person(user('u1'), { wanted: [1], state: 'pending', lane: 'live', dueAt: 42 })
    expect(follow(RULE, [change(standing({ 1: 900 }), both)], [waiting]).people).toMatchObject([
      { dueAt: 42 },
    ])
    const backfilled = person(user('u1'), { wanted: [1], state: 'pending', lane: 'backfill', dueAt: 42 })
    expect(follow(RULE, [change(standing({ 1: 900 }), both)], [backfilled]).people).toMatchObject([
      { lane: 'live', dueAt: NOW + 300_000 },
    ])
  })

  it('of people without an identifier are counted', () => {
    const nobody = (members: Record<number, number>) => standing(members, { email: 'a@x.io' })
    expect(follow(RULE, [change(nobody({}), nobody({ 1: 900 }))])).toMatchObject({ omitted: 1, told: {} })
    expect(follow(RULE, [change(nobody({ 1: 900 }), nobody({}))])).toMatchObject({ omitted: 1 })
    expect(follow(RULE, [change(nobody({}), nobody({ 9: 900 }))])).toMatchObject({ omitted: 0 })
  })
})

describe('identifiers', () => {
  const held = (value: string, profile = 1) => person(user(value), { profile, wanted: [1], sent: ['a'] })
  const as = (value: string) => standing({ 1: 900 }, { user_id: value })

  it('another one: the old loses everything, the new gets all', () => {
    expect(follow(RULE, [change(as('u1'), as('u2'))], [held('u1')]).told).toEqual({ u1: '-a', u2: '+a' })
  })

  it('none any more: the old loses everything', () => {
    expect(follow(RULE, [change(as('u1'), standing({ 1: 900 }, {}))], [held('u1')]).told).toEqual({
      u1: '-a',
    })
  })

  it('passed from one to another, in whichever order they are told', () => {
    const gives = { ...change(as('u1'), standing({}, { user_id: 'u9' })), profile: 1 }
    const takes = { ...change(standing({ 2: 900 }, {}), standing({ 2: 900 }, { user_id: 'u1' })), profile: 2 }
    for (const changes of [
      [gives, takes],
      [takes, gives],
    ])
      expect(follow(RULE, changes, [held('u1')])).toMatchObject({
        told: { u1: '+b -a' },
        people: [{ profile: 2, held: true, wanted: [2] }],
      })
  })

  it('of somebody who is no more, or was joined into another one', () => {
    expect(follow(RULE, [change(as('u1'), undefined)], [held('u1')]).told).toEqual({ u1: '-a' })
    const survivor = {
      ...change(standing({}, { user_id: 'u2' }), standing({ 1: 900 }, { user_id: 'u2' })),
      profile: 2,
      mergedFrom: [1],
    }
    const loser = change(as('u1'), undefined)
    for (const changes of [[survivor], [survivor, loser], [loser, survivor]])
      expect(follow(RULE, changes, [held('u1')])).toMatchObject({
        told: { u1: '-a', u2: '+a' },
        people: expect.arrayContaining([
          expect.objectContaining({ who: user('u1'), profile: 2, held: false }),
        ]),
      })
  })

  it('which the survivor of a join takes over, keep what they have', () => {
    const survivor = { ...change(undefined, as('u1')), profile: 2, mergedFrom: [1] }
    expect(follow(RULE, [survivor], [held('u1')])).toMatchObject({
      told: {},
      people: [{ profile: 2, held: true }],
    })
  })
})

describe('a changed rule', () => {
  const again = (rule: ExportRule, members: Record<number, number>, known: readonly Person[]) =>
    follow(rule, [change(undefined, standing(members))], known, true)
  const a = person(user('u1'), { wanted: [1], sent: ['a'] })

  it.each([
    ['existing users', RULE, { 1: 400 }, [], { u1: '+a' }],
    ['no existing users', { ...RULE, existing: false }, { 1: 400, 2: 600 }, [], { u1: '+b' }],
    [
      'an audience less',
      { ...RULE, audiences: RULE.audiences.slice(1) },
      { 1: 400, 2: 600 },
      [a],
      { u1: '+b -a' },
    ],
    ['nothing at all', { ...RULE, audiences: [] }, { 1: 400 }, [a], { u1: '-a' }],
    ['exits again', RULE, {}, [a], { u1: '-a' }],
    ['exits only: who is in stays in', { ...RULE, moves: 'exit' }, { 1: 400, 2: 600 }, [a], {}],
    ['enters only: who was brought in stays in', { ...RULE, moves: 'enter' }, {}, [a], {}],
  ] as [string, ExportRule, Record<number, number>, Person[], Record<string, string>][])(
    '%s',
    (_what, rule, members, known, told) => {
      const followed = again(
        rule,
        members,
        known.map((one) => ({ ...one })),
      )
      expect(followed.told).toEqual(told)
      for (const one of followed.people)
        if (one.state === 'pending') expect(one).toMatchObject({ lane: 'backfill', dueAt: NOW })
    },
  )
})
