/**
 * Crowds whose persons are known, each lying about its identifiers in one way. Records come in the order of their moments;
 * fields are those of the identity fixture (user > email > phone > cookie).
 */

import { type Random, seededRandom } from '../../src/core/random.ts'
import { DAY_MS, identifiersOf, START_MS } from '../../src/profiles/identity/identity.fixture.ts'
import type { MappedRecord } from '../../src/profiles/record.ts'

export interface Labelled {
  /** Who it truly is of. */
  readonly person: string
  readonly record: MappedRecord
}

/** A record before it has its place: person, day, what it carries. */
type Said = [person: string, day: number, carried: string]

function labelled(said: readonly Said[]): Labelled[] {
  return said
    .toSorted((a, b) => a[1] - b[1])
    .map(([person, day, carried], offset) => ({
      person,
      record: {
        stream: 'crowd',
        at: START_MS + Math.round(day * DAY_MS),
        offset,
        joins: true,
        identifiers: identifiersOf(carried),
        values: new Map(),
      },
    }))
}

const times = <T>(count: number, one: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i))
const phoneOf = (i: number): string => `+49151${String(20_000_000 + i * 37)}`

/** One tablet in a shop: 200 customers sign in on it; each has a telephone of their own. In between, it is nobody's. */
function sharedTablet(): Labelled[] {
  return labelled([
    ...times(200, (i): Said[] => [
      [`p${i}`, i / 20, `email:p${i}@x.io cookie:tablet`],
      [`p${i}`, i / 20 + 5, `email:p${i}@x.io cookie:own${i}`],
      [`p${i}`, i / 20 + 6, `cookie:own${i}`],
    ]).flat(),
    ...times(40, (i): Said => ['tablet', i / 4 + 0.01, 'cookie:tablet']),
  ])
}

/** Four of a family, with accounts of their own, under one address; the newsletter knows the address only. */
function familyAddress(): Labelled[] {
  return labelled(
    times(50, (family): Said[] =>
      times(4, (i): Said[] => [
        [`f${family}.${i}`, family + i / 9, `user:f${family}.${i} email:f${family}@x.io`],
        [`f${family}.${i}`, family + 1, `user:f${family}.${i} cookie:f${family}.${i}`],
        [`f${family}.${i}`, family + 2, `cookie:f${family}.${i}`],
      ])
        .flat()
        .concat([[`f${family}.0`, family + 3, `email:f${family}@x.io`]]),
    ).flat(),
  )
}

/** A number that is given to somebody else after more than a year. */
function recycledPhone(): Labelled[] {
  return labelled(
    times(100, (i): Said[] => [
      [`old${i}`, i, `user:old${i} phone:${phoneOf(i)}`],
      [`old${i}`, i + 30, `phone:${phoneOf(i)}`],
      [`new${i}`, i + 500, `user:new${i} phone:${phoneOf(i)}`],
      [`new${i}`, i + 510, `phone:${phoneOf(i)}`],
      [`old${i}`, i + 520, `user:old${i}`],
    ]).flat(),
  )
}

/** What testers, forms and exports write where they know nothing. */
function testConstants(random: Random): Labelled[] {
  const addresses = ['test@test.com', 'null', '[REDACTED]', 'noreply@x.io', 'asdf@asdf.com', '']
  const cookies = ['0000', 'undefined', 'anonymous', '00000000-0000-0000-0000-000000000000', '-1']
  const phones = ['0000000000', '+1 555 555 5555', '1234567890', 'n/a']
  const some = (from: readonly string[]): string =>
    (from[Math.floor(random() * from.length)] ?? '').replace(/ /g, '')
  return labelled(
    times(300, (i): Said[] => [
      [`p${i}`, i / 9, `user:p${i} email:${some(addresses)} phone:${some(phones)} cookie:${some(cookies)}`],
      [`p${i}`, i / 9 + 1, `user:p${i} email:p${i}@x.io cookie:${some(cookies)}`],
      [`p${i}`, i / 9 + 2, `email:p${i}@x.io phone:${some(phones)}`],
    ]).flat(),
  )
}

/** One address in several hands' writing; and, for every fifth, a second one with a plus, on the same device. */
function addressVariants(): Labelled[] {
  return labelled(
    times(100, (i): Said[] => [
      [`p${i}`, 1, `email:p${i}@x.io`],
      [`p${i}`, 2, `email:P${i}@X.io cookie:c${i}`],
      [`p${i}`, 3, `email:p${i}@X.IO`],
      [`p${i}`, 4, i % 5 === 0 ? `email:p${i}+shop@x.io cookie:c${i}` : `cookie:c${i}`],
    ]).flat(),
  )
}

