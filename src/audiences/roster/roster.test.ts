import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import { decisionOf, IDENTIFIER_KINDS, type Identifier } from '../../core/membership.ts'
import { planColumns } from '../columns.ts'
import { identifierOf, personOf } from './person.ts'
import { type Operation, Roster, snapshotFile } from './roster.ts'

async function openRoster(file?: string): Promise<Roster> {
  const roster = await Roster.open(file ?? join(await tempFolder(), 'c1.duckdb'))
  onTestFinished(() => roster.close())
  return roster
}

/** More than any run has. */
const ALL = 1_000_000
const ROOM = { recordsMax: 1_000, bytesMax: 100_000 }
const ABOUT = { prefix: 'm', activation: '7', run: '1', timeMs: 1_700_000_000_000 }

async function compared(roster: Roster, operation: Operation, persons: readonly string[]) {
  await roster.begin()
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
  const comparison = await compared(roster, operation, persons)
  await roster.apply(`7.${run}`, run * 1000, ALL, rejected)
  return comparison
}

/** In the order of their numbers. */
const recordsIn = (body: Uint8Array) => {
  const records = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>[]
  const numberOf = ({ id }: Record<string, unknown>) => Number(String(id).slice(ABOUT.prefix.length + 1))
  return records.sort((one, other) => numberOf(one) - numberOf(other))
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
      affirmed: 0,
      members: 0,
      membersRemoved: 0,
    })
    expect(await ran(roster, 2, 'mirror', ['ub', 'uc'])).toEqual({
      distinct: 2,
      unchanged: 1,
      added: 1,
      removed: 1,
      affirmed: 0,
      members: 2,
      membersRemoved: 1,
    })
    expect(await now(roster)).toEqual(['ub', 'uc'])
  })

  test('it says how far it has a run; forgetting takes the last one for known, also one of another roster', async () => {
    const roster = await openRoster()
    await roster.begin()
    await roster.load(['ua'])
    await roster.compare('mirror', '7.1')
    expect([await roster.stand('7.1'), await roster.stand('7.2')]).toEqual(['compared', 'unknown'])
    await roster.apply('7.1', 1, ALL, [])
    expect(await roster.stand('7.1')).toBe('applied')
    await roster.forget('7.2')
    expect([await roster.stand('7.1'), await roster.stand('7.2')]).toEqual(['applied', 'applied'])
    expect(await compared(roster, 'mirror', ['ua'])).toMatchObject({ added: 1 })
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
    await compared(roster, 'mirror', ['ua', 'ub', 'uc'])
    await roster.apply('7.1', 1000, ALL, [1])
    const [refused] = (await roster.refused('7.1', -1)).map(({ person }) => person)
    expect(await now(roster)).toEqual(['ua', 'ub', 'uc'].filter((person) => person !== refused))
    expect(await compared(roster, 'mirror', ['ua', 'ub', 'uc'])).toMatchObject({ added: 1, unchanged: 2 })
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
    await roster.begin()
    expect(await roster.compareRefused('7.1')).toEqual({
      distinct: 2,
      unchanged: 1,
      added: 1,
      removed: 0,
      affirmed: 0,
      members: 1,
      membersRemoved: 0,
    })
    await roster.apply('7.3', 3000, ALL, [])
    expect(await now(roster)).toEqual(['ua', 'ub'])
  })

  test('what was not sent is not accepted', async () => {
    const roster = await openRoster()
    await compared(roster, 'add', ['ua', 'ub', 'uc'])
    await roster.apply('7.1', 1000, 2, [0])
    expect(await roster.size()).toBe(1)
  })

  test('what was compared and not applied leaves no trace; a second application neither', async () => {
    const roster = await openRoster()
    await compared(roster, 'mirror', ['ua'])
    expect(await compared(roster, 'mirror', ['ub'])).toMatchObject({ added: 1, members: 0 })
    await roster.apply('7.2', 2000, ALL, [])
    await roster.apply('7.2', 2000, ALL, [])
    expect([await now(roster), await roster.movesOf('ub')]).toEqual([
      ['ub'],
      [{ run: '7.2', change: 0, at: 2000, enters: true }],
    ])
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
    await compared(first, 'mirror', [])
    await first.close()
    const second = await openRoster(file)
    expect(await second.size()).toBe(2)
  })

  test('people of a file from before they had keys are given theirs', async () => {
    const file = join(await tempFolder(), 'c1.duckdb')
    const instance = await DuckDBInstance.create(file)
    const db = await instance.connect()
    await db.run(`
      create table roster(person varchar not null, inside boolean not null);
      insert into roster values ('ua', true), ('ub', true), ('ux', false);
    `)
    db.closeSync()
    instance.closeSync()
    const roster = await openRoster(file)
    expect(await compared(roster, 'mirror', ['ub', 'uc'])).toMatchObject({
      members: 2,
      added: 1,
      removed: 1,
      unchanged: 1,
    })
    expect(await compared(roster, 'remove', ['ux'])).toMatchObject({ removed: 0, unchanged: 1 })
    await roster.close()
    const again = await openRoster(file)
    expect(await compared(again, 'mirror', ['ua', 'ub'])).toMatchObject({
      unchanged: 2,
      added: 0,
      removed: 0,
    })
  })

  test('what was refused may have been taken by a lost try: it is sent again either way', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua', 'ub'], [0, 1])
    expect(await ran(roster, 2, 'mirror', ['uc'])).toMatchObject({ added: 1, removed: 2, membersRemoved: 0 })
    expect(await ran(roster, 3, 'mirror', ['ud'], [0])).toMatchObject({ added: 1, removed: 1 })
    expect(await compared(roster, 'mirror', ['uc', 'ud'])).toMatchObject({ added: 1, unchanged: 1 })
  })

  test('of a cancelled run that was resumed, what it did not send may have been sent', async () => {
    const roster = await openRoster()
    await compared(roster, 'mirror', ['ua', 'ub', 'uc'])
    await roster.apply('7.1', 1000, 1, [], true)
    expect(await compared(roster, 'mirror', ['ux'])).toMatchObject({ removed: 3, membersRemoved: 1 })
  })

  const mail = (name: string) => personOf({ kind: 'alias', label: 'mail', value: name })
  const phone = (name: string) => personOf({ kind: 'alias', label: 'phone', value: name })
  const cases: [string, string[], string[], { affirmed: number }][] = [
    ['one kind', ['ua', 'ub'], ['ua'], { affirmed: 0 }],
    ['aliases of one label', [mail('a'), mail('b')], [mail('a')], { affirmed: 0 }],
    ['aliases of two labels', [mail('a'), phone('b')], [mail('a')], { affirmed: 1 }],
    ['an alias beside ids', ['ua', 'ub', mail('a')], ['ua', 'ub'], { affirmed: 2 }],
    ['devices: several may be one profile', ['da', 'db', 'dc'], ['da', 'db'], { affirmed: 2 }],
    ['nobody leaves', ['ua', mail('a')], ['ua', mail('a')], { affirmed: 0 }],
  ]
  test.each(cases)(
    'who stays is sent again where one who leaves may be them: %s',
    async (_what, before, after, expected) => {
      const roster = await openRoster()
      await ran(roster, 1, 'mirror', before)
      expect(await ran(roster, 2, 'mirror', after)).toMatchObject({ ...expected, added: 0 })
      expect(await now(roster)).toEqual([...after].sort())
      expect(await roster.movesOf(after[0] ?? '')).toHaveLength(1)
      expect(await compared(roster, 'mirror', after)).toMatchObject({ added: 0, removed: 0, affirmed: 0 })
    },
  )

  test('a removal by one identifier puts members by others in doubt, an entry the removal of others', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua'])
    await ran(roster, 2, 'remove', [mail('a')])
    expect(await ran(roster, 3, 'mirror', ['ua'])).toMatchObject({ added: 1, unchanged: 0 })
    expect(await ran(roster, 4, 'remove', [mail('a')])).toMatchObject({ removed: 1 })
  })

  test('those who leave come first', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua', 'ub'])
    await compared(roster, 'mirror', ['uc', 'ud'])
    const { body } = await roster.records(0, ALL, ROOM, ABOUT)
    const records = recordsIn(body)
    expect(records.map((record) => decisionOf(record)?.enters)).toEqual([false, false, true, true])
  })

  test('the name is kept until everything is forgotten', async () => {
    const roster = await openRoster()
    expect(await roster.name()).toBeUndefined()
    await roster.rename("VIP's")
    expect(await roster.name()).toBe("VIP's")
    await roster.forget()
    expect(await roster.name()).toBeUndefined()
  })

  test('as a model: whatever is refused or lost, a mirror that is accepted leaves the vendor with its result', {
    timeout: 180_000,
  }, async () => {
    const roster = await openRoster()
    // Three profiles, found by several identifiers each.
    const profiles = new Map([
      ['ua', 1],
      [mail('a'), 1],
      ['ub', 2],
      [mail('b'), 2],
      [phone('b'), 2],
      ['dc', 3],
      ['dd', 3],
    ])
    const step = fc.record({
      operation: fc.constantFrom<Operation>('add', 'remove', 'mirror'),
      persons: fc.subarray([...profiles.keys()]),
      // By number of the change: refused, and whether the vendor did it all the same.
      refused: fc.array(fc.record({ n: fc.nat(7), done: fc.boolean() }), { maxLength: 2 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const inside = new Set<number>()
        // What an earlier sequence left is not trusted, and not there.
        await roster.forget()
        for (const { operation, persons, refused } of steps) {
          await compared(roster, operation, persons)
          const page = await roster.records(0, ALL, ROOM, ABOUT)
          for (const [n, record] of recordsIn(page.body).entries()) {
            const decision = decisionOf(record)
            const profile = decision === undefined ? undefined : profiles.get(personOf(decision.who))
            if (profile === undefined || refused.some((one) => one.n === n && !one.done)) continue
            if (decision?.enters) inside.add(profile)
            else inside.delete(profile)
          }
          const numbers = new Set(refused.map(({ n }) => n).filter((n) => n < page.count))
          await roster.apply(`7.${++run}`, run, ALL, [...numbers])
          if (operation === 'mirror' && numbers.size === 0)
            expect(inside).toEqual(new Set(persons.map((person) => profiles.get(person))))
        }
      }),
      { seed: 11, numRuns: 25, endOnFailure: true },
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
    await compared(roster, 'remove', everybody.map(personOf))
    const { body, count } = await roster.records(0, ALL, ROOM, ABOUT)
    const records = recordsIn(body)
    expect([count, records.length]).toEqual([4, 4])
    const read = records.map(decisionOf)
    expect(read).toHaveLength(everybody.length)
    for (const who of everybody) expect(read).toContainEqual({ who, enters: false })
    expect(records.map(({ id }) => id)).toEqual(['m-0', 'm-1', 'm-2', 'm-3'])
    expect(records[0]).toMatchObject({ time: 1_700_000_000, properties: { activation: '7', run: '1' } })
  })

  test('come in pages that fit, each change once', async () => {
    const roster = await openRoster()
    // About 120 bytes each, and some that fill a page alone.
    const persons = Array.from({ length: 2_001 }, (_, i) => `u${i}`)
    persons.push(...persons.slice(0, 300).map((person) => person.padEnd(950, '-')))
    await compared(roster, 'add', persons)
    const seen = new Set<string>()
    for (let from = 0; from < persons.length; ) {
      const { body, count } = await roster.records(from, persons.length, ROOM, ABOUT)
      for (const record of recordsIn(body)) seen.add(decisionOf(record)?.who.value ?? '')
      expect(body.length).toBeLessThanOrEqual(ROOM.bytesMax)
      expect(count).toBeLessThanOrEqual(ROOM.recordsMax)
      from += count
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
    const moved = async (run: string, enters: boolean, after = '') =>
      (await roster.movedBy(run, enters, after)).map(({ person }) => person)
    expect([await moved('7.3', true), await moved('7.3', false)]).toEqual([['ua'], ['ub']])
    expect(await moved('7.1', true, 'ua')).toEqual(['ub'])
    expect(await roster.movesOf('ua')).toEqual([
      expect.objectContaining({ run: '7.1', at: 1000, enters: true }),
      expect.objectContaining({ run: '7.2', at: 2000, enters: false }),
      expect.objectContaining({ run: '7.3', at: 3000, enters: true }),
    ])
    expect([await roster.size(1000), await roster.size()]).toEqual([2, 2])
  })
})

describe('a result that comes as a file', () => {
  const never = new AbortController().signal

  const engine = DuckDBInstance.create(':memory:').then((instance) => instance.connect())

  /** A Parquet file as an engine writes it: columns with their types, at least one row of texts, numbers and nulls. */
  async function parquetOf(
    columns: readonly (readonly [string, string])[],
    rows: readonly (readonly unknown[])[],
  ) {
    const file = join(await tempFolder(), 'result.parquet')
    const literal = (cell: unknown): string =>
      typeof cell === 'string' ? `'${cell.replaceAll("'", "''")}'` : String(cell)
    const list = columns.map(([name, type]) => `"${name}" ${type}`).join(', ')
    const values = rows.map((row) => `(${row.map(literal).join(', ')})`).join(', ')
    const db = await engine
    await db.run(
      `create or replace table result(${list}); insert into result values ${values}; copy result to '${file}' (format parquet)`,
    )
    return file
  }

  test('is read by the rules of its columns, as rows are', async () => {
    const file = join(await tempFolder(), 'a=b [c].duckdb')
    const roster = await openRoster(file)
    const columns = [
      ['device_ids', 'varchar'],
      ['email', 'varchar'],
      ['other', 'varchar[]'],
      ['user_ids', 'varchar'],
      ['phone', 'bigint'],
    ] as const
    const blanks = '\t\n\v\f\r \u00a0\u1680\u2007\u2028\u202f\u205f\u3000\ufeff'
    const text = fc.oneof(
      fc.constantFrom(
        null,
        '',
        ' ',
        blanks,
        "it's",
        '"',
        '\\',
        '\u200b',
        ' x ',
        'ä'.repeat(493),
        'ä'.repeat(494),
        ' '.repeat(990),
      ),
      fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\u00a0', '🌷', '\u000b'), maxLength: 3 }),
    )
    const row = fc.tuple(text, text, fc.constant(null), text, fc.option(fc.nat(3), { nil: null }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('first', 'all'),
        fc.shuffledSubarray([...IDENTIFIER_KINDS]),
        async (rows, identifiers, priority) => {
          const aliases = [
            { label: 'e"mail', column: 'email' },
            { label: 'phone', column: 'phone' },
          ]
          const rules = { aliases, priority, identifiers, kinds: IDENTIFIER_KINDS } as const
          const plan = planColumns(
            columns.map(([name]) => name),
            rules,
          )
          const expected = { rows: rows.length, identifiers: 0, invalid: {} as Record<string, number> }
          const persons = new Set<string>()
          for (const cells of rows) {
            const read = plan.read(cells)
            if ('invalid' in read) expected.invalid[read.invalid] = (expected.invalid[read.invalid] ?? 0) + 1
            else for (const who of read.who) persons.add(personOf(who))
            expected.identifiers += 'who' in read ? read.who.length : 0
          }
          await roster.begin()
          const found = await roster.take(
            createReadStream(await parquetOf(columns, rows)),
            { used: plan.used, identifiers },
            never,
          )
          const invalid = Object.fromEntries(
            Object.entries(found.invalid).map(([reason, { count }]) => [reason, count]),
          )
          expect({ ...found, invalid }).toEqual(expected)
          expect(await roster.compare('mirror')).toMatchObject({
            distinct: persons.size,
            added: persons.size,
          })
          expect(new Set(await roster.sample(true, 100))).toEqual(persons)
          expect(existsSync(snapshotFile(file))).toBe(false)
        },
      ),
      { seed: 12, numRuns: 20 },
    )
  })

  test('shows the first rows that name nobody, with their numbers and cells', async () => {
    const roster = await openRoster()
    const file = await parquetOf(
      [
        ['user_ids', 'varchar'],
        ['age', 'integer'],
      ],
      [['a', 1], ...Array.from({ length: 7 }, (_, i) => ['', i]), ['x'.repeat(988), null]],
    )
    await roster.begin()
    const { used } = planColumns(['user_ids', 'age'], {
      aliases: [],
      priority: [],
      identifiers: 'first',
      kinds: IDENTIFIER_KINDS,
    })
    const { invalid } = await roster.take(createReadStream(file), { used, identifiers: 'first' }, never)
    expect(invalid.blank).toEqual({
      count: 7,
      examples: [2, 3, 4, 5, 6].map((row) => `row ${row}: ["",${row - 2}]`),
    })
    expect(invalid.too_long).toEqual({ count: 1, examples: [expect.stringMatching(/^row 9: \["x{198}$/)] })
  })

  test('is compared with the members by every operation, repeats and all', async () => {
    const roster = await openRoster()
    await ran(roster, 1, 'mirror', ['ua', 'ub'])
    const { used } = planColumns(['user_ids'], {
      aliases: [],
      priority: [],
      identifiers: 'first',
      kinds: IDENTIFIER_KINDS,
    })
    const file = await parquetOf([['user_ids', 'varchar']], [['b'], ['c'], ['c'], ['b']])
    const found: unknown[] = []
    for (const operation of ['add', 'remove', 'mirror'] as const) {
      await roster.begin()
      await roster.take(createReadStream(file), { used, identifiers: 'first' }, never)
      found.push(await roster.compare(operation))
    }
    expect(found).toEqual([
      { distinct: 2, unchanged: 1, added: 1, removed: 0, affirmed: 0, members: 2, membersRemoved: 0 },
      { distinct: 2, unchanged: 0, added: 0, removed: 2, affirmed: 0, members: 2, membersRemoved: 1 },
      { distinct: 2, unchanged: 1, added: 1, removed: 1, affirmed: 0, members: 2, membersRemoved: 1 },
    ])
  })
})
