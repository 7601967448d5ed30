/**
 * Hostile bodies on every door. The oracle is built with the body: which events were put in whole, and what
 * was done to the body. A request that was answered 2xx must have left every event put in whole in the log:
 * as a record of its own; where bytes were changed at random (a quote too few turns the rest of the body
 * inside out) at least byte by byte in the body kept beside a quarantined record. A request that was answered
 * otherwise must have left nothing. Run again with THALWEG_TEST_SEED=<the printed seed>.
 */

import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { type DoorsUnderTest, openDoorsUnderTest } from '../../src/sources/doors.fixture.ts'
import { REFUSALS, type RefusalCode } from '../../src/sources/refusals.ts'

const CASES = 10_000
const SENDERS = 16
/**
 * What the process may grow by while it is sent to: the doors' bytes in flight (32 MB at most), the log's
 * buffers (40 MB), the kernel's copy of the largest body, and the senders themselves, which are in the same
 * process: their bodies, books and garbage.
 */
const RSS_GROWTH_MAX = 384 * 1024 * 1024
const BODY_TIMEOUT_MS = 1_000
const LIMITS = {
  bodyBytesMax: 256 * 1024,
  decompressedBytesMax: 1536 * 1024,
  itemsMax: 600,
  bodyTimeoutMs: BODY_TIMEOUT_MS,
  bytesInFlightMax: 32 * 1024 * 1024,
}

const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seededRandom(seed)

function below(n: number): number {
  return Math.floor(random() * n)
}
function pick<T>(choices: readonly [T, ...T[]]): T {
  return choices[below(choices.length)] ?? choices[0]
}

type DoorName = 'currents' | 'task' | 'postback' | 'records'
const KEY = '99/0123456789abcdef'
const DOORS: Readonly<Record<DoorName, { path: string; headers: Record<string, string> }>> = {
  currents: { path: '/currents/braze', headers: { authorization: 'Bearer braze-token' } },
  task: { path: '/v1/task/task-1', headers: { authorization: `Bearer ${KEY}` } },
  postback: { path: '/postback/v3/event/prod/events', headers: { 'x-td-write-key': KEY } },
  records: {
    path: '/prod/events',
    headers: { authorization: `TD1 ${KEY}`, 'content-type': 'application/vnd.treasuredata.v1+json' },
  },
}
const DOOR_NAMES = Object.keys(DOORS) as [DoorName, ...DoorName[]]

interface Case {
  readonly kind: string
  readonly door: DoorName
  readonly headers: Record<string, string>
  readonly body: Buffer
  /** Raw texts of the events that were put in whole. */
  readonly good: readonly string[]
  /** What may come back. */
  readonly codes: readonly (RefusalCode | 'OK')[]
  readonly chunked: boolean
  /** Where the door must say exactly how many it took. */
  readonly accepted?: number
}

const JUNK: readonly [string, ...string[]] = [
  '1',
  '-0',
  '1e999',
  `1${'0'.repeat(5_000)}`,
  'true',
  'null',
  '""',
  '"\\ud800 \\u0000"',
  '[]',
  '[[],{}]',
  `${'['.repeat(300)}${']'.repeat(300)}`,
  '"{\\"events\\":[{}]}"',
]
/** Objects: whatever they hold, they are events. */
const ODD_EVENTS: readonly [string, ...string[]] = [
  '{}',
  '{"id":null}',
  '{"id":5,"event_type":[],"user":"x","properties":1e400}',
  '{"user":{"external_user_id":{}}}',
  '{"id":"","event_type":""}',
  '{"event_type":"a","event_type":"b","\\u0065vent_type":"c"}',
  `{"event_type":"${'t'.repeat(3_000)}"}`,
  '{"events":[{"events":[]}],"event_type":"holds.Events"}',
]

let serial = 0
function oddEvent(): string {
  // Half of a surrogate pair in an id and in a type.
  return random() < 0.2 ? `{"id":"\\ud800${serial++}","event_type":"\\udfff"}` : pick(ODD_EVENTS)
}
/** A whole event with a mark that no other text has. */
function goodEvent(): string {
  // Random, so that a changed byte cannot turn it into the mark, and the id, of another event.
  const mark = `mark-${serial++}-${below(2 ** 32).toString(16)}-end`
  const value = {
    event_type: pick(['users.messages.email.Open', 'users.behaviors.Purchase', 'brand.new.Type']),
    id: mark,
    time: below(2 ** 31),
    user: random() < 0.8 ? { external_user_id: `u${below(1000)}`, user_id: 'ab12' } : {},
    properties: {
      text: pick(['plain', 'Grüße \u{1f600}', 'quote " and \\ back', ']}],"events":[{']),
      n: random(),
    },
  }
  return JSON.stringify(value, null, random() < 0.2 ? 2 : 0)
}

