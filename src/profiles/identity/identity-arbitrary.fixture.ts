/** Records of a small crowd at random, for properties: identifiers collide, moments are out of order, values meet. */

import fc from 'fast-check'
import type { MappedRecord } from '../record.ts'
import type { Value } from '../values.ts'
import { DAY_MS, START_MS } from './identity.fixture.ts'

export const SEED = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
console.info(`identity: THALWEG_TEST_SEED=${SEED}`)

const FIELDS = ['user', 'email', 'phone', 'cookie'] as const

function textOf(field: (typeof FIELDS)[number], n: number): string {
  if (field === 'email') return `p${n}@x.io`
  if (field === 'phone') return `+4915112345${600 + n}`
  return `${field}${n}`
}

const identifier = fc
  .tuple(fc.constantFrom(...FIELDS), fc.nat(7))
  .map(([field, n]) => ({ field, value: textOf(field, n) }))

const values: fc.Arbitrary<ReadonlyMap<string, Value>> = fc
  .record(
    {
      city: fc.constantFrom('Ulm', 'Bonn', 'Köln', 'Łódź'),
      visits: fc.nat(3),
      tags: fc.array(fc.constantFrom('a', 'b', 'c', '7', '__proto__'), { minLength: 1, maxLength: 3 }),
      events: fc.dictionary(fc.constantFrom('open', 'click', '12'), moments(), { minKeys: 1 }),
    },
    { requiredKeys: [] },
  )
  .map((one) => new Map<string, Value>(Object.entries(one)))

function moments(): fc.Arbitrary<number[]> {
  return fc.array(
    fc.nat(400).map((day) => START_MS + day * DAY_MS),
    { minLength: 1, maxLength: 3 },
  )
}

/** Fields beside identifiers, city and visits that `values` names. */
export const EXTRA_FIELDS = [
  { name: 'tags', type: '[]string' },
  { name: 'events', type: 'map[string][]time' },
] as const

export function records(max: number): fc.Arbitrary<MappedRecord[]> {
  const record = fc.record({
    stream: fc.constantFrom('web', 'shop'),
    at: fc.nat(400).map((day) => START_MS + day * DAY_MS),
    joins: fc.nat(9).map((n) => n > 0),
    identifiers: fc.array(identifier, { minLength: 1, maxLength: 4 }),
    values,
  })
  return fc
    .array(record, { minLength: 1, maxLength: max })
    .map((all) => all.map((one, offset) => ({ ...one, offset })))
}
