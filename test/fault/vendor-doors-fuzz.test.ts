/**
 * Hostile bodies on the doors of Segment and Lytics. Every body is made of pieces that are whole and pieces that
 * are not. Whatever a door answers, it is one of its documented answers; after 200 every piece that was put in
 * whole, and that the damage did not touch, is in the log once, and after a refusal of the whole body nothing
 * of it is. Run again with THALWEG_TEST_SEED=<the printed seed>.
 */

import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { type DoorsUnderTest, openDoorsUnderTest } from '../../src/sources/doors.fixture.ts'

const CASES = 3_000
const SENDERS = 8
const KEY = 'vendor-key'
const LIMITS = {
  bodyBytesMax: 1024 * 1024,
  decompressedBytesMax: 1536 * 1024,
  itemsMax: 3_000,
  bodyTimeoutMs: 3_000,
  bytesInFlightMax: 32 * 1024 * 1024,
}

const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seededRandom(seed)
const below = (n: number): number => Math.floor(random() * n)
const pick = <T>(choices: readonly [T, ...T[]]): T => choices[below(choices.length)] ?? choices[0]
const several = (make: () => string, atMost: number): string[] =>
  Array.from({ length: 1 + below(atMost) }, make)

let serial = 0
/** Random, so that a changed byte cannot turn it into the mark of another piece. */
const newMark = (): string => `mark-${serial++}-${below(2 ** 32).toString(16)}-end`
const MARK = /mark-\d+-[0-9a-f]+-end/g

/** One piece of a body, and whether it is what the door takes. */
interface Form {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  whole(): string
  readonly junk: readonly [string, ...string[]]
  wrap(pieces: readonly string[]): string
  /** A file is taken as far as it goes; a body of objects as a whole or not at all. */
  readonly isFile: boolean
}

const JUNK_JSON = [
  '1',
  'null',
  '""',
  '[]',
  '[[{}]]',
  '{}',
  '{"type":5}',
  '{"type":"track","userId":{}}',
] as const
const deep = (depth: number): string => `{"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`

function message(): string {
  const type = pick(['track', 'identify', 'page', 'screen'])
  const value = {
    type,
    messageId: newMark(),
    event: 'E',
    [pick(['userId', 'anonymousId'])]: 'u',
    ...(random() < 0.5 ? { timestamp: new Date(below(2 ** 40)).toISOString() } : {}),
    ...(random() < 0.3 ? { context: { text: 'Grüße ]},{' } } : {}),
  }
  return JSON.stringify(value, null, random() < 0.2 ? 2 : 0)
}

const AUTH = { authorization: KEY }
const FORMS: readonly [Form, ...Form[]] = [
  {
    name: 'segment',
    path: '/v1/batch',
    headers: { authorization: `Basic ${Buffer.from(`${KEY}:`).toString('base64')}` },
    whole: message,
    junk: JUNK_JSON,
    wrap: (pieces) =>
      `{"sentAt":"2026-01-01T00:00:00Z","context":{"ip":"::1"},"batch":[${pieces.join(' , ')}]}`,
    isFile: false,
  },
  {
    name: 'lytics json',
    path: '/collect/json/users',
    headers: AUTH,
    whole: () => JSON.stringify({ mark: newMark(), tags: ['x', 'ü'] }),
    junk: JUNK_JSON,
    wrap: (pieces) => `[${pieces.join(',\n')}]`,
    isFile: false,
  },
  {
    name: 'lytics csv',
    path: '/collect/bulk/users',
    headers: { ...AUTH, 'content-type': 'application/csv' },
    whole: () => pick([`${newMark()},1,x`, `"a, ""b""",${newMark()},"two\nlines"`, `,,${newMark()}`]),
    junk: ['1', '1,2,3,4', 'x"y,1,2', '"x"y,1,2', 'a"'],
    wrap: (pieces) => `a,b,c\n${pieces.join('\n')}\n`,
    isFile: true,
  },
  {
    name: 'lytics lines',
    path: '/collect/bulk/users',
    headers: { ...AUTH, 'content-type': 'application/json' },
    whole: () => JSON.stringify({ mark: newMark(), events: [{ id: 'x' }] }),
    junk: ['1', '[]', '{', '{"a":1}{"b":2}', 'x', deep(300)],
    wrap: (pieces) => pieces.join('\n'),
    isFile: true,
  },
]

interface Case {
  readonly kind: string
  readonly form: Form
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Marks of pieces that must be in the log once after 200. */
  readonly marks: readonly string[]
  readonly statuses: readonly number[]
}

const marksOf = (pieces: readonly string[]): string[] => pieces.flatMap((piece) => piece.match(MARK) ?? [])

