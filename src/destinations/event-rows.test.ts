import { describe, expect, it } from 'vitest'
import { DISCOVERED_COLUMNS_MAX, EVENT_COLUMNS } from '../catalog/columns.ts'
import { CATALOG_COLUMNS, EventRows, rowPreview, TableColumns } from './event-rows.ts'
import { batchOf, OPEN_EVENT } from './rehearsal.fixture.ts'

const SOURCES = new Map([[1, { name: 'web', place: undefined }]])
const RECORD = {
  _offset: '1000',
  _received_at: '2026-01-02T03:04:05.000000Z',
  _source: 'web',
  _current: 'c0ffee',
}

const previewOf = (event: object | string) => rowPreview(batchOf([event]), 0, SOURCES)

describe('a row', () => {
  it('has a cell for each member', () => {
    expect(previewOf(OPEN_EVENT)).toEqual({
      id: OPEN_EVENT.id,
      event_type: OPEN_EVENT.event_type,
      time: '2016-10-26T17:26:23.000000Z',
      user_id: OPEN_EVENT.user.user_id,
      external_user_id: 'u1',
      device_id: OPEN_EVENT.user.device_id,
      timezone: 'America/Chicago',
      ...OPEN_EVENT.properties,
      properties: JSON.stringify(OPEN_EVENT.properties),
      ...RECORD,
    })
  })

  it.each<[string, string, Record<string, string>]>([
    ['nothing', '{}', { properties: '{}' }],
    [
      'a flat row',
      '{"id":"e","time":5,"campaign_id":7,"x":1,"user_id":{"a":1}}',
      {
        id: 'e',
        time: '1970-01-01T00:00:05.000000Z',
        campaign_id: '7',
        x: '1',
        property_user_id: '{"a":1}',
        properties: '{"id":"e","time":5,"campaign_id":7,"x":1,"user_id":{"a":1}}',
      },
    ],
    ['nulls', '{"id":null,"user":null,"properties":null}', {}],
    ['a time in words', '{"user":{},"time":"soon"}', { extra: '{"time":"soon"}' }],
    ['an id that is no text', '{"user":{},"id":{"a":1}}', { extra: '{"id":{"a":1}}' }],
    ['a user that is none', '{"user":"me"}', { extra: '{"user":"me"}' }],
    [
      'members of the user',
      '{"user":{"user_id":"u","x":[1]}}',
      { user_id: 'u', extra: '{"user":{"x":[1]}}' },
    ],
    ['members of the event', '{"user":null,"x":1,"y":null}', { extra: '{"x":1}' }],
    ['properties that are none', '{"properties":[1]}', { properties: '[1]' }],
    ['a name with capitals', '{"properties":{"Foo Bar":1}}', { foo_bar: '1', properties: '{"Foo Bar":1}' }],
    [
      'two names for one column',
      '{"properties":{"a b":1,"a_b":2}}',
      { a_b: '1', properties: '{"a b":1,"a_b":2}' },
    ],
    ['a name of the event', '{"properties":{"id":7}}', { property_id: '7', properties: '{"id":7}' }],
    [
      'a name of ours',
      '{"properties":{"_offset":7}}',
      { property__offset: '7', properties: '{"_offset":7}' },
    ],
    [
      'a name that is almost one of the catalog',
      '{"properties":{"Campaign_Id":"x"}}',
      { properties: '{"Campaign_Id":"x"}' },
    ],
    [
      '__proto__',
      '{"__proto__":1,"user":{"__proto__":2}}',
      { extra: '{"__proto__":1,"user":{"__proto__":2}}' },
    ],
    [
      'long numbers',
      '{"properties":{"n":12345678901234567890,"m":1e400,"k":9007199254740993}}',
      {
        n: '12345678901234567890',
        k: '9007199254740993',
        properties: '{"n":12345678901234567890,"m":1e400,"k":9007199254740993}',
      },
    ],
  ])('of %s', (_what, event, cells) => {
    expect(previewOf(event)).toEqual({ ...cells, ...RECORD })
  })

  it('keeps in extra what its table has no cell for', () => {
    const rows = new EventRows(batchOf([{ id: 'e', time: 5, user: { user_id: 'u' } }]), SOURCES)
    const columns = new TableColumns([
      { name: 'time', type: 'boolean' },
      { name: 'extra', type: 'json' },
    ])
    expect(rows.row(0, columns)).toEqual([undefined, '{"id":"e","time":5,"user":{"user_id":"u"}}'])
  })

  it('does not depend on the other rows', () => {
    const events = [{ properties: { score: 'high' } }, { properties: { score: 5 } }]
    const alone = new EventRows(batchOf(events.slice(1)), SOURCES)
    const together = new EventRows(batchOf(events), SOURCES)
    const columns = new TableColumns([{ name: 'score', type: 'bigint' }])
    expect(together.row(1, columns)).toEqual(alone.row(0, columns))
  })
})

describe('the columns', () => {
  it('are those of the event, and of its properties that have a value', () => {
    const events = [{ properties: { score: null, later: 1 } }, { properties: { score: 1.5, campaign_id: 7 } }]
    const names = new EventRows(batchOf(events), SOURCES).columns()
    const fixed = EVENT_COLUMNS.filter(({ origin }) => origin !== 'property').map(({ name, type }) => ({
      name,
      type,
    }))
    expect(names).toEqual([
      ...fixed,
      { name: 'later', type: 'bigint' },
      { name: 'score', type: 'double' },
      { name: 'campaign_id', type: 'text' },
    ])
  })

  it('that the catalog lacks are bounded', () => {
    const members = Array.from({ length: DISCOVERED_COLUMNS_MAX + 5 }, (_, n) => [`made_up_${n}`, n])
    const properties = { ...Object.fromEntries(members), campaign_id: 'last' }
    const names = new EventRows(batchOf([{ properties }]), SOURCES).columns().map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('made_up_'))).toHaveLength(DISCOVERED_COLUMNS_MAX)
    expect(names).toContain('campaign_id')
  })

  it('of the catalog are all there', () => {
    expect(CATALOG_COLUMNS.all.map(({ name }) => name)).toEqual(EVENT_COLUMNS.map(({ name }) => name))
  })
})
