import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import { decisionOf, type Identifier } from '../../core/membership.ts'
import { identifierOf, personOf } from './person.ts'
import { type Operation, RECORDS_MAX, Roster } from './roster.ts'

async function openRoster(file?: string): Promise<Roster> {
  const roster = await Roster.open(file ?? join(await tempFolder(), 'c1.duckdb'))
  onTestFinished(() => roster.close())
  return roster
}

/** More than any run has. */
const ALL = 1_000_000
const ABOUT = { prefix: 'm', activation: '7', run: '1', timeMs: 1_700_000_000_000 }

async function compared(roster: Roster, run: number, operation: Operation, persons: readonly string[]) {
  await roster.begin(`7.${run}`)
  await roster.load(persons)
  return roster.compare(operation)
}

async function ran(
  roster: Roster,
  run: number,
  operation: Operation,
  persons: readonly string[],
  rejected: number[] = [],
) {
  const comparison = await compared(roster, run, operation, persons)
  await roster.apply(`7.${run}`, run * 1000, ALL, rejected)
  return comparison
}

const now = (roster: Roster) => roster.membersAt(Number.MAX_SAFE_INTEGER, '')

describe('comparison', () => {
  test('the first run adds all, once each; the next only what changed', async () => {
    const roster = await openRoster()
    expect(await ran(roster, 1, 'mirror', ['ua', 'ub', 'ub'])).toEqual({
      distinct: 2,
      unchanged: 0,
      added: 2,
      removed: 0,
      members: 0,
    })
    expect(await ran(roster, 2, 'mirror', ['ub', 'uc'])).toEqual({
      distinct: 2,
      unchanged: 1,
      added: 1,
      removed: 1,
      members: 2,
    })
    expect(await now(roster)).toEqual(['ub', 'uc'])
  })

  test('add never removes; remove takes out also whom others let in, once', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'add', ['ua', 'ub'])
    expect(await ran(roster, 2, 'add', ['uc'])).toMatchObject({ added: 1, removed: 0 })
    expect(await ran(roster, 3, 'remove', ['ua', 'ux'])).toMatchObject({ removed: 2, unchanged: 0 })
    expect(await ran(roster, 4, 'remove', ['ua', 'ux'])).toMatchObject({ removed: 0, unchanged: 2 })
    expect(await now(roster)).toEqual(['ub', 'uc'])
  })

  test('what was rejected is not accepted: the next run sends it again', async () => {
    const roster = await openRoster()
    await compared(roster, 1, 'mirror', ['ua', 'ub', 'uc'])
    const refused = await roster.personOfChange(1)
    await roster.apply('7.1', 1000, ALL, [1])
    expect(await now(roster)).toEqual(['ua', 'ub', 'uc'].filter((person) => person !== refused))
    expect(await compared(roster, 2, 'mirror', ['ua', 'ub', 'uc'])).toMatchObject({ added: 1, unchanged: 2 })
  })

  test('what was refused can be sent again, unless it was decided since', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua', 'ub'], [0, 1])
    const refused = await roster.refused('7.1', -1)
    expect(refused.map(({ change, enters }) => [change, enters])).toEqual([
      [0, true],
      [1, true],
    ])
    expect(refused.map(({ person }) => person).sort()).toEqual(['ua', 'ub'])
    await ran(roster, 2, 'add', ['ub'])
    await roster.begin('7.3')
    expect(await roster.compareRefused('7.1')).toEqual({
      distinct: 2,
      unchanged: 1,
      added: 1,
      removed: 0,
      members: 1,
    })
    await roster.apply('7.3', 3000, ALL, [])
    expect(await now(roster)).toEqual(['ua', 'ub'])
  })

  test('what was not sent is not accepted', async () => {
    const roster = await openRoster()
    await compared(roster, 1, 'add', ['ua', 'ub', 'uc'])
    await roster.apply('7.1', 1000, 2, [0])
    expect(await roster.size()).toBe(1)
  })

  test('what was compared and not applied leaves no trace; a second application neither', async () => {
    const roster = await openRoster()
    await compared(roster, 1, 'mirror', ['ua'])
    expect(await compared(roster, 2, 'mirror', ['ub'])).toMatchObject({ added: 1, members: 0 })
    await roster.apply('7.2', 2000, ALL, [])
    await roster.apply('7.2', 2000, ALL, [])
    expect([await now(roster), await roster.movesOf('ub')]).toEqual([
      ['ub'],
      [{ run: '7.2', change: 0, at: 2000, enters: true }],
    ])
    expect(await roster.begin('7.2')).toEqual({ applied: true })
  })

  test('forgetting sends everything again and keeps the history', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua'])
    await roster.forget()
    expect(await ran(roster, 2, 'mirror', ['ua'])).toMatchObject({ added: 1 })
    expect(await roster.movesOf('ua')).toHaveLength(2)
  })

  test('a killed process loses nothing that was applied', async () => {
    const file = join(await tempFolder(), 'c1.duckdb')
    const first = await openRoster(file)
    await ran(first, 1, 'mirror', ['ua', 'ub'])
    await compared(first, 2, 'mirror', [])
    await first.close()
    const second = await openRoster(file)
    expect([await second.size(), await second.begin('7.2')]).toEqual([2, { applied: false }])
  })

  test('as a model: random runs, operations and rejections', async () => {
    const roster = await openRoster()
    const persons = fc.subarray(['ua', 'ub', 'uc', 'ud', 'de', 'a["l","f"]'])
    const step = fc.record({
      operation: fc.constantFrom<Operation>('add', 'remove', 'mirror'),
      persons,
      rejects: fc.array(fc.nat(5), { maxLength: 2 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        await roster.forget()
        const inside = new Map<string, boolean>()
        for (const { operation, persons: given, rejects } of steps) {
          await compared(roster, ++run, operation, given)
          const refused = new Set(await Promise.all(rejects.map((n) => roster.personOfChange(n))))
          await roster.apply(`7.${run}`, run, ALL, rejects)
          for (const person of given) {
            if (!refused.has(person)) inside.set(person, operation !== 'remove')
          }
          if (operation !== 'mirror') continue
          for (const [person, is] of inside)
            if (is && !given.includes(person) && !refused.has(person)) inside.set(person, false)
        }
        expect(await roster.size()).toBe([...inside.values()].filter(Boolean).length)
      }),
      { seed: 11, numRuns: 15 },
    )
  })
})

