/**
 * Who is in which audience: 100 audiences of the kinds that people make (fields, dates that move with the clock, events in
 * days, other audiences) over made-up people. Evaluation only: reading and writing profiles is what `profiles` measures.
 */

import { type Random, seededRandom } from '../src/core/random.ts'
import { RuleSet } from '../src/profiles/audiences/rule-set.ts'
import { type FieldTypes, readFilter } from '../src/profiles/filterql/filterql.ts'
import type { Fields, FieldType } from '../src/profiles/values.ts'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-03-31T12:00:00Z')
const PEOPLE = 50_000
const AUDIENCES = 100
const ROUND_MS = 2_000

const CITIES = ['Berlin', 'Lyon', 'Osaka', 'Austin', 'Leeds', 'Porto', 'Turin', 'Lima']
const EVENTS = ['Send', 'Delivery', 'Open', 'Click', 'Bounce'].map((name) => `users.messages.email.${name}`)
const COUNTRIES = ['de', 'fr', 'jp', 'us', 'uk', 'pt', 'it', 'pe']

const TYPES: FieldTypes = new Map<string, FieldType>([
  ...['external_id', 'email', 'first_name', 'city', 'country', 'gender', 'language', 'phone', 'plan'].map(
    (name): [string, FieldType] => [name, 'string'],
  ),
  ['birth_date', 'date'],
  ['last_seen', 'date'],
  ['visits', 'int'],
  ['spent', 'number'],
  ['vip', 'bool'],
  ['tags', '[]string'],
  ['scores', 'map[string]number'],
  ['events', 'map[string][]time'],
])

export async function audiences(): Promise<object[]> {
  const random = seededRandom(11)
  const people = Array.from({ length: PEOPLE }, (_, i) => person(i, random))
  return [
    measure('1 audience', rules(AUDIENCES).slice(0, 1), people),
    measure(
      '1 audience of events in days',
      [rule(1, `FILTER timewindow(events.\`${EVENTS[2]}\`, 3, 7)`)],
      people,
    ),
    measure(`${AUDIENCES} audiences`, rules(AUDIENCES), people),
    measure('500 audiences', rules(500), people),
  ]
}

function measure(name: string, given: ReturnType<typeof rules>, people: readonly Fields[]): object {
  const set = new RuleSet(given, TYPES)
  const round = (nowMs: number): { members: number; flips: number } => {
    let members = 0
    let flips = 0
    for (const fields of people) {
      const verdict = set.judge(fields, nowMs)
      members += verdict.members.length
      if (verdict.flipAt !== null) flips++
    }
    return { members, flips }
  }
  const { members, flips } = round(NOW)
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let judged = 0
  while (performance.now() - startedAt < ROUND_MS) {
    round(NOW + judged)
    judged += people.length
  }
  const ms = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  return {
    case: name,
    profilesPerSecond: (judged / ms) * 1_000,
    cpuMicrosPerProfile: (user + system) / judged,
    audiencesPerProfile: members / people.length,
    waitingForTheClock: flips / people.length,
    secondsFor5Million: (5_000_000 / judged) * (ms / 1_000),
  }
}

/** As stores give them back: objects that JSON.parse made, of many shapes. */
function person(i: number, random: Random): Fields {
  const has = (share: number): boolean => random() < share
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const within = (days: number): number => NOW - Math.floor(random() * days * DAY_MS)
  const moments = (most: number): number[] =>
    Array.from({ length: 1 + Math.floor(random() * most) }, () => within(60)).sort((a, b) => b - a)
  const fields = {
    external_id: `user-${i}`,
    ...(has(0.8) ? { email: `person${i}@mail.example.com` } : {}),
    first_name: 'Ada',
    ...(has(0.7) ? { city: pick(CITIES) } : {}),
    country: pick(COUNTRIES),
    ...(has(0.5) ? { gender: pick(['F', 'M']) } : {}),
    ...(has(0.6) ? { language: pick(COUNTRIES), phone: `+4915${i}` } : {}),
    ...(has(0.4) ? { plan: pick(['free', 'gold', 'black']) } : {}),
    ...(has(0.5) ? { birth_date: within(25_000) } : {}),
    ...(has(0.9) ? { last_seen: within(120) } : {}),
    ...(has(0.8) ? { visits: Math.floor(random() * 100) } : {}),
    ...(has(0.5) ? { spent: Math.floor(random() * 100_000) / 100 } : {}),
    ...(has(0.3) ? { vip: has(0.5) } : {}),
    ...(has(0.5) ? { tags: ['shop', 'news', 'app', `t${i % 50}`].filter(() => has(0.5)) } : {}),
    ...(has(0.4) ? { scores: { quantity: random() * 100, recency: random() * 100 } } : {}),
    events: Object.fromEntries(EVENTS.filter(() => has(0.5)).map((event) => [event, moments(20)])),
  }
  return JSON.parse(JSON.stringify(fields)) as Fields
}

function rule(number: number, text: string) {
  return { number, slug: `audience_${number}`, filter: readFilter(text) }
}

/** Each kind with other values; every tenth includes the one before it. */
function rules(count: number): ReturnType<typeof rule>[] {
  return Array.from({ length: count }, (_, i) => {
    const city = CITIES[i % CITIES.length]
    const country = COUNTRIES[i % COUNTRIES.length]
    const event = EVENTS[i % EVENTS.length]
    const days = 1 + (i % 30)
    const kinds = [
      `AND (country = "${country}", visits > ${i % 100}, last_seen > "now-${days}d")`,
      `timewindow(events.\`${event}\`, ${1 + (i % 5)}, ${days})`,
      `OR (city IN ("${city}", "Nowhere"), tags INTERSECTS ("t${i % 50}"))`,
      `AND (EXISTS email, NOT timewindow(events.\`${event}\`, 1, ${days}), language = "${country}")`,
      `AND (spent BETWEEN ${i} AND ${i + 200}, OR (vip, plan = "gold", scores.quantity > ${i % 100}))`,
      `AND (email LIKE "person${i % 10}*", first_name != "Bob", last_seen <= "now-${days}d")`,
      `NOT OR (plan = "black", birth_date < "now-${20 + (i % 40)}y", NOT EXISTS phone)`,
      `AND (last_seen BETWEEN "now-${days + 30}d" AND "now-${days}d", gender = "F")`,
      `AND (tolower(city) = "${city?.toLowerCase()}", domain(email) = "example.com")`,
      `AND (INCLUDE ${i}, country != "${country}")`,
    ]
    return rule(i + 1, `FILTER ${kinds[i % kinds.length]}`)
  })
}
