import { expect, test } from 'vitest'
import { ROW_HAS_EXTERNAL_ID } from '../log/frame.ts'
import { Selection } from './selection.ts'

const OPEN = 'users.messages.email.Open'
const CLICK = 'users.messages.email.Click'
const SESSION = 'users.behaviors.app.SessionStart'

test.each([
  { include: ['*'], exclude: [], flows: [OPEN, CLICK, SESSION, 'x.unknown', ''] },
  { include: [OPEN], exclude: [], flows: [OPEN] },
  { include: ['users.messages.email.*'], exclude: [], flows: [OPEN, CLICK] },
  { include: ['users.messages.email.*'], exclude: [CLICK], flows: [OPEN] },
  { include: ['channel:email'], exclude: [], flows: [OPEN, CLICK] },
  { include: ['category:customer_behavior'], exclude: [], flows: [SESSION, 'x.unknown', ''] },
  { include: [OPEN], exclude: ['*'], flows: [] },
])('include $include without $exclude', ({ include, exclude, flows }) => {
  const selection = new Selection({ selection: { include, exclude }, externalId: 'optional' })
  for (let again = 0; again < 2; again++) {
    expect([OPEN, CLICK, SESSION, 'x.unknown', ''].filter((type) => selection.selects(type))).toEqual(flows)
  }
})

test.each([
  { externalId: 'required', flags: 0, type: OPEN, reason: 'no_external_user_id' },
  { externalId: 'required', flags: ROW_HAS_EXTERNAL_ID, type: OPEN, reason: undefined },
  { externalId: 'optional', flags: 0, type: OPEN, reason: undefined },
  { externalId: 'required', flags: 0, type: CLICK, reason: 'type_not_selected' },
  { externalId: 'optional', flags: ROW_HAS_EXTERNAL_ID, type: CLICK, reason: 'type_not_selected' },
] as const)('$type with flags $flags where an external id is $externalId: $reason', (row) => {
  const selection = new Selection({ selection: { include: [OPEN], exclude: [] }, externalId: row.externalId })
  expect(selection.reasonAgainst(row.type, row.flags)).toBe(row.reason)
})

test('a flood of invented types is judged right and not remembered without bound', () => {
  const selection = new Selection({
    selection: { include: ['kept.*'], exclude: [] },
    externalId: 'optional',
  })
  for (let i = 0; i < 25_000; i++)
    expect(selection.selects(`${i % 2 ? 'kept' : 'other'}.${i}`)).toBe(i % 2 === 1)
})
