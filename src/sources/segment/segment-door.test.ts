import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../core/clock.ts'
import { ROW_HAS_BRAZE_ID, ROW_HAS_EXTERNAL_ID, ROW_HAS_ID } from '../../log/frame.ts'
import { type DoorsUnderTest, openDoorsUnderTest } from '../doors.fixture.ts'
import type { VerdictCount } from '../verdicts.ts'

const KEY = 'wk0123456789'
const NOW = Date.parse('2026-01-01T12:00:00.000Z')
const SECRET = { authorization: `Basic ${Buffer.from(`${KEY}:`).toString('base64')}` }
const OK = '{"success":true}'

let clock: VirtualClock
let hub: DoorsUnderTest

beforeEach(async () => {
  clock = new VirtualClock(NOW)
  hub = await openDoorsUnderTest({ clock })
  await hub.sources.create({ name: 'web', kind: 'segment', settings: {}, token: KEY })
})
afterEach(() => hub.close())

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

async function send(
  path: string,
  body: unknown,
  headers: Record<string, string> = SECRET,
  method = 'POST',
): Promise<Answer> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const answer = await fetch(`${hub.origin}${path}`, {
    method,
    headers,
    ...(method === 'POST' ? { body: text as string } : {}),
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

async function messages(): Promise<Record<string, unknown>[]> {
  const kept = await hub.kept()
  return kept.filter((one) => one.quarantined === undefined).map((one) => JSON.parse(one.text))
}

function counts(name = 'web'): VerdictCount[] {
  return [...hub.doors.verdicts.of(hub.sources.get(name).number).counts]
}

const TRACK = { type: 'track', messageId: 'm1', userId: 'u1', event: 'Opened' }

describe('the kinds of calls', () => {
  const calls: [path: string, body: object, type: string][] = [
    ['track', { userId: 'u', event: 'E', properties: { a: 1 } }, 'segment.track'],
    ['identify', { userId: 'u', traits: { email: 'a@example.com' } }, 'segment.identify'],
    ['page', { anonymousId: 'a', name: 'Home', category: 'docs' }, 'segment.page'],
    ['screen', { anonymousId: 'a' }, 'segment.screen'],
    ['group', { userId: 'u', groupId: 'g' }, 'segment.group'],
    ['alias', { userId: 'u', previousId: 'a' }, 'segment.alias'],
    ['t', { userId: 'u', event: 'E' }, 'segment.track'],
    ['i', { userId: 'u' }, 'segment.identify'],
    ['p', { userId: 'u' }, 'segment.page'],
    ['s', { userId: 'u' }, 'segment.screen'],
    ['g', { userId: 'u', groupId: 'g' }, 'segment.group'],
    ['a', { userId: 'u', previousId: 'a' }, 'segment.alias'],
    ['batch', { batch: [TRACK] }, 'segment.track'],
    ['import', { batch: [TRACK] }, 'segment.track'],
    ['b', { batch: [TRACK] }, 'segment.track'],
    ['batch', TRACK, 'segment.track'],
  ]
  test.each(calls)('/v1/%s takes %j', async (path, body, type) => {
    expect(await send(`/v1/${path}`, body)).toMatchObject({ status: 200, text: OK })
    const [kept] = await hub.kept()
    expect(kept).toMatchObject({ type, quarantined: undefined })
    expect(JSON.parse(kept?.text ?? '')).toMatchObject({
      ...('batch' in body ? TRACK : body),
      type: type.slice(8),
    })
    expect(counts()).toEqual([{ type, verdict: 'accepted', reason: '', count: 1 }])
  })

  test('other paths under /v1/ are nobody’s', async () => {
    expect((await send('/v1/nothing', TRACK)).status).toBe(418)
  })

  test('ids and persons are in the header of the record', async () => {
    await send('/v1/batch', {
      batch: [
        { ...TRACK, userId: 'u', anonymousId: 'a' },
        { ...TRACK, messageId: 'm2', userId: undefined, anonymousId: 'a' },
      ],
    })
    expect((await hub.kept()).map(({ flags }) => flags)).toEqual([
      ROW_HAS_ID | ROW_HAS_EXTERNAL_ID | ROW_HAS_BRAZE_ID,
      ROW_HAS_ID | ROW_HAS_BRAZE_ID,
    ])
  })
})

describe('who may send', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  test.each<[what: string, headers: Record<string, string>, body: object, status: number]>([
    ['Basic', SECRET, TRACK, 200],
    ['Basic without the colon', basic(KEY), TRACK, 200],
    ['Basic with a password', basic(`${KEY}:x`), TRACK, 200],
    ['a key in the body', {}, { ...TRACK, writeKey: KEY }, 200],
    [
      'a bearer token and a key in the body',
      { authorization: 'Bearer abc' },
      { ...TRACK, writeKey: KEY },
      200,
    ],
    ['both, of which the header counts', SECRET, { ...TRACK, writeKey: 'other' }, 200],
    ['a wrong key in the header beside a right one', basic('no:'), { ...TRACK, writeKey: KEY }, 401],
    ['an empty user name', basic(':'), { ...TRACK, writeKey: KEY }, 401],
    ['a wrong key in the body', {}, { ...TRACK, writeKey: 'no' }, 401],
    ['a key that is no string', {}, { ...TRACK, writeKey: 5 }, 401],
    ['nothing', {}, TRACK, 401],
    ['a bearer token alone', { authorization: `Bearer ${KEY}` }, TRACK, 401],
  ])('%s', async (_what, headers, body, status) => {
    const answer = await send('/v1/track', body, headers)
    expect(answer.status).toBe(status)
    if (status === 401) expect(JSON.parse(answer.text).error.code).toBe('KEY_UNKNOWN')
    const kept = await hub.kept()
    expect(kept.length).toBe(status === 200 ? 1 : 0)
    expect(kept[0]?.text ?? '').not.toContain(KEY)
    expect(hub.leased.size).toBe(0)
  })

  test('without a Segment source no body is read for a key', async () => {
    await hub.sources.remove('web', () => [])
    expect((await send('/v1/track', { ...TRACK, writeKey: KEY }, {})).status).toBe(401)
  })

  test('no two sources have one key', async () => {
    const again = hub.sources.create({ name: 'two', kind: 'segment', settings: {}, token: KEY })
    await expect(again).rejects.toMatchObject({ code: 'SOURCE_NAME_TAKEN' })
  })

  test('the key of a message is hidden wherever it stands', async () => {
    const text = `{"writeKey":"${KEY}","event":"E","userId":"u","writeKey":"${KEY}"}`
    await send('/v1/track', text)
    await send('/v1/track', { writeKey: KEY, event: 5 })
    await send('/v1/track', `{"writeKey":"${KEY}","event":`)
    const remarked = hub.doors.verdicts.of(hub.sources.get('web').number).remarked
    expect(remarked.map(({ reason }) => reason)).toEqual(['bad_request', 'event_not_string'])
    expect(
      JSON.stringify([...remarked.map(({ raw }) => raw.toString()), await hub.keptBodies()]),
    ).not.toContain(KEY)
  })

  test('a limit of requests is answered 429', async () => {
    await hub.sources.update('web', { requestsPerSecondMax: 1 })
    expect((await send('/v1/track', TRACK)).status).toBe(200)
    for (const headers of [SECRET, {}]) {
      const answer = await send('/v1/track', { ...TRACK, writeKey: KEY }, headers)
      expect(answer.status).toBe(429)
      expect(answer.headers.get('retry-after')).toBe('1')
    }
  })
})

describe('verdicts', () => {
  const rejected: [message: Record<string, unknown>, reason: string][] = [
    [{ messageId: 'm', userId: 'u' }, 'unknown_type'],
    [{ ...TRACK, type: 'tracked' }, 'unknown_type'],
    [{ ...TRACK, userId: undefined }, 'no_user_anon_id'],
    [{ ...TRACK, userId: '' }, 'no_user_anon_id'],
    [{ ...TRACK, userId: 7 }, 'id_not_string'],
    [{ ...TRACK, anonymousId: {} }, 'id_not_string'],
    [{ ...TRACK, event: undefined }, 'event_not_defined'],
    [{ ...TRACK, event: '' }, 'event_not_defined'],
    [{ ...TRACK, event: 5 }, 'event_not_string'],
    [{ ...TRACK, properties: 'x' }, 'properties_not_object'],
    [{ ...TRACK, properties: [] }, 'properties_not_object'],
    [{ type: 'identify', userId: 'u', traits: 5 }, 'traits_not_object'],
    [{ type: 'page', userId: 'u', name: 5 }, 'name_not_string'],
    [{ type: 'screen', userId: 'u', category: true }, 'category_not_string'],
    [{ type: 'group', userId: 'u' }, 'id_required'],
    [{ type: 'group', userId: 'u', groupId: 5 }, 'id_not_string'],
    [{ type: 'alias', userId: 'u' }, 'id_required'],
    [{ type: 'alias', previousId: 'u' }, 'id_required'],
    [{ ...TRACK, properties: { text: 'x'.repeat(33_000) } }, 'message_oversized'],
  ]
  test.each(rejected)('%j is set aside: %s', async (message, reason) => {
    const good = { ...TRACK, messageId: 'good' }
    expect(await send('/v1/batch', { batch: [message, good] })).toMatchObject({ status: 200, text: OK })
    const kept = await hub.kept()
    expect(kept.map(({ quarantined }) => quarantined)).toEqual([undefined, reason])
    expect(JSON.parse(kept[1]?.text ?? '')).toEqual(JSON.parse(JSON.stringify(message)))
    expect(counts()).toContainEqual(expect.objectContaining({ verdict: 'rejected', reason, count: 1 }))
    const { remarked } = hub.doors.verdicts.of(hub.sources.get('web').number)
    expect(remarked).toMatchObject([{ reason, verdict: 'rejected', place: 'message 1', at: NOW }])
    expect(remarked[0]?.raw.toString()).toBe(kept[1]?.text.slice(0, 32_768))
  })

  test('an element that is no object is set aside', async () => {
    await send('/v1/batch', { batch: [5, TRACK, null] })
    expect((await hub.kept()).map(({ quarantined }) => quarantined)).toEqual([
      undefined,
      'not_an_object',
      'not_an_object',
    ])
  })

  test.each<[message: Record<string, unknown>, reason: string]>([
    [{ ...TRACK, messageId: 'x'.repeat(101) }, 'message_id_long'],
    [{ ...TRACK, messageId: 12 }, 'message_id_not_string'],
    [{ ...TRACK, messageId: ['x'] }, 'message_id_not_string'],
    [{ ...TRACK, timestamp: 'yesterday' }, 'timestamp_unreadable'],
    [{ ...TRACK, timestamp: 1_700_000_000 }, 'timestamp_unreadable'],
  ])('%j is taken with a warning: %s', async (message, reason) => {
    await send('/v1/batch', { batch: [message] })
    expect(counts()).toEqual([{ type: 'segment.track', verdict: 'warned', reason, count: 1 }])
    expect((await hub.kept())[0]?.quarantined).toBeUndefined()
  })

  test('a repeat is a duplicate, also in its own batch, and null is as good as absent', async () => {
    await send('/v1/batch', { batch: [TRACK, { ...TRACK, properties: null, anonymousId: null }] })
    await send('/v1/track', TRACK)
    expect(counts()).toEqual([
      { type: 'segment.track', verdict: 'accepted', reason: '', count: 1 },
      { type: 'segment.track', verdict: 'duplicate', reason: '', count: 2 },
    ])
    expect(await messages()).toHaveLength(1)
  })

  test('a long batch is taken with a warning, or rejected as Segment does', async () => {
    const batch = Array.from({ length: 2_501 }, (_, i) => ({
      type: 'track',
      userId: 'u',
      event: 'E',
      messageId: `${i}`,
    }))
    const small = await openDoorsUnderTest({ clock, limits: { itemsMax: 5_000 } })
    try {
      const { source, token } = await small.sources.create({ name: 'web', kind: 'segment', settings: {} })
      const post = () =>
        fetch(`${small.origin}/v1/batch`, {
          method: 'POST',
          body: JSON.stringify({ writeKey: token, batch }),
        })
      expect((await post()).status).toBe(200)
      expect(small.doors.verdicts.of(source.number).counts).toEqual([
        { type: 'segment.track', verdict: 'warned', reason: 'batch_too_long', count: 2_501 },
      ])
      await small.sources.update('web', { overLimit: 'as-segment' })
      expect((await post()).status).toBe(200)
      expect(small.doors.verdicts.of(source.number).counts).toContainEqual({
        type: '',
        verdict: 'rejected',
        reason: 'batch_too_long',
        count: 2_501,
      })
    } finally {
      await small.close()
    }
  })

  test('an oversized message refuses the batch where the setting says so, and a single call always', async () => {
    const large = { ...TRACK, properties: { text: 'x'.repeat(33_000) } }
    expect((await send('/v1/track', large)).status).toBe(400)
    await hub.sources.update('web', { overLimit: 'as-segment' })
    expect((await send('/v1/batch', { batch: [{ ...TRACK }, large] })).status).toBe(400)
    expect(await hub.kept()).toEqual([])
  })
})

describe('what is refused', () => {
  test.each<[what: string, body: string | Uint8Array, headers: Record<string, string>, status: number]>([
    ['no JSON', '{"batch":[', {}, 400],
    ['an array', '[]', {}, 400],
    ['nothing', '', {}, 400],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), {}, 400],
    ['nesting without end', `{"a":${'['.repeat(300)}${']'.repeat(300)}}`, {}, 400],
    ['more than 500 KB', JSON.stringify({ batch: [], text: 'x'.repeat(512_001) }), {}, 400],
    ['a bomb', gzipSync('x'.repeat(10_000_000)), { 'content-encoding': 'gzip' }, 400],
    ['no gzip', 'x', { 'content-encoding': 'gzip' }, 400],
    ['an unknown encoding', 'x', { 'content-encoding': 'br' }, 415],
  ])('%s', async (_what, body, headers, status) => {
    expect((await send('/v1/batch', body, { ...SECRET, ...headers })).status).toBe(status)
    expect(await hub.kept()).toEqual([])
    expect(hub.leased.size).toBe(0)
    expect(hub.doors.bytesInFlight).toBe(0)
  })

  test('a batch whose context would swell its messages beyond measure', async () => {
    const batch = Array.from({ length: 1_500 }, () => ({ type: 'track' }))
    const answer = await send('/v1/batch', { context: { text: 'x'.repeat(400_000) }, batch })
    expect(answer.status).toBe(400)
    expect(hub.leased.size).toBe(0)
  })

  test('methods other than POST, but for the question that browsers ask first', async () => {
    expect((await send('/v1/track', '', {}, 'GET')).status).toBe(405)
    const answer = await send('/v1/track', '', { origin: 'https://example.com' }, 'OPTIONS')
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect((await send('/v1/track', TRACK)).headers.get('access-control-allow-origin')).toBe('*')
  })

  test('an empty batch is how senders try their key', async () => {
    expect(await send('/v1/batch', { batch: [] })).toMatchObject({ status: 200, text: OK })
    expect(counts()).toEqual([])
  })

  test('gzip, and any content type or none', async () => {
    const packed = gzipSync(JSON.stringify({ batch: [TRACK] }))
    expect((await send('/v1/batch', packed, { ...SECRET, 'content-encoding': 'gzip' })).status).toBe(200)
    expect(
      (await send('/v1/batch', { batch: [TRACK] }, { ...SECRET, 'content-type': 'text/plain' })).status,
    ).toBe(200)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const bare = httpRequest(`${hub.origin}/v1/track`, { method: 'POST', headers: SECRET }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      bare.on('error', reject)
      bare.end(JSON.stringify(TRACK))
    })
    expect(status).toBe(200)
    expect(await messages()).toHaveLength(1)
  })
})