describe('records', () => {
  const everybody: Identifier[] = [
    { kind: 'external_id', label: '', value: 'u1' },
    { kind: 'external_id', label: '', value: 'quote " backslash \\ newline \n 🌷' },
    { kind: 'device_id', label: '', value: 'd1' },
    { kind: 'alias', label: 'e"mail', value: 'ä🌷@x.io' },
  ]

  test('say who enters and who leaves, whatever the identifiers hold', async () => {
    const roster = await openRoster()
    await compared(roster, 1, 'remove', everybody.map(personOf))
    const { body, count, next } = await roster.records(0, ABOUT)
    const records = JSON.parse(body) as Record<string, unknown>[]
    expect([count, next, records.length]).toEqual([4, undefined, 4])
    const read = records.map(decisionOf)
    expect(read).toHaveLength(everybody.length)
    for (const who of everybody) expect(read).toContainEqual({ who, enters: false })
    expect(records.map(({ id }) => id)).toEqual(['m-0', 'm-1', 'm-2', 'm-3'])
    expect(records[0]).toMatchObject({ time: 1_700_000_000, properties: { activation: '7', run: '1' } })
  })

  test('come in pages, each change once', async () => {
    const roster = await openRoster()
    const persons = Array.from({ length: 2 * RECORDS_MAX + 1 }, (_, i) => `u${i}`)
    await compared(roster, 1, 'add', persons)
    const seen = new Set<string>()
    for (let from: number | undefined = 0; from !== undefined; ) {
      const page: Awaited<ReturnType<Roster['records']>> = await roster.records(from, ABOUT)
      for (const record of JSON.parse(page.body) as Record<string, unknown>[])
        seen.add(decisionOf(record)?.who.value ?? '')
      from = page.next
    }
    expect(seen.size).toBe(persons.length)
  })

  test('identifiers come back as they went in', () => {
    for (const who of everybody) expect(identifierOf(personOf(who))).toEqual(who)
  })
})

describe('history', () => {
  test('members at a moment, what two moments differ by, who moved by a run', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua', 'ub'])
    await ran(roster, 2, 'mirror', ['ub', 'uc'])
    await ran(roster, 3, 'mirror', ['ua', 'uc'])
    expect(await Promise.all([999, 1000, 2500, 3000].map((at) => roster.membersAt(at, '')))).toEqual([
      [],
      ['ua', 'ub'],
      ['ub', 'uc'],
      ['ua', 'uc'],
    ])
    expect([await roster.between(1000, 3000, true, ''), await roster.between(1000, 3000, false, '')]).toEqual(
      [['uc'], ['ub']],
    )
    expect([await roster.movedBy('7.3', true, ''), await roster.movedBy('7.3', false, '')]).toEqual([
      ['ua'],
      ['ub'],
    ])
    expect(await roster.movedBy('7.1', true, 'ua')).toEqual(['ub'])
    expect(await roster.movesOf('ua')).toEqual([
      expect.objectContaining({ run: '7.1', at: 1000, enters: true }),
      expect.objectContaining({ run: '7.2', at: 2000, enters: false }),
      expect.objectContaining({ run: '7.3', at: 3000, enters: true }),
    ])
    expect([await roster.size(1000), await roster.size()]).toEqual([2, 2])
  })
})