function caseOf(
  kind: string,
  form: Form,
  body: Buffer | string,
  marks: readonly string[],
  statuses: readonly number[],
): Case {
  return { kind, form, headers: {}, body: Buffer.from(body), marks, statuses }
}

type Maker = (form: Form) => Case

const mixed: Maker = (form) => {
  const pieces = [...several(form.whole, 10), ...several(() => pick(form.junk), 4)]
  return caseOf('wrong types', form, form.wrap(pieces.sort(() => random() - 0.5)), marksOf(pieces), [200])
}

const truncated: Maker = (form) => {
  const pieces = several(form.whole, 10)
  const whole = Buffer.from(form.wrap(pieces))
  const body = whole.subarray(0, below(whole.length))
  // The last piece that stands there may have been cut behind its mark.
  const marks = marksOf(
    pieces.filter((piece) => body.toString().includes(`${piece}${form.isFile ? '\n' : ''}`)),
  )
  return caseOf('truncated', form, body, marks, [200, 400])
}

const badUtf8: Maker = (form) => {
  const pieces = several(form.whole, 6)
  const hurt = form.name === 'lytics csv' ? 'HURT,1,2' : '{"x":"HURT"}'
  const text = form.wrap([...pieces, hurt, form.whole()])
  const body = Buffer.from(text.replace('HURT', '\u0001')).toString('latin1').replace('\u0001', '\xff')
  // A byte like this is no JSON: Segment refuses the body.
  const statuses = form.name === 'segment' ? [400] : [200]
  return caseOf('bad UTF-8', form, Buffer.from(body, 'latin1'), marksOf(pieces), statuses)
}

const flipped: Maker = (form) => {
  const body = Buffer.from(form.wrap(several(form.whole, 8)))
  for (let n = 1 + below(4); n > 0; n--)
    body[below(body.length)] = random() < 0.5 ? below(256) : pick([0x22, 0x5c, 0x2c, 0x5b, 0x7d, 0x0a])
  return caseOf('changed bytes', form, body, [], [200, 400])
}

const noise: Maker = (form) =>
  caseOf('noise', form, Buffer.from(Array.from({ length: below(300) }, () => below(256))), [], [200, 400])

const nested: Maker = (form) => {
  const pieces = several(form.whole, 3)
  const hole = form.name === 'lytics csv' ? `"${'['.repeat(5_000)}",1,2` : deep(300 + below(20_000))
  const statuses = form.name === 'segment' ? [400] : [200]
  return caseOf('deep nesting', form, form.wrap([...pieces, hole]), marksOf(pieces), statuses)
}

const zipped: Maker = (form) => {
  const plain = pick([mixed, truncated, badUtf8])(form)
  return {
    ...plain,
    kind: `gzip of ${plain.kind}`,
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(plain.body),
  }
}

const hurtZip: Maker = (form) => {
  const body = gzipSync(form.wrap(several(form.whole, 6)))
  const cut = body.subarray(0, below(body.length - 1) + 1)
  return { ...caseOf('hurt gzip', form, cut, [], [400]), headers: { 'content-encoding': 'gzip' } }
}

const bomb: Maker = (form) => ({
  ...caseOf(
    'gzip bomb',
    form,
    gzipSync(Buffer.alloc(8_000_000, pick([' ', '[', '"', '\n']))),
    [],
    [400, 413],
  ),
  headers: { 'content-encoding': 'gzip' },
})

const oversized: Maker = (form) =>
  caseOf(
    'oversized',
    form,
    Buffer.alloc(LIMITS.bodyBytesMax + 1 + below(1_000), ' '),
    [],
    form.isFile ? [200] : [400, 413],
  )

const stranger: Maker = (form) => ({
  ...caseOf('wrong key', form, form.wrap([form.whole()]), [], [401]),
  headers: { authorization: pick(['no', 'Basic bm86', 'Bearer x', 'x'.repeat(3_000)]) },
})

const MAKERS: readonly [weight: number, make: Maker][] = [
  [30, mixed],
  [15, truncated],
  [8, badUtf8],
  [15, flipped],
  [5, noise],
  [4, nested],
  [8, zipped],
  [3, hurtZip],
  [0.5, bomb],
  [0.5, oversized],
  [2, stranger],
]
const WEIGHTS = MAKERS.reduce((sum, [weight]) => sum + weight, 0)

function nextCase(): Case {
  const form = pick(FORMS)
  let at = random() * WEIGHTS
  for (const [weight, make] of MAKERS) {
    at -= weight
    if (at < 0) return make(form)
  }
  return mixed(form)
}

