import { describe, expect, it } from 'vitest'
import { eventTypes } from './catalog.ts'
import {
  COLUMN_NAME_CHARS_MAX,
  type ColumnType,
  columnTypeOfValue,
  EVENT_COLUMNS,
  propertyColumnName,
} from './columns.ts'

const byName = new Map(EVENT_COLUMNS.map((column) => [column.name, column]))

describe('the columns of events', () => {
  it('have names of their own that every engine takes', () => {
    expect(byName.size).toBe(EVENT_COLUMNS.length)
    for (const { name } of EVENT_COLUMNS) {
      expect(name).toMatch(/^[a-z_][a-z0-9_]*$/)
      expect(name.length).toBeLessThanOrEqual(COLUMN_NAME_CHARS_MAX)
    }
  })

  it('hold every property and every member of user in the catalog', () => {
    const members = new Set(EVENT_COLUMNS.map(({ origin, member }) => `${origin} ${member}`))
    for (const type of eventTypes) {
      for (const { name } of type.fields) expect(members).toContain(`property ${name}`)
      for (const { name } of type.userFields) expect(members).toContain(`user ${name}`)
    }
  })

  it.each<[string, ColumnType]>([
    ['id', 'text'],
    ['time', 'timestamp'],
    ['attempt_count', 'bigint'],
    ['time_ms', 'bigint'],
    ['price', 'double'],
    ['duration', 'double'],
    ['is_amp', 'boolean'],
    ['machine_open', 'text'],
    ['media_urls', 'json'],
    ['custom_properties', 'json'],
    ['property_properties', 'text'],
    ['properties', 'json'],
    ['_offset', 'bigint'],
    ['_received_at', 'timestamp'],
  ])('%s is %s', (name, type) => {
    expect(byName.get(name)?.type).toBe(type)
  })
})

describe('names', () => {
  it.each([
    ['plan', 'plan'],
    ['Plan Name', 'plan_name'],
    ['größe', 'gr__e'],
    ['2nd', 'property_2nd'],
    ['_offset', 'property__offset'],
    ['time', 'property_time'],
    ['Properties', 'property_properties'],
    ['', 'property_'],
    ['x'.repeat(200), 'x'.repeat(63)],
    ['"; drop table events; --', 'property____drop_table_events____'],
  ])('of the property %j is %s', (property, name) => {
    expect(propertyColumnName(property)).toBe(name)
  })
})

describe('the type of a first value', () => {
  it.each<[unknown, ColumnType | undefined]>([
    ['a', 'text'],
    [true, 'boolean'],
    [5, 'bigint'],
    [5.5, 'double'],
    [1e300, 'double'],
    [2n ** 62n, 'bigint'],
    [2n ** 64n, 'text'],
    [[1], 'json'],
    [{ a: 1 }, 'json'],
    [null, undefined],
  ])('%s → %s', (value, type) => {
    expect(columnTypeOfValue(value)).toBe(type)
  })
})