describe('what the server adds', () => {
  const at = (text: string) => `2026-01-01T${text}.000Z`
  test.each<[what: string, message: object, batch: object, expected: Record<string, unknown>]>([
    [
      'the clock of a sender that is an hour ahead',
      { timestamp: at('12:50:00') },
      { sentAt: at('13:00:00') },
      {
        timestamp: at('11:50:00'),
        originalTimestamp: at('12:50:00'),
        sentAt: at('13:00:00'),
        receivedAt: at('12:00:00'),
      },
    ],
    [
      'an original time',
      { originalTimestamp: at('12:50:00') },
      { sentAt: at('13:00:00') },
      { timestamp: at('11:50:00'), originalTimestamp: at('12:50:00') },
    ],
    [
      'both times: corrected before',
      { originalTimestamp: at('12:50:00'), timestamp: at('10:00:00') },
      { sentAt: at('13:00:00') },
      { timestamp: at('10:00:00'), originalTimestamp: at('12:50:00') },
    ],
    [
      'its own sentAt',
      { sentAt: at('12:30:00'), timestamp: at('12:29:00') },
      { sentAt: at('20:00:00') },
      { timestamp: at('11:59:00'), sentAt: at('12:30:00') },
    ],
    ['no sentAt', { timestamp: at('10:00:00') }, {}, { timestamp: at('10:00:00') }],
    ['no sentAt, an original time', { originalTimestamp: at('10:00:00') }, {}, { timestamp: at('10:00:00') }],
    ['no time', {}, { sentAt: at('13:00:00') }, { timestamp: at('12:00:00'), sentAt: at('13:00:00') }],
    [
      'a time of another zone',
      { timestamp: '2026-01-01T14:00:00+02:00' },
      { sentAt: at('12:00:00') },
      { timestamp: at('12:00:00'), originalTimestamp: '2026-01-01T14:00:00+02:00' },
    ],
    [
      'a time beyond all calendars',
      { timestamp: '9999-12-31T23:59:59Z' },
      { sentAt: at('11:00:00') },
      { timestamp: '9999-12-31T23:59:59Z' },
    ],
    [
      'a sentAt that cannot be read',
      { timestamp: at('10:00:00') },
      { sentAt: 'x' },
      { timestamp: at('10:00:00'), sentAt: 'x' },
    ],
    [
      'context of the batch',
      {},
      { context: { ip: '::1', app: { v: 1.0 } } },
      { context: { ip: '::1', app: { v: 1 } } },
    ],
    [
      'context of both: the message’s counts',
      { context: { ip: '10.0.0.1', locale: 'de' } },
      { context: { ip: '::1', app: {} }, integrations: { All: false } },
      { context: { ip: '10.0.0.1', locale: 'de', app: {} }, integrations: { All: false } },
    ],
    ['an empty context', { context: {} }, { context: { ip: '::1' } }, { context: { ip: '::1' } }],
    ['context of another type stays', { context: 5 }, { context: { ip: '::1' } }, { context: 5 }],
    ['a number as messageId', { messageId: 12 }, {}, { messageId: '12' }],
  ])('%s', async (_what, message, batch, expected) => {
    await send('/v1/batch', { ...batch, batch: [{ ...TRACK, ...message }] })
    const [kept] = await messages()
    expect(kept).toMatchObject({ ...TRACK, ...message, ...expected })
    for (const [name, value] of Object.entries(expected)) expect(kept?.[name]).toEqual(value)
  })

  test('every byte of the sender’s own members stays', async () => {
    const own = '"event":"E","properties":{ "big":12345678901234567890, "d":1.00,"u":"\\u00e9é" } '
    const shared = '{"app":{"n":1e400,"v":1.50}}'
    await send('/v1/batch', `{"context":${shared},"batch":[ {"type":"track","userId":"u",${own}} ]}`)
    const [kept] = await hub.kept()
    expect(kept?.text).toContain(own)
    expect(kept?.text).toContain(`"context":${shared}`)
  })

  test('an id is made of the content where there is a time, and is new where there is none', async () => {
    const timed = { ...TRACK, messageId: undefined, timestamp: at('10:00:00') }
    await send('/v1/batch', { sentAt: at('11:00:00'), batch: [timed] })
    await send('/v1/batch', {
      sentAt: at('12:00:00'),
      batch: [timed, { ...timed, messageId: null }, { ...timed, event: 'F' }],
    })
    await send('/v1/batch', {
      batch: [
        { ...TRACK, messageId: undefined },
        { ...TRACK, messageId: undefined },
      ],
    })
    const ids = (await messages()).map(({ messageId }) => messageId)
    expect(ids).toHaveLength(5)
    expect(new Set(ids).size).toBe(5)
    expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(String(id)))).toBe(true)
  })

  test('a type that differs from the address gives way', async () => {
    await send('/v1/identify', { ...TRACK, type: 'track' })
    expect(await messages()).toMatchObject([{ type: 'identify' }])
    expect(counts()).toEqual([
      { type: 'segment.identify', verdict: 'warned', reason: 'type_differs', count: 1 },
    ])
  })
})