/** A new address under the same account; one message to the old one is still answered. */
function changedAddress(): Labelled[] {
  return labelled(
    times(100, (i): Said[] => [
      [`p${i}`, 1, `user:p${i} email:old${i}@x.io cookie:c${i}`],
      [`p${i}`, 2, `email:old${i}@x.io`],
      [`p${i}`, 3, `email:new${i}@x.io cookie:d${i}`],
      [`p${i}`, 4, `user:p${i} email:new${i}@x.io`],
      [`p${i}`, 5, `email:new${i}@x.io cookie:c${i}`],
      [`p${i}`, 6, `cookie:d${i}`],
      [`p${i}`, 7, `email:old${i}@x.io`],
    ]).flat(),
  )
}

/** A browser that forgets its cookie every day: 120 of them. */
function cookieChurn(): Labelled[] {
  return labelled(
    times(10, (i): Said[] =>
      times(120, (n): Said[] => [
        [`p${i}`, n, `cookie:c${i}.${n}`],
        [`p${i}`, n + 0.3, `user:p${i} cookie:c${i}.${n}`],
        [`p${i}`, n + 0.6, `cookie:c${i}.${n}`],
      ]).flat(),
    ).flat(),
  )
}

/** A broken import writes two accounts into one record. */
function twoAccounts(): Labelled[] {
  return labelled(
    times(100, (i): Said[] => [
      [`p${i}`, 1, `user:p${i} email:p${i}@x.io`],
      [`p${i}`, 2, `user:p${i} user:p${(i + 1) % 100} email:p${i}@x.io`],
      [`p${i}`, 3, `user:p${i} user:p${(i + 7) % 100}`],
    ]).flat(),
  )
}

/** Browsers that are joined pair by pair, backwards: chains of merges. */
function mergeChains(): Labelled[] {
  return labelled(
    times(30, (i): Said[] => [
      ...times(8, (n): Said => [`p${i}`, n, `cookie:c${i}.${n}`]),
      ...times(7, (n): Said => [`p${i}`, 20 - n, `cookie:c${i}.${n} cookie:c${i}.${n + 1}`]),
      [`p${i}`, 30, `user:p${i} cookie:c${i}.4`],
      ...times(8, (n): Said => [`p${i}`, 31 + n, `cookie:c${i}.${n}`]),
    ]).flat(),
  )
}

/** Customers as they come: anonymous, then signed in, on one to three devices, some sharing one. */
function household(random: Random): Labelled[] {
  return labelled(
    times(200, (i): Said[] => {
      const devices = times(1 + Math.floor(random() * 3), (n) => `c${i}.${n}`)
      if (i % 10 === 1) devices.push(`c${i - 1}.0`)
      return devices.flatMap((device, n): Said[] => [
        // Before anybody signed in on a device, nobody can know.
        ...(device.startsWith(`c${i}.`) ? [[`p${i}`, n, `cookie:${device}`] satisfies Said] : []),
        [`p${i}`, 5 + n + random(), `email:p${i}@x.io cookie:${device}`],
        [`p${i}`, 9 + n + random(), `user:p${i} email:p${i}@x.io`],
        [`p${i}`, 14 + n + random(), `user:p${i} cookie:${device}`],
      ])
    }).flat(),
  )
}

/** Records arrive in the order in which each was held up. */
export function reordered(records: readonly Labelled[], random: Random, daysMax: number): Labelled[] {
  return records
    .map((one): [number, Labelled] => [one.record.at + random() * daysMax * DAY_MS, one])
    .sort((a, b) => a[0] - b[0])
    .map(([, one]) => one)
}

export function crowds(seed: number): Readonly<Record<string, readonly Labelled[]>> {
  const random = seededRandom(seed)
  const usual = household(random)
  return {
    'shared tablet': sharedTablet(),
    'family address': familyAddress(),
    'recycled phone': recycledPhone(),
    'test constants': testConstants(random),
    'address variants': addressVariants(),
    'changed address': changedAddress(),
    'cookie churn': cookieChurn(),
    'two accounts on a record': twoAccounts(),
    'merge chains': mergeChains(),
    'usual customers': usual,
    'usual, up to 10 days late': reordered(usual, random, 10),
    'usual, each twice': usual.flatMap((one) => [one, one]),
  }
}
