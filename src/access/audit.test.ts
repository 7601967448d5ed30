import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Dialect } from '../store/columns.ts'
import { type Attempt, Audit, type AuditFilter, LOOKED_AT_MAX } from './audit.ts'

const NOW = 1_760_000_000_000
const RETENTION_MS = 86_400_000

async function opened(dialect: Dialect) {
  const clock = new VirtualClock(NOW)
  const store = await freshStore(dialect, clock)
  return { clock, store, audit: new Audit(store, clock, RETENTION_MS) }
}

function attempt(over: Partial<Attempt> = {}): Attempt {
  return {
    caller: {
      kind: 'person',
      id: 'person_1',
      name: 'Ann',
      email: 'Ann@example.com',
      role: 'admin',
      session: null,
    },
    address: '192.0.2.1',
    operation: 'updateThing',
    object: { kind: 'thing', id: '7', name: 'The Thing_1' },
    request: 'r1',
    ...over,
  }
}

async function numbers(audit: Audit, filter: AuditFilter, limit = 100): Promise<number[]> {
  return (await audit.list(filter, limit)).entries.map(({ number }) => number)
}

describe.each(DIALECTS)('the trail on %s', (dialect) => {
  test('an entry is begun and finished, and says who it was then', async () => {
    const { audit } = await opened(dialect)
    const number = await audit.begin(attempt({ caller: undefined }), { a: 1 })
    expect(await audit.get(number)).toEqual({
      number,
      at: NOW,
      who: { kind: 'nobody', id: '', name: '', role: '' },
      address: '192.0.2.1',
      operation: 'updateThing',
      object: { kind: 'thing', id: '7', name: 'The Thing_1' },
      outcome: 'begun',
      code: '',
      request: 'r1',
      before: { a: 1 },
      after: undefined,
    })
    await audit.finish(number, attempt(), { outcome: 'done', after: { a: 2 } })
    expect(await audit.get(number)).toMatchObject({
      who: { kind: 'person', id: 'person_1', name: 'Ann', role: 'admin' },
      outcome: 'done',
      before: { a: 1 },
      after: { a: 2 },
    })
    await expect(audit.get(number + 1)).rejects.toMatchObject({ code: 'AUDIT_UNKNOWN' })
  })

  test('a state that is very long is not kept, and says so', async () => {
    const { audit } = await opened(dialect)
    const number = await audit.begin(attempt(), { text: 'x'.repeat(70_000) })
    expect((await audit.get(number)).before).toEqual({ notKept: '70011 characters' })
  })

  test('each filter finds its own, alone and with others', async () => {
    const { audit, clock } = await opened(dialect)
    const object = (kind: string, id: string) => ({ kind, id, name: `${kind} ${id}` })
    const one = await audit.note(attempt(), 'done', '')
    await clock.advance(1_000)
    const two = await audit.note(attempt({ object: object('other', '7') }), 'refused', 'NO_WAY')
    const three = await audit.note(attempt({ caller: undefined, operation: 'signIn' }), 'refused', '')
    const table: readonly (readonly [AuditFilter, number[]])[] = [
      [{}, [three, two, one]],
      [{ who: 'person_1' }, [two, one]],
      [{ kind: 'thing' }, [three, one]],
      [{ kind: 'other', object: '7' }, [two]],
      [{ kind: 'other', object: '8' }, []],
      [{ operation: 'updateThing' }, [two, one]],
      [{ outcome: 'refused' }, [three, two]],
      [{ who: 'person_1', outcome: 'done', kind: 'thing' }, [one]],
      [{ from: NOW + 1_000 }, [three, two]],
      [{ to: NOW + 1_000 }, [one]],
      [{ text: 'thing_1' }, [three, one]],
      [{ text: 'THING%' }, []],
      [{ text: 'ann@' }, [two, one]],
      [{ text: 'no_way' }, [two]],
      [{ text: 'nobody' }, []],
    ]
    for (const [filter, expected] of table)
      expect(await numbers(audit, filter), JSON.stringify(filter)).toEqual(expected)
  })

  test('pages follow each other to the end, whatever is written meanwhile', async () => {
    const { audit } = await opened(dialect)
    for (let i = 0; i < 7; i++) await audit.note(attempt({ request: `${i}` }), 'done', '')
    const seen: string[] = []
    let before: number | undefined
    do {
      const page = await audit.list({}, 3, before)
      seen.push(...page.entries.map(({ request }) => request))
      await audit.note(attempt({ request: 'new' }), 'done', '')
      before = page.next
    } while (before !== undefined)
    expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0'])
  })

  test('a page looks at a bounded number of entries, and the next goes on from there', async () => {
    const { audit, store } = await opened(dialect)
    const needle = await audit.note(attempt({ request: 'needle', operation: 'needle' }), 'done', '')
    const row = await store.db.selectFrom('audit').selectAll().executeTakeFirstOrThrow()
    const { number: _, ...hay } = { ...row, operation: 'hay', words: 'hay' }
    for (let i = 0; i < 30; i++)
      await store.db
        .insertInto('audit')
        .values(new Array(LOOKED_AT_MAX / 20).fill(hay))
        .execute()
    const filters: readonly AuditFilter[] = [{ text: 'needle' }, { who: 'person_1', operation: 'needle' }]
    for (const filter of filters) {
      const first = await audit.list(filter, 10)
      expect(first).toEqual({ entries: [], next: needle + LOOKED_AT_MAX / 2 + 1 })
      const second = await audit.list(filter, 10, first.next)
      expect(second.entries.map(({ number }) => number)).toEqual([needle])
      expect(second.next).toBeUndefined()
    }
    const exported: number[] = []
    for await (const page of audit.each({ text: 'needle' }, 100)) exported.push(...page.map((e) => e.number))
    expect(exported).toEqual([needle])
  })

  test('what is older than the retention goes, with its states', async () => {
    const { audit, clock, store } = await opened(dialect)
    for (let i = 0; i < 3; i++) {
      await audit.begin(attempt(), { i })
      await clock.advance(RETENTION_MS / 2)
    }
    await audit.purge()
    expect(await numbers(audit, {})).toEqual([3, 2])
    const states = await store.db.selectFrom('audit_states').select('number').orderBy('number').execute()
    expect(states.map(({ number }) => number)).toEqual([2, 3])
  })
})