function several(make: () => string, atMost: number): string[] {
  return Array.from({ length: 1 + below(atMost) }, make)
}

function shuffled(items: readonly string[]): string[] {
  const left = [...items]
  const out: string[] = []
  while (left.length > 0) out.push(...left.splice(below(left.length), 1))
  return out
}

function wrap(door: DoorName, items: readonly string[]): string {
  const key = door === 'records' && random() < 0.7 ? 'records' : 'events'
  const space = pick(['', ' ', '\n\t'])
  return `{${space}"${key}"${space}:${space}[${items.join(`${space},`)}${space}]${space}}`
}

function base(kind: string, door: DoorName, body: Buffer | string): Case {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { kind, door, headers: {}, body: bytes, good: [], codes: ['OK'], chunked: random() < 0.2 }
}

type Maker = (door: DoorName) => Case

/** Valid JSON whose items are of every type. */
const wrongTypes: Maker = (door) => {
  const good = several(goodEvent, 12)
  const odd = several(oddEvent, 3)
  const junk = several(() => pick(JUNK), 6)
  const body = wrap(door, shuffled([...good, ...odd, ...junk]))
  return { ...base('wrong types', door, body), good, accepted: good.length + odd.length }
}

const truncated: Maker = (door) => {
  const events = several(goodEvent, 10)
  const whole = Buffer.from(wrap(door, events))
  const body = whole.subarray(0, below(whole.length))
  const text = body.toString()
  const good = events.filter((event) => text.includes(event))
  return { ...base('truncated', door, body), good, codes: good.length > 0 ? ['OK'] : ['OK', 'BODY_BROKEN'] }
}

/** One event loses its UTF-8 inside a string: only that one may suffer. */
const badUtf8: Maker = (door) => {
  const good = several(goodEvent, 8)
  const hurt = Buffer.concat([
    Buffer.from('{"x":"'),
    Buffer.from(several(() => '\xff', 4).join(''), 'latin1'),
    Buffer.from('"}'),
  ])
  const at = below(good.length + 1)
  const mark = 'HURT'
  const text = wrap(door, [...good.slice(0, at), `"${mark}"`, ...good.slice(at)])
  const [before = '', behind = ''] = text.split(`"${mark}"`)
  const body = Buffer.concat([Buffer.from(before), hurt, Buffer.from(behind)])
  return { ...base('bad UTF-8', door, body), good, accepted: good.length }
}

/** Bytes changed anywhere: events that still stand in the body must not vanish. */
const flipped: Maker = (door) => {
  const events = several(goodEvent, 8)
  const body = Buffer.from(wrap(door, shuffled([...events, ...several(() => pick(JUNK), 2)])))
  for (let n = 1 + below(4); n > 0; n--) {
    body[below(body.length)] =
      random() < 0.5 ? below(256) : pick([0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x3a])
  }
  const text = body.toString('latin1')
  const good = events.filter((event) => text.includes(Buffer.from(event).toString('latin1')))
  return { ...base('changed bytes', door, body), good, codes: ['OK', 'BODY_BROKEN', 'BODY_NOT_OBJECT'] }
}

const TOKENS: readonly [string, ...string[]] = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '"events"',
  '"records"',
  '"id"',
  'null',
  '1e5',
  '-',
  '\u0000',
  'é',
  ' ',
  '{"a":1}',
  '\\u00',
]
const soup: Maker = (door) => ({
  ...base('token soup', door, several(() => pick(TOKENS), 60).join('')),
  codes: ['OK', 'BODY_BROKEN', 'BODY_NOT_OBJECT'],
})

const noise: Maker = (door) => ({
  ...base('random bytes', door, Buffer.from(Array.from({ length: below(400) }, () => below(256)))),
  codes: ['OK', 'BODY_BROKEN', 'BODY_NOT_OBJECT'],
})

const nested: Maker = (door) => {
  const good = several(goodEvent, 3)
  const depth = 200 + below(20_000)
  const open = pick(['[', '{"a":'])
  const close = open === '[' ? ']' : '}'
  const deep = `{"deep":${open.repeat(depth)}1${close.repeat(random() < 0.8 ? depth : below(depth))}}`
  const body = wrap(door, [...good, deep])
  return { ...base('deep nesting', door, body), good, codes: ['OK'] }
}

