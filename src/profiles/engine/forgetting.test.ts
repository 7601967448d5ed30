/** A person leaves the profiles on both stores with everything that tells of them; whoever stood beside them stays. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { DIALECTS, freshStoreUrl } from '../../../test/support/store.ts'
import { systemClock } from '../../core/clock.ts'
import type { SubjectIdentifier } from '../../core/traces.ts'
import { PROFILE_PLAN } from '../../store/migrate.ts'
import type { Schema } from '../../store/schema.ts'
import { openStore } from '../../store/store.ts'
import { sizeAt } from '../audiences/history.ts'
import { Doctrine } from '../doctrine.ts'
import { defaultSchema } from '../mapping/default-schema.ts'
import { PeopleDesk } from './desk.ts'
import { ProfileEngine } from './engine.ts'
import { PeopleForgetting } from './forgetting.ts'
import { OperatorDesk } from './hand.ts'

const NOW = Date.UTC(2026, 4, 1)
const WHO: readonly SubjectIdentifier[] = [{ kind: 'external_id', label: '', value: 'person-ann' }]
const TABLES = [
  'profiles',
  'profile_identifiers',
  'profile_merges',
  'profile_conflicts',
  'profile_never_links',
] as const satisfies (keyof Schema)[]

describe.each(DIALECTS)('on %s', (dialect) => {
  test('with what she absorbed, her joins and conflicts, and words about her', async () => {
    const store = await openStore(await freshStoreUrl(dialect), { clock: systemClock, plan: PROFILE_PLAN })
    onTestFinished(() => store.close())
    const doctrine = new Doctrine({
      schemaVersion: 0,
      schema: defaultSchema(),
      sources: [{ number: 1, name: 'lytics', kind: 'lytics' }],
      audiences: [{ number: 1, slug: 'named', filter: 'FILTER EXISTS first_name' }],
    })
    const engine = await ProfileEngine.open(store, doctrine, 0)
    const rows = [
      { external_id: 'person-ann', first_name: 'Ann' },
      { braze_id: 'braze-of-ann', email: 'ann@x.example' },
      { external_id: 'person-ann', braze_id: 'braze-of-ann' },
      { external_id: 'person-bob', email: 'bob@x.example', first_name: '100 % of PERSON-ANN and person-ann' },
      { external_id: 'person-ann-2', email: 'two@x.example' },
    ]
    const records = rows.map((fields, offset) => ({
      offset,
      receivedAt: NOW + offset,
      source: 1,
      type: 'lytics.braze_users',
      bytes: Buffer.from(JSON.stringify({ id: String(offset), stream: 'braze_users', fields })),
    }))
    await engine.apply({ from: 0, to: rows.length, records }, NOW)
    const operator = new OperatorDesk(store, engine)
    await operator.neverLink(
      ['external_id', 'person-ann'],
      ['external_id', 'person-bob'],
      'not the same',
      NOW,
    )

    const forgetting = new PeopleForgetting(store, engine, () => undefined)
    const desk = new PeopleDesk(store, engine)
    expect(await forgetting.identifiersOf(WHO)).toEqual([
      ['br_user_id', 'braze-of-ann'],
      ['email', 'ann@x.example'],
      ['external_id', 'person-ann'],
    ])
    const counts = await forgetting.forget(WHO, true)
    expect(counts).toEqual([
      { place: 'profiles', rows: 2 },
      { place: 'profiles, what tells of them', rows: 7 },
      { place: "profiles, words about them in what is others'", rows: 1 },
    ])
    expect(await desk.counts()).toMatchObject({ profiles: 3, merges: 1 })

    expect(await sizeAt(store.db, 1, NOW)).toBe(2)

    expect(await forgetting.forget(WHO, false)).toEqual(counts)
    expect(await sizeAt(store.db, 1, NOW)).toBe(1)
    const left = await Promise.all(TABLES.map((table) => store.db.selectFrom(table).selectAll().execute()))
    expect(JSON.stringify(left)).not.toMatch(/person-ann(?!-2)|braze-of-ann|ann@x/)
    expect(await desk.counts()).toMatchObject({ profiles: 2, identifiers: 4, merges: 0 })
    expect((await desk.find('external_id', 'person-bob'))?.fields).toMatchObject({
      first_name: '100 % of PERSON-ANN and **********',
    })
    expect((await forgetting.forget(WHO, false)).map((each) => each.rows)).toEqual([0, 0, 0])

    // She may come back as somebody new.
    const back = {
      ...records[0],
      offset: 5,
      bytes: records[0]?.bytes ?? Buffer.alloc(0),
    } as (typeof records)[0]
    await engine.apply({ from: 5, to: 6, records: [back] }, NOW)
    expect((await desk.find('external_id', 'person-ann'))?.identifiers).toHaveLength(1)
  })
})
