/**
 * The contract of a destination that keeps events as rows of a table, run on every one of them against a real server: an event is the same
 * row wherever it lands, and each row is there once.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/catalog/catalog.ts'
import { type ColumnType, EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import type { EventBatch } from '../../src/core/batch.ts'
import { parseExact } from '../../src/core/kernel/project.ts'
import { seededRandom } from '../../src/core/random.ts'
import { rowPreview, type SourceLabels } from '../../src/destinations/event-rows.ts'
import { OPEN_EVENT } from '../../src/destinations/rehearsal.fixture.ts'
import { sample } from '../../src/sandbox/simulator/samples.ts'
import { batchAt, range } from '../../src/warehouse/exchange.fixture.ts'

export const SOURCES: SourceLabels = new Map([[1, { name: 'web', place: undefined }]])

/** The cells of a row that are not empty, by column, as texts: see cellText. */
export type TextRow = Readonly<Record<string, string>>

export interface EventTable {
  /** 'delivered', or the kind of the fault. Every test uses another table. */
  write(table: string, batch: EventBatch): Promise<string>
  /** Ordered by current and offset. */
  rows(table: string): Promise<readonly TextRow[]>
  close(): Promise<void>
}

export interface Differences {
  /** The row that this database has for the row that all others have. */
  readonly stored?: (row: TextRow) => TextRow
  /** Events, by their case below, that it keeps in another way: the row is there, its cells are told elsewhere. */
  readonly unlike?: readonly string[]
}

export function describeEventTable(
  name: string,
  open: () => Promise<EventTable>,
  { stored = (row) => row, unlike = [] }: Differences = {},
): void {
  describe(name, () => {
    let table: EventTable
    let tables = 0
    const fresh = (): string => `events_${tables++}`

    beforeAll(async () => {
      table = await open()
    })
    afterAll(() => table.close())

    const wanted = (batch: EventBatch): TextRow[] =>
      range(0, batch.count - 1).map((i) => canonical(stored(rowPreview(batch, i, SOURCES))))

    const expectStored = async (batch: EventBatch): Promise<void> => {
      const place = fresh()
      expect(await table.write(place, batch)).toBe('delivered')
      expect((await table.rows(place)).map(canonical)).toEqual(wanted(batch))
    }

    it('keeps an event of every type of the catalog, with every property', async () => {
      const random = seededRandom(7)
      const events = eventTypes.map(({ name: type }) => sample(type, { random, nowSeconds: 1_780_000_000.5 }))
      await expectStored(batchAt(range(0, events.length - 1), (offset) => events[offset] ?? {}))
    })

    it.each<[string, object | string]>([
      ['nothing but an object', {}],
      [
        'unknown type and fields',
        { event_type: 'a.b', x: [1], user: { y: 2 }, properties: { z: 'é\u{1f600}', w: 1.5 } },
      ],
      [
        'values that do not fit',
        { id: {}, time: 'soon', user: 5, properties: { is_drop: 'no', attempt_count: 1.5 } },
      ],
      [
        'NUL and half pairs',
        { id: 'a\0b', properties: { campaign_name: 'x\ud83d', deep: { 'k\0': '\udc00' } } },
      ],
      [
        'separators and quotes',
        { id: '\t\n\r\\N\\"\'`', properties: { campaign_name: '\\t', 'a"b': '\u2028' } },
      ],
      [
        'numbers of every size',
        '{"properties":{"attempt_count":9223372036854775807,"n":12345678901234567890,"e":1e400,"tiny":1e-320,"zero":-0,"third":0.3333333333333333}}',
      ],
      ['a flat row', { id: 'e', time: 1_780_000_000, campaign_name: 'x', more: 1 }],
      ['a time with a fraction', { user: null, time: 1780000000.123456 }],
      ['a time long ago', { user: null, time: -2_000_000_000 }],
      ['a time far ahead', { user: null, time: 200_000_000_000 }],
      ['a time as text', { user: null, time: '2026-01-02T03:04:05.678+02:00' }],
    ])('keeps %s', async (what, event) => {
      if (!unlike.includes(what)) return expectStored(batchAt([3], () => event))
      const place = fresh()
      expect(
        await table.write(
          place,
          batchAt([3], () => event),
        ),
      ).toBe('delivered')
      expect((await table.rows(place)).map(({ _offset }) => _offset)).toEqual(['3'])
    })

    it('keeps an event of 10 MB', async () => {
      const place = fresh()
      const blob = `é"${'é'.repeat(5_000_000)}`
      expect(
        await table.write(
          place,
          batchAt([1], () => ({ ...OPEN_EVENT, properties: { campaign_name: blob } })),
        ),
      ).toBe('delivered')
      const [row] = await table.rows(place)
      expect(row?.campaign_name === blob, 'the text is as it was').toBe(true)
    })

    const numbered = (offset: number): object => ({
      ...OPEN_EVENT,
      id: `e${offset}`,
      time: 1_780_000_000 + offset * 40_000,
    })
    const idsIn = async (place: string): Promise<(string | undefined)[]> =>
      (await table.rows(place)).map(({ id }) => id)

    it('has each row once, in whatever batches it comes', async () => {
      const place = fresh()
      for (const offsets of [range(0, 9), range(5, 14), [3, 17, 19], range(15, 20), range(0, 20), [20]]) {
        expect(await table.write(place, batchAt(offsets, numbered))).toBe('delivered')
      }
      expect(await idsIn(place)).toEqual(range(0, 20).map((offset) => `e${offset}`))
    })

    it('has the rows of each current', async () => {
      const place = fresh()
      for (const current of ['one', 'two', 'one']) {
        expect(await table.write(place, batchAt([1, 2], numbered, current))).toBe('delivered')
      }
      expect(await idsIn(place)).toEqual(['e1', 'e2', 'e1', 'e2'])
    })
  })
}

const TYPES: ReadonlyMap<string, ColumnType> = new Map(EVENT_COLUMNS.map(({ name, type }) => [name, type]))

/** Databases write the same JSON and the same number in more than one way. */
function canonical(row: TextRow): TextRow {
  return Object.fromEntries(
    Object.entries(row)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, cell]) => [name, canonicalCell(name, cell)]),
  )
}

function canonicalCell(name: string, cell: string): string {
  const type = TYPES.get(name)
  if (type === 'json' || (type === undefined && /^[[{]/.test(cell)))
    return JSON.stringify(sorted(parseExact(cell)))
  return type === 'double' || (type === undefined && NUMBER.test(cell)) ? decimal(cell) : cell
}

const rawJson = JSON as unknown as { isRawJSON(value: unknown): value is { rawJSON: string } }

/** Members by name, numbers in one form. */
function sorted(value: unknown): unknown {
  if (typeof value === 'number') return `number ${decimal(String(value))}`
  if (rawJson.isRawJSON(value)) return `number ${decimal(value.rawJSON)}`
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted((value as Record<string, unknown>)[key])]),
  )
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** Digits without zeros around them, and the power of ten of the last. */
function decimal(number: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] = NUMBER.exec(number) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const kept = digits.replace(/0+$/, '')
  if (kept === '') return '0'
  return `${sign}${kept}e${Number(power) - fraction.length + digits.length - kept.length}`
}
