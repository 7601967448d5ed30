/** Every type that storage connectors write, through a file and over HTTP: the same event but for what docs/sources.md lists. */

import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { storageFile, storageSamples } from '../../sandbox/storage/storage.ts'
import { readBytes } from './reading.fixture.ts'

const NOW = 1_780_000_000
const SAMPLES = storageSamples(seededRandom(11), NOW)

type Members = Record<string, unknown>

/** Properties under HTTP's name that a file has under another: they are no difference. */
const RENAMED = new Set(['properties', 'custom_properties', 'purchase_properties'])
const VARIATION = ['canvas_step_message_variation_id', 'canvas_step_message_variation_api_id'] as const

test('there is a sample of each type that storage connectors write', () => {
  expect(SAMPLES).toHaveLength(94)
})

describe.each(SAMPLES.map((sample) => [sample.type.name, sample] as const))(
  '%s',
  (_, { type, event, record }) => {
    test('is the same event from a file', async () => {
      const back = await readBytes(storageFile(type, [record]))
      expect(back.notes).toEqual([])
      const [read] = back.events as [{ user: Members; properties: Members }]
      expect(read).toEqual({
        event_type: event.event_type,
        id: event.id,
        time: event.time,
        user: expectedUser(),
        properties: expectedProperties(),
      })
    })

    /** Without what storage schemas lack, such as the device of an email. */
    function expectedUser(): Members {
      const kept = type.userFields.filter((field) => field.inStorage).map((field) => field.name)
      return Object.fromEntries(Object.entries(event.user).filter(([name]) => kept.includes(name)))
    }

    /** Without what only HTTP has, with what only storage has, and with singles for floats. */
    function expectedProperties(): Members {
      const expected: Members = {}
      for (const field of type.fields) {
        if (RENAMED.has(field.name)) continue
        const value = field.inHttp ? event.properties[field.name] : record[field.name]
        if (!field.inStorage || value === undefined || value === null) continue
        expected[field.name] = field.type === 'float' ? nearestSingle(value as number) : value
      }
      for (const name of ['custom_properties', 'purchase_properties'])
        if (event.properties[name] !== undefined) expected[name] = event.properties[name]
      // Only banners have the variation over HTTP, under a name of its own.
      const [stored, http] = VARIATION
      if (event.properties[http] !== undefined) {
        delete expected[stored]
        expected[http] = event.properties[http]
      }
      if (!type.inHttp && 'properties' in record) expected.properties = record.properties
      return expected
    }
  },
)

/** The decimal of fewest digits that is the same single. */
function nearestSingle(double: number): number {
  const value = Math.fround(double)
  for (let digits = 1; digits < 10; digits++) {
    const decimal = Number(value.toPrecision(digits))
    if (Math.fround(decimal) === value) return decimal
  }
  return Number(value.toPrecision(9))
}
