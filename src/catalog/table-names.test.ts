import { expect, test } from 'vitest'
import { eventTypes } from './catalog.ts'
import { derivedTable, tableOf } from './table-names.ts'

test.each([
  ['users.messages.email.Open', 'users_messages_email_open'],
  ['users.behaviors.Purchase', 'users_behaviors_purchase'],
  ['users.messages.pushnotification.IosForeground', 'users_messages_pushnotification_ios_foreground'],
  ['segment.track', 'segment_track'],
  ['1st type', '_1st_type'],
  ['x', 'x__'],
])('%s has the table %s', (type, table) => {
  expect(derivedTable(type)).toBe(table)
})

test('every type of the catalog has a table of its own', () => {
  const tables = eventTypes.map(({ name }) => derivedTable(name))
  expect(new Set(tables).size).toBe(tables.length)
  expect(tables.every((table) => /^[a-z_][a-z0-9_]{2,127}$/.test(table))).toBe(true)
})

test('a source may keep one table, and name some itself', () => {
  const rule = { table: 'events', multipleTables: true, tables: { 'users.messages.email.Open': 'opens' } }
  expect(tableOf('users.messages.email.Open', { ...rule, multipleTables: false })).toBe('events')
  expect(tableOf('users.messages.email.Open', rule)).toBe('opens')
  expect(tableOf('users.messages.email.Click', rule)).toBe('users_messages_email_click')
  expect(tableOf('', rule)).toBe('events')
  expect(tableOf('__proto__', rule)).toBe('__proto__')
})