const bare: Maker = (door) => {
  const event = goodEvent()
  const tail = pick(['', ' ', '\n', '   tail', ',', ']'])
  return { ...base('bare with a tail', door, event + tail), good: [event] }
}

const gzipped: Maker = (door) => {
  const plain = pick([wrongTypes, truncated, badUtf8, soup])(door)
  return {
    ...plain,
    kind: `gzip of ${plain.kind}`,
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(plain.body),
  }
}

const hurtGzip: Maker = (door) => {
  const body = gzipSync(wrap(door, several(goodEvent, 6)))
  const cut = random() < 0.5 ? body.subarray(0, below(body.length - 1) + 1) : Buffer.from(body)
  if (cut.length === body.length) cut[10 + below(body.length - 10)] = below(256)
  return {
    ...base('hurt gzip', door, cut),
    headers: { 'content-encoding': 'gzip' },
    // A changed byte may be the one that was there.
    codes: ['OK', 'BODY_ENCODING', 'BODY_BROKEN', 'BODY_NOT_OBJECT'],
  }
}

const bomb: Maker = (door) => {
  const body = gzipSync(Buffer.alloc(2 * 1024 * 1024 + below(8 * 1024 * 1024), pick([' ', '[', '{'])))
  return {
    ...base('gzip bomb', door, body),
    headers: { 'content-encoding': 'gzip' },
    codes: ['BODY_RATIO', 'BODY_OVERSIZED'],
  }
}

const oversized: Maker = (door) => ({
  ...base('oversized', door, Buffer.alloc(LIMITS.bodyBytesMax + 1 + below(512 * 1024), ' ')),
  codes: ['BODY_OVERSIZED'],
})

const tooMany: Maker = (door) => ({
  ...base(
    'too many items',
    door,
    wrap(door, new Array<string>(LIMITS.itemsMax + 1 + below(1_000)).fill('{}')),
  ),
  codes: ['BODY_ITEMS'],
})

const encoded: Maker = (door) => ({
  ...base('unknown encoding', door, wrap(door, [goodEvent()])),
  headers: { 'content-encoding': pick(['br', 'deflate', 'zstd', 'gzip, br', 'ünknown']) },
  codes: ['ENCODING_UNKNOWN'],
})

const stranger: Maker = (door) => ({
  ...base('wrong secret', door, wrap(door, [goodEvent()])),
  headers: {
    authorization: pick(['Bearer no', 'TD1 no', 'Bearer', '', 'Basic eDp5', `Bearer ${'x'.repeat(3_000)}`]),
    'x-td-write-key': 'no',
  },
  codes: ['TOKEN_REFUSED', 'KEY_REFUSED'],
})

const MAKERS: readonly [weight: number, make: Maker][] = [
  [26, wrongTypes],
  [14, truncated],
  [8, badUtf8],
  [16, flipped],
  [9, soup],
  [5, noise],
  [4, nested],
  [6, bare],
  [5, gzipped],
  [3, hurtGzip],
  [0.3, bomb],
  [0.5, oversized],
  [0.6, tooMany],
  [1, encoded],
  [1.6, stranger],
]
const WEIGHTS = MAKERS.reduce((sum, [weight]) => sum + weight, 0)

function nextCase(): Case {
  const door = pick(DOOR_NAMES)
  let at = random() * WEIGHTS
  for (const [weight, make] of MAKERS) {
    at -= weight
    if (at < 0) return make(door)
  }
  return wrongTypes(door)
}

/** Cases in which the door's own rules about objects or sizes come first. */
function allowed(each: Case): ReadonlySet<string> {
  const codes = new Set<string>(each.codes)
  if (each.headers.authorization === undefined) {
    // A body cut or changed before its first brace is no object any more for Treasure Data's doors.
    if (each.good.length === 0 && codes.has('BODY_BROKEN')) codes.add('BODY_NOT_OBJECT')
    if (each.door === 'records' && each.kind === 'too many items') codes.add('BODY_ITEMS')
  }
  return codes
}

interface Answer {
  readonly status: number
  readonly code: string
  readonly text: string
}

/** Without a content-length, so that it is sent in chunks. */
function chunksOf(body: Buffer): Readable {
  const bytes = 1 + Math.floor(body.length / 3)
  const chunks: Buffer[] = []
  for (let at = 0; at < body.length; at += bytes) chunks.push(body.subarray(at, at + bytes))
  return Readable.from(chunks)
}