let under: DoorsUnderTest
let agent: Agent

beforeAll(async () => {
  console.info(`vendor doors fuzz: THALWEG_TEST_SEED=${seed}`)
  under = await openDoorsUnderTest({ clock: systemClock, limits: LIMITS, segmentBytes: 32 * 1024 * 1024 })
  await under.sources.create({ name: 'web', kind: 'segment', settings: {}, token: KEY })
  const settings = { account: '1', rowIdentity: 'none' }
  await under.sources.create({ name: 'crm', kind: 'lytics', settings, token: KEY })
  agent = new Agent({ connections: SENDERS })
}, 30_000)

afterAll(async () => {
  await agent.destroy()
  await under.close()
})

async function send({ form, headers, body }: Case): Promise<{ status: number; text: string }> {
  const reply = await request(`${under.origin}${form.path}`, {
    method: 'POST',
    headers: { ...form.headers, ...headers },
    body,
    dispatcher: agent,
  })
  return { status: reply.statusCode, text: await reply.body.text() }
}

describe('fuzzed bodies', () => {
  test(`${CASES} on the doors of Segment and Lytics: each answer documented, no whole piece lost or doubled`, async () => {
    const problems: string[] = []
    const done: { each: Case; status: number }[] = []
    let made = 0
    async function sender(): Promise<void> {
      while (made < CASES && problems.length < 10) {
        const number = made++
        const each = nextCase()
        const what = `case ${number}, ${each.kind} on ${each.form.name}`
        try {
          const { status, text } = await send(each)
          JSON.parse(text)
          if (!each.statuses.includes(status)) problems.push(`${what}: ${status} ${text}; ${excerpt(each)}`)
          done.push({ each: { ...each, body: Buffer.alloc(0) }, status })
        } catch (error) {
          problems.push(`${what}: no answer (${String(error)}); ${excerpt(each)}`)
        }
      }
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))
    expect(problems).toEqual([])

    const times = new Map<string, number>()
    for (const { text, quarantined } of await under.kept()) {
      if (quarantined !== undefined) continue
      for (const [mark] of text.matchAll(MARK)) times.set(mark, (times.get(mark) ?? 0) + 1)
    }
    for (const { each, status } of done) {
      // A file that breaks off has its rows so far in the log, whatever is answered.
      if (status !== 200 && each.form.isFile) continue
      const expected = status === 200 ? 1 : 0
      for (const mark of each.marks) {
        const kept = times.get(mark) ?? 0
        if (kept !== expected)
          problems.push(`${mark} is there ${kept} times after ${status}: ${each.kind} on ${each.form.name}`)
      }
    }
    expect(problems.slice(0, 10)).toEqual([])
    const kinds = new Set(done.map(({ each, status }) => `${each.form.name}, ${each.kind}: ${status}`))
    for (const form of FORMS) expect(kinds).toContain(`${form.name}, wrong types: 200`)
    expect(under.lines.filter((line) => line.includes('unexpectedly'))).toEqual([])
  }, 180_000)

  test.each<[what: string, path: string, body: string, status: RegExp]>([
    ['Segment, then silence', '/v1/track', '{"userId":"u"', /^HTTP\/1\.1 408 /],
    [
      'a file, then silence: its rows are kept',
      '/collect/bulk/slow',
      `a\n${newMark()}\nx`,
      /^HTTP\/1\.1 408 [\s\S]*The 1 rows before are kept/,
    ],
    ['objects, then silence', '/collect/json/slow', '[{"a":1}', /^HTTP\/1\.1 408 /],
  ])('%s', async (_what, path, body, expected) => {
    const head = `POST ${path}?access_token=${KEY} HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n`
    const basic = `authorization: Basic ${Buffer.from(KEY).toString('base64')}\r\n`
    expect(await rawAnswer(`${head}${path.startsWith('/v1') ? basic : ''}\r\n${body}`)).toMatch(expected)
    const [mark] = body.match(MARK) ?? []
    if (mark !== undefined)
      expect((await under.kept()).filter(({ text }) => text.includes(mark))).toHaveLength(1)
  })

  test('leaves nothing leased, and the doors open', async () => {
    await expect.poll(() => [under.doors.bytesInFlight, under.leased.size]).toEqual([0, 0])
    for (const form of FORMS) expect((await send(mixed(form))).status).toBe(200)
  })
})

function excerpt(each: Case): string {
  return JSON.stringify(each.body.subarray(0, 600).toString('latin1'))
}

function rawAnswer(sent: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(under.port, '127.0.0.1', () => socket.write(sent))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    // A reset after the answer is an answer, too.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}
