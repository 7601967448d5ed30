import { describe, expect, it } from 'vitest'
import { IDENTIFIER_KINDS } from '../core/membership.ts'
import { type AliasColumn, type ColumnRules, IDENTIFIER_BYTES_MAX, planColumns } from './columns.ts'

const alias = (column: string, label = column): AliasColumn => ({ label, column })
const rules = (more: Partial<ColumnRules> = {}): ColumnRules => ({
  aliases: [],
  priority: [],
  identifiers: 'first',
  kinds: IDENTIFIER_KINDS,
  ...more,
})
const EMAIL = rules({ aliases: [alias('email')] })

/** The example table of the page, one row. */
const PAGE = { external_id: 'TDCohort1', email: 'one@example.com', device_ids: '1a2b3c' }

describe('the worked examples of the page', () => {
  const cases: [string, readonly string[], ColumnRules, readonly unknown[], unknown][] = [
    [
      'external ids',
      ['user_ids'],
      rules(),
      [PAGE.external_id],
      { kind: 'external_id', label: '', value: 'TDCohort1' },
    ],
    ['aliases', ['email'], EMAIL, [PAGE.email], { kind: 'alias', label: 'email', value: 'one@example.com' }],
    [
      'device ids',
      ['device_ids'],
      rules(),
      [PAGE.device_ids],
      { kind: 'device_id', label: '', value: '1a2b3c' },
    ],
  ]
  it.each(cases)('%s', (_what, columns, given, row, who) => {
    const plan = planColumns(columns, given)
    expect([plan.read(row), plan.notices]).toEqual([{ who: [who] }, []])
  })
})

describe('columns', () => {
  const refused: [string, readonly string[], ColumnRules, RegExp][] = [
    ['misspelt user_ids', ['user_id'], rules(), /did you mean user_ids/],
    ['the column under its own name', ['external_id'], rules(), /"external_id as user_ids"/],
    ['misspelt device_ids', ['device_id'], rules(), /did you mean device_ids/],
    ['another case', ['USER_IDS'], rules(), /did you mean user_ids/],
    ['none at all', [], rules(), /has none/],
    [
      'devices where they find nobody',
      ['device_ids'],
      rules({ kinds: ['external_id', 'alias'] }),
      /cannot find people by device/,
    ],
    ['an alias column that nobody named', ['email'], rules(), /No column of the result says who is meant/],
    [
      'an alias that the result lacks, and nothing else',
      ['mail'],
      EMAIL,
      /it needs one of user_ids, device_ids, email, and has mail/,
    ],
    ['a name twice', ['user_ids', 'user_ids'], rules(), /two columns named user_ids/],
  ]
  it.each(refused)('refuses %s', (_what, columns, given, message) => {
    expect(() => planColumns(columns, given)).toThrow(message)
    expect(() => planColumns(columns, given)).toThrow(expect.objectContaining({ code: 'ACTIVATION_COLUMNS' }))
  })

  it('ignores others, with a notice, and a misspelt one beside a good one, with a hint', () => {
    const plan = planColumns(['name', 'user_ids', 'device_id'], rules())
    expect(plan.used.map(({ name }) => name)).toEqual(['user_ids'])
    expect(plan.notices).toEqual([
      'Column name is ignored.',
      'Column device_id is ignored: did you mean device_ids? Write "device_id as device_ids".',
    ])
  })

  it('an alias may have another label, and a column several', () => {
    const plan = planColumns(
      ['mail'],
      rules({ aliases: [alias('mail', 'email'), alias('mail', 'crm')], identifiers: 'all' }),
    )
    expect(plan.read(['a@x.io'])).toEqual({
      who: [
        { kind: 'alias', label: 'email', value: 'a@x.io' },
        { kind: 'alias', label: 'crm', value: 'a@x.io' },
      ],
    })
  })
})

describe('rows', () => {
  const ALL = ['device_ids', 'email', 'user_ids']
  const kinds = (row: readonly unknown[], more: Partial<ColumnRules> = {}) => {
    const read = planColumns(ALL, { ...EMAIL, ...more }).read(row)
    return 'who' in read ? read.who.map(({ kind }) => kind) : read.invalid
  }
  const cases: [string, readonly unknown[], Partial<ColumnRules>, unknown][] = [
    ['the external id before others', ['d', 'a', 'u'], {}, ['external_id']],
    ['then the alias', ['d', 'a', null], {}, ['alias']],
    ['then the device', ['d', ' ', null], {}, ['device_id']],
    ['another order', ['d', 'a', 'u'], { priority: ['device_id'] }, ['device_id']],
    ['all of them', ['d', 'a', 'u'], { identifiers: 'all' }, ['external_id', 'alias', 'device_id']],
    ['all that are there', [null, 'a', ''], { identifiers: 'all' }, ['alias']],
    ['nobody', [null, '', ' '], {}, 'blank'],
    ['a number is no text', [null, null, 5], {}, 'not_text'],
    ['a boolean is no text', [null, true, ''], {}, 'not_text'],
    ['too long', [null, null, 'x'.repeat(IDENTIFIER_BYTES_MAX + 1)], {}, 'too_long'],
    ['bytes count, not characters', [null, null, 'é'.repeat(IDENTIFIER_BYTES_MAX / 2 + 1)], {}, 'too_long'],
    ['just not too long', [null, null, 'x'.repeat(IDENTIFIER_BYTES_MAX)], {}, ['external_id']],
    ['a bad one beside a good one', ['d', null, 5], {}, ['device_id']],
  ]
  it.each(cases)('%s', (_what, row, more, expected) => expect(kinds(row, more)).toEqual(expected))
})