let under: DoorsUnderTest
let agent: Agent
let rssBefore = 0
let rssMost = 0

beforeAll(async () => {
  console.info(`doors fuzz: THALWEG_TEST_SEED=${seed}`)
  under = await openDoorsUnderTest({ clock: systemClock, limits: LIMITS, segmentBytes: 32 * 1024 * 1024 })
  await under.sources.create({ name: 'braze', kind: 'braze-currents', settings: {}, token: 'braze-token' })
  const settings = { database: 'prod', table: 'events', taskId: 'task-1' }
  await under.sources.create({ name: 'td', kind: 'treasure-data', settings, token: KEY })
  agent = new Agent({ connections: SENDERS })
  rssBefore = process.memoryUsage.rss()
}, 30_000)

afterAll(async () => {
  await agent.destroy()
  await under.close()
})

async function send(each: Case): Promise<Answer> {
  const { path, headers } = DOORS[each.door]
  const reply = await request(`${under.origin}${path}`, {
    method: 'POST',
    headers: { ...headers, ...each.headers },
    body: each.chunked ? chunksOf(each.body) : each.body,
    dispatcher: agent,
  })
  const text = await reply.body.text()
  const answer = JSON.parse(text) as { error?: { code: string } }
  return { status: reply.statusCode, code: answer.error?.code ?? 'OK', text }
}

/** What is wrong with an answer by itself; undefined when nothing. */
function answerProblem(each: Case, { status, code, text }: Answer): string | undefined {
  if (!allowed(each).has(code)) return `${code} is not one of ${[...allowed(each)].join(', ')}`
  if (code !== 'OK') {
    const [expected] = REFUSALS[code as RefusalCode]
    return status === expected ? undefined : `${code} came with ${status}`
  }
  if (status !== 200) return `status ${status}`
  if (each.accepted === undefined) return undefined
  const accepted = acceptedOf(each.door, text)
  if (accepted === undefined || accepted === each.accepted) return undefined
  return `accepted ${accepted} instead of ${each.accepted}`
}

function acceptedOf(door: DoorName, text: string): number | undefined {
  if (door === 'postback') return undefined
  const answer = JSON.parse(text) as { accepted?: number; receipts?: { success: boolean }[] }
  return answer.receipts?.filter((each) => each.success).length ?? answer.accepted
}

const MARK = /mark-\d+-[0-9a-f]+-end/g

/** Mark → the texts that hold it. */
function textsByMark(kept: readonly string[]): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const text of kept) {
    for (const [mark] of text.matchAll(MARK)) texts.set(mark, [...(texts.get(mark) ?? []), text])
  }
  return texts
}

function markOf(event: string): string {
  return event.match(MARK)?.[0] ?? ''
}

