/** Every catalog type and 200 invented ones pass through to Treasure Data unchanged. */

import { expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { httpTypeNames, sample, unknownSample } from '../../src/sandbox/simulator/samples.ts'
import { columnsOf } from '../../src/sandbox/treasure-data-rows.ts'
import { startStack, treasureDataPostback, treasureDataRecords } from '../support/stack.ts'

const UNKNOWN_TYPES = 200
const NOW_SECONDS = 1_780_000_000
/** Numbers that JSON.parse would not give back as they came. */
const ODD_NUMBERS =
  '{"event_type":"users.odd.Numbers","id":"odd-1","time":1780000000,"user":{"external_user_id":"u"},"properties":{"n":12345678901234567890,"e":1.10,"x":1E2}}'

test.each([
  { form: 'postback', destination: treasureDataPostback },
  { form: 'records', destination: treasureDataRecords },
])(
  '$form form: every event arrives with the same JSON value, none lost, none refused',
  async ({ form, destination }) => {
    const seed = 20_261_123
    const stack = await startStack()
    const current = await stack.launch('td', destination(stack.sandbox), { externalId: 'optional' })
    const random = seededRandom(seed)
    const events = [
      ...httpTypeNames({ includeRetired: true }).map((type) =>
        sample(type, { random, nowSeconds: NOW_SECONDS }),
      ),
      ...Array.from({ length: UNKNOWN_TYPES }, (_, i) => unknownSample(i, { nowSeconds: NOW_SECONDS })),
    ].map((event) => JSON.stringify(event))
    events.push(ODD_NUMBERS)
    expect(events.length).toBe(93 + UNKNOWN_TYPES + 1)

    for (let at = 0; at < events.length; at += 50) {
      const answer = await stack.post(`{"events":[${events.slice(at, at + 50).join(',')}]}`)
      expect(answer).toEqual({ accepted: Math.min(50, events.length - at), duplicates: 0, quarantined: 0 })
    }
    await stack.settled()

    const arrived = new Map(
      stack.sandbox.treasureData.vendor.rows().flatMap((row) => {
        const texts = form === 'postback' ? arrayTexts(String(columnsOf(row).events)) : [row.bytes.toString()]
        return texts.map((text) => [JSON.parse(text).id as string, text] as const)
      }),
    )
    expect(arrived.size).toBe(events.length)
    for (const text of events) {
      const twin = arrived.get(JSON.parse(text).id)
      expect(twin === undefined ? undefined : JSON.parse(twin)).toEqual(JSON.parse(text))
    }
    expect(arrived.get('odd-1')).toBe(ODD_NUMBERS)
    const books = await stack.hub.delivery.checkBooks(current.number)
    expect(books).toMatchObject({
      accepted: events.length,
      delivered: events.length,
      filtered: 0,
      dead: 0,
      pending: 0,
      balanced: true,
    })
  },
)

/** The elements of a JSON array as they are written. */
function arrayTexts(text: string): string[] {
  const inner = text.trim().slice(1, -1)
  const texts: string[] = []
  let depth = 0
  let inString = false
  let start = 0
  for (let i = 0; i < inner.length; i++) {
    const c = inner[i]
    if (inString) {
      if (c === '\\') i++
      else if (c === '"') inString = false
    } else if (c === '"') inString = true
    else if (c === '{' || c === '[') depth++
    else if (c === '}' || c === ']') depth--
    else if (c === ',' && depth === 0) {
      texts.push(inner.slice(start, i))
      start = i + 1
    }
  }
  texts.push(inner.slice(start))
  return texts
}