describe('fuzzed bodies', () => {
  test(`${CASES} on all doors: each answer specific, no good event lost`, async () => {
    const problems: string[] = []
    const done: { each: Case; answer: Answer }[] = []
    const seen = new Map<string, number>()
    let made = 0
    async function sender(): Promise<void> {
      while (made < CASES && problems.length < 10) {
        const number = made++
        const each = nextCase()
        if (number % 50 === 0) rssMost = Math.max(rssMost, process.memoryUsage.rss())
        try {
          const answer = await send(each)
          const problem = answerProblem(each, answer)
          if (problem !== undefined)
            problems.push(`case ${number}, ${each.kind} on ${each.door}: ${problem}; ${excerpt(each)}`)
          // The body is not kept: the books alone are large enough.
          done.push({ each: { ...each, body: Buffer.alloc(0) }, answer })
          const outcome = `${each.kind}: ${answer.code}`
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
        } catch (error) {
          problems.push(
            `case ${number}, ${each.kind} on ${each.door}: no answer (${String(error)}); ${excerpt(each)}`,
          )
        }
      }
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))
    expect(problems.slice(0, 10)).toEqual([])

    const records = textsByMark((await under.kept()).map(({ text }) => text))
    const bodies = textsByMark(await under.keptBodies())
    for (const { each, answer } of done) {
      for (const event of each.good) {
        const mark = markOf(event)
        const isKept = (bodies.get(mark) ?? []).some((body) => body.includes(event))
        const isOnItsOwn = (records.get(mark) ?? []).includes(event)
        const what = `${each.kind} on ${each.door}, answered ${answer.text}: ${event}`
        if (answer.code !== 'OK') {
          if (isKept) problems.push(`kept all the same, ${what}`)
        } else if (!isKept) problems.push(`lost, ${what}`)
        else if (!isOnItsOwn && each.kind !== 'changed bytes') problems.push(`not on its own, ${what}`)
      }
    }
    expect(problems.slice(0, 10)).toEqual([])
    expect(done).toHaveLength(CASES)
    // Every maker was used, and every kind of outcome it exists for was met.
    for (const outcome of [
      'wrong types: OK',
      'truncated: OK',
      'token soup: BODY_BROKEN',
      'gzip bomb: BODY_RATIO',
      'oversized: BODY_OVERSIZED',
      'too many items: BODY_ITEMS',
    ]) {
      expect(seen.has(outcome), outcome).toBe(true)
    }
  }, 90_000)

  test('bodies that are slow, cut off or of another length than announced', async () => {
    const event = goodEvent()
    const whole = `{"events":[${event}]}`
    const head = (length: string) =>
      `POST /currents/braze HTTP/1.1\r\nhost: x\r\nauthorization: Bearer braze-token\r\n${length}\r\n\r\n`
    const rows: readonly [what: string, sent: string, thenEnd: boolean, statuses: RegExp][] = [
      [
        'announced more, then silence',
        head(`content-length: ${whole.length + 500}`) + whole,
        false,
        /^HTTP\/1\.1 408 [\s\S]*BODY_SLOW/,
      ],
      [
        'announced more, then closed',
        head(`content-length: ${whole.length + 500}`) + whole,
        true,
        /^(HTTP\/1\.1 400 [\s\S]*)?$/,
      ],
      [
        'announced less',
        `${head(`content-length: ${Buffer.byteLength(event) + 12}`)}${whole.replace('mark', 'Mark')}`,
        true,
        // The parser may object to what lies behind the body before the log has synced.
        /^HTTP\/1\.1 (200|400) /,
      ],
      ['no length at all', head('x-none: 1') + whole, true, /^HTTP\/1\.1 200 [\s\S]*"accepted":0/],
      ['two lengths', head('content-length: 1\r\ncontent-length: 2') + whole, true, /^HTTP\/1\.1 400 /],
      [
        'length and chunks',
        head('content-length: 5\r\ntransfer-encoding: chunked') + whole,
        true,
        /^HTTP\/1\.1 400 /,
      ],
      ['negative length', head('content-length: -1') + whole, true, /^HTTP\/1\.1 400 /],
      [
        'chunks of no number',
        `${head('transfer-encoding: chunked')}zz\r\n${whole}`,
        true,
        /^HTTP\/1\.1 400 /,
      ],
      [
        'chunks without an end',
        `${head('transfer-encoding: chunked')}5\r\n{"eve\r\n`,
        false,
        /^HTTP\/1\.1 408 [\s\S]*BODY_SLOW/,
      ],
      [
        'a huge announced chunk',
        `${head('transfer-encoding: chunked')}7fffffff\r\n${' '.repeat(300_000)}`,
        false,
        /^HTTP\/1\.1 413 [\s\S]*BODY_OVERSIZED/,
      ],
    ]
    const answers = await Promise.all(rows.map(([, sent, thenEnd]) => rawAnswer(sent, thenEnd)))
    rows.forEach(([what, , , expected], i) => {
      expect(answers[i], what).toMatch(expected)
    })
    const kept = (await under.kept()).map(({ text }) => text)
    expect(kept.filter((text) => text === event)).toEqual([])
  }, 30_000)

  test('leaves nothing leased and the memory within its bound, and the doors open', async () => {
    await expect.poll(() => [under.doors.bytesInFlight, under.leased.size]).toEqual([0, 0])
    console.info(`doors fuzz: grew by ${Math.round((rssMost - rssBefore) / 2 ** 20)} MB`)
    expect(rssMost - rssBefore).toBeLessThan(RSS_GROWTH_MAX)
    expect(under.lines).toEqual([])
    const answer = await send({ ...base('last', 'currents', wrap('currents', [goodEvent()])), accepted: 1 })
    expect(answer.text).toBe('{"accepted":1,"duplicates":0,"quarantined":0}')
  })
})

function excerpt(each: Case): string {
  return JSON.stringify(each.body.subarray(0, 600).toString('latin1'))
}

function rawAnswer(sent: string, thenEnd: boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(under.port, '127.0.0.1', () => {
      socket.write(sent)
      if (thenEnd) socket.end()
    })
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    // A reset after the answer is an answer too.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}
