import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { Double } from './double.ts'
import { DEMO, startSegment } from './sandbox.ts'
import { BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BYTES_MAX, type Segment } from './segment.ts'
import { ask } from './testing.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')
const KEY = DEMO.segmentWriteKey
const HOUR_MS = 3_600_000

let clock: VirtualClock
let double: Double<Segment>

beforeEach(async () => {
  clock = new VirtualClock(NOW)
  double = await startSegment({ clock, random: seededRandom(3) })
})
afterEach(() => double.close())

function basic(user: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
}

function post(path: string, body: unknown, headers: Record<string, string> = basic(`${KEY}:`)) {
  return ask(double.url + path, { body, headers })
}

const track = (fields: Record<string, unknown> = {}) => ({
  type: 'track',
  userId: 'u1',
  event: 'Email Opened',
  ...fields,
})
const batch = (...events: unknown[]) => ({ batch: events })
const codes = () => double.vendor.discards().map((discard) => discard.code)

describe('paths', () => {
  it.each([
    ['/v1/track', track(), 'track'],
    ['/v1/t', track(), 'track'],
    ['/v1/identify', { userId: 'u1', traits: {} }, 'identify'],
    ['/v1/i', { userId: 'u1' }, 'identify'],
    ['/v1/page', { userId: 'u1', name: 'Home' }, 'page'],
    ['/v1/p', { userId: 'u1' }, 'page'],
    ['/v1/screen', { userId: 'u1' }, 'screen'],
    ['/v1/s', { userId: 'u1' }, 'screen'],
    ['/v1/group', { userId: 'u1', groupId: 'g1' }, 'group'],
    ['/v1/g', { userId: 'u1', groupId: 'g1' }, 'group'],
    ['/v1/alias', { userId: 'u1', previousId: 'a1' }, 'alias'],
    ['/v1/a', { userId: 'u1', previousId: 'a1' }, 'alias'],
    ['/v1/batch', batch(track()), 'track'],
    ['/v1/import', batch(track()), 'track'],
    ['/v1/b', batch(track()), 'track'],
  ])('%s', async (path, body, type) => {
    const told = await post(path, body)
    expect([told.status, told.json]).toEqual([200, { success: true }])
    expect(double.vendor.events().map((event) => event.type)).toEqual([type])
  })

  it.each(['/track', '/v1/other', '/v2/track'])('%s is no address', async (path) => {
    expect((await post(path, track())).status).toBe(404)
  })
})

describe('write keys', () => {
  const cases: [string, Record<string, unknown>, Record<string, string>, boolean][] = [
    ['in the body', { writeKey: KEY }, {}, true],
    ['as Basic user', {}, basic(`${KEY}:`), true],
    ['as Basic user without a colon', {}, basic(KEY), true],
    ['as Basic user beside a wrong one in the body', { writeKey: 'wrong' }, basic(`${KEY}:`), true],
    ['beside a bearer token', { writeKey: KEY }, { authorization: 'Bearer some.token' }, true],
    ['wrong Basic user beside a good one in the body', { writeKey: KEY }, basic('wrong:'), false],
    ['wrong', { writeKey: 'wrong' }, {}, false],
    ['none', {}, {}, false],
  ]
  it.each(cases)('%s', async (_what, fields, headers, good) => {
    expect((await post('/v1/track', track(fields), headers)).status).toBe(200)
    expect([double.arrivals.total, codes()]).toEqual(good ? [1, []] : [0, ['unknown_source']])
    double.vendor.configure({ strictKeys: true })
    expect((await post('/v1/track', track(fields), headers)).status).toBe(good ? 200 : 401)
  })
})

describe('sizes', () => {
  const padded = (bytes: number) => {
    const empty = JSON.stringify(track({ properties: { p: '' } })).length
    return JSON.stringify(track({ properties: { p: 'x'.repeat(bytes - empty) } }))
  }
  const batchOf = (bytes: number) => {
    const event = padded(20_000)
    const text = `{"batch":[${Array(20).fill(event).join()}]}`
    return text + ' '.repeat(bytes - text.length)
  }
  it.each([
    ['a single event of 32 KB', '/v1/track', padded(EVENT_BYTES_MAX), 200],
    ['a single event beyond', '/v1/track', padded(EVENT_BYTES_MAX + 1), 400],
    ['a batch with an event of 32 KB', '/v1/batch', `{"batch":[${padded(EVENT_BYTES_MAX)}]}`, 200],
    ['a batch with an event beyond', '/v1/batch', `{"batch":[${padded(EVENT_BYTES_MAX + 1)}]}`, 400],
    ['a batch of 500 KB', '/v1/batch', batchOf(BATCH_BYTES_MAX), 200],
    ['a batch beyond', '/v1/batch', batchOf(BATCH_BYTES_MAX + 1), 400],
    ['broken JSON', '/v1/track', '{"userId":', 400],
    ['an array', '/v1/batch', '[]', 400],
  ])('%s: %d', async (_what, path, body, status) => {
    expect((await post(path, body)).status).toBe(status)
    expect(double.arrivals.total > 0).toBe(status === 200)
  })

  it.each([
    [BATCH_EVENTS_MAX, BATCH_EVENTS_MAX, []],
    [BATCH_EVENTS_MAX + 1, 0, ['bad_request']],
  ])('a batch of %d events answers 200 and publishes %d', async (count, publishedCount, discarded) => {
    const told = await post('/v1/batch', batch(...Array(count).fill(track())))
    expect([told.status, double.arrivals.total, codes()]).toEqual([200, publishedCount, discarded])
  })

  it('takes gzip', async () => {
    const body = gzipSync(JSON.stringify(batch(track())))
    expect((await post('/v1/batch', body, { ...basic(`${KEY}:`), 'content-encoding': 'gzip' })).status).toBe(
      200,
    )
    expect(double.arrivals.total).toBe(1)
  })
})

describe('checks', () => {
  const cases: [unknown, string | undefined][] = [
    [track(), undefined],
    [track({ userId: undefined, anonymousId: 'a' }), undefined],
    [track({ userId: undefined }), 'no_user_anon_id'],
    [track({ userId: '' }), 'no_user_anon_id'],
    [track({ userId: 7 }), 'id_not_string'],
    [track({ event: undefined }), 'event_not_defined'],
    [track({ event: '' }), 'event_not_defined'],
    [track({ event: 7 }), 'event_not_string'],
    [track({ properties: [] }), 'properties_not_object'],
    [track({ properties: 'x' }), 'properties_not_object'],
    [track({ messageId: 'm'.repeat(99) }), undefined],
    [track({ messageId: 'm'.repeat(100) }), 'bad_request'],
    [track({ messageId: 7 }), 'bad_request'],
    [track({ type: 'purchase' }), 'bad_request'],
    [track({ type: undefined }), 'bad_request'],
    ['text', 'bad_request'],
    [null, 'bad_request'],
    [{ type: 'identify', userId: 'u', traits: 'x' }, 'traits_not_object'],
    [{ type: 'group', userId: 'u', groupId: 'g', traits: [] }, 'traits_not_object'],
    [{ type: 'group', userId: 'u' }, 'id_required'],
    [{ type: 'group', userId: 'u', groupId: 7 }, 'id_not_string'],
    [{ type: 'alias', userId: 'u' }, 'id_required'],
    [{ type: 'alias', previousId: 'a' }, 'id_required'],
    [{ type: 'page', userId: 'u', name: 7 }, 'name_not_string'],
    [{ type: 'screen', userId: 'u', category: {} }, 'category_not_string'],
    [{ type: 'page', userId: 'u', properties: 1 }, 'properties_not_object'],
    [track({ context: { consent: {} } }), 'consent_categorypreferences_should_exist'],
    [
      track({ context: { consent: { categoryPreferences: 1 } } }),
      'consent_categorypreferences_fields_should_be_object',
    ],
    [
      track({ context: { consent: { categoryPreferences: { a: 'y' } } } }),
      'consent_categorypreferences_fields_should_be_bool',
    ],
    [
      track({ context: { consent: { categoryPreferences: { a: true }, version: '1' } } }),
      'consent_version_should_be_number',
    ],
    [track({ context: { consent: { categoryPreferences: { a: true }, version: 1 } } }), undefined],
    [track({ context: { device: { advertisingId: 7 } } }), 'device_advertisingid_should_be_string'],
  ]
  it.each(cases)('%j: %s', async (event, code) => {
    expect((await post('/v1/batch', batch(event))).status).toBe(200)
    expect([codes(), double.arrivals.total]).toEqual(code === undefined ? [[], 1] : [[code], 0])
  })

  it('publishes the good ones of a batch and keeps the others with code and payload', async () => {
    await post(
      '/v1/batch',
      '{"batch":[{"type":"track","userId":"u","event":"A","messageId":"m1"}, {"type":"track", "event":"B"}]}',
    )
    expect(double.arrivals.view().ids).toEqual(['m1'])
    const { json } = await ask(`${double.url}/sandbox/discards`)
    expect(json).toEqual({
      total: 1,
      discards: [{ code: 'no_user_anon_id', receivedAtMs: NOW, payload: '{"type":"track", "event":"B"}' }],
    })
    expect(double.state()).toMatchObject({
      discarded: { no_user_anon_id: 1 },
      partialBatches: 1,
      published: { total: 1 },
    })
  })

  it.each([
    ['an empty batch', { batch: [] }, 'empty_batch'],
    ['no batch', {}, 'bad_request'],
  ])('discards %s', async (_what, body, code) => {
    expect((await post('/v1/batch', body)).status).toBe(200)
    expect(codes()).toEqual([code])
  })
})

describe('publishing', () => {
  async function publishedBy(body: unknown, path = '/v1/batch') {
    await post(path, body)
    const [event] = double.vendor.events()
    if (event === undefined) throw new Error('nothing published')
    return event
  }

  it('takes clock skew out: receivedAt - (sentAt - originalTimestamp)', async () => {
    const event = await publishedBy({
      batch: [track({ timestamp: '2026-03-01T09:00:00.000Z' })],
      sentAt: '2026-03-01T09:00:30.000Z',
    })
    expect(event).toMatchObject({
      originalTimestamp: '2026-03-01T09:00:00.000Z',
      sentAt: '2026-03-01T09:00:30.000Z',
      receivedAt: '2026-03-01T12:00:00.000Z',
      timestamp: '2026-03-01T11:59:30.000Z',
    })
  })

  it.each([
    [{}, '2026-03-01T12:00:00.000Z'],
    [{ timestamp: '2026-02-28T00:00:00Z' }, '2026-02-28T00:00:00.000Z'],
    [{ timestamp: 'yesterday' }, '2026-03-01T12:00:00.000Z'],
    [{ timestamp: '2026-02-28T00:00:00Z', sentAt: 'now' }, '2026-02-28T00:00:00.000Z'],
  ])('without a usable sentAt, %j happened at %s', async (fields, timestamp) => {
    expect((await publishedBy(track(fields), '/v1/track')).timestamp).toBe(timestamp)
  })

  it('merges what is around a batch, the event winning, and never shows the key', async () => {
    const event = await publishedBy({
      writeKey: KEY,
      context: { ip: '1.1.1.1', locale: 'en' },
      integrations: { All: true },
      batch: [track({ writeKey: KEY, context: { ip: '2.2.2.2' }, integrations: { X: false } })],
    })
    expect(event).toMatchObject({
      context: { ip: '2.2.2.2', locale: 'en' },
      integrations: { All: true, X: false },
    })
    expect(JSON.stringify(event)).not.toContain(KEY)
  })

  it('gives an id to an event without one, a new one each time', async () => {
    await post('/v1/batch', batch(track(), track(), track({ messageId: '' })))
    expect(double.arrivals.distinct()).toBe(3)
  })
})

describe('de-duplication', () => {
  it('is by messageId alone, over sources, for 24 hours', async () => {
    await double.close()
    double = await startSegment({ clock, random: seededRandom(3) }, { writeKeys: ['one', 'two'] })
    const send = (key: string, event: string) =>
      post('/v1/track', track({ messageId: 'm1', event }), basic(`${key}:`))
    for (const told of [await send('one', 'A'), await send('two', 'B')]) expect(told.status).toBe(200)
    expect(double.vendor.events().map((event) => event.event)).toEqual(['A'])
    await clock.advance(24 * HOUR_MS - 1)
    await send('one', 'C')
    expect(double.state()).toMatchObject({ duplicates: 2 })
    await clock.advance(1)
    await send('one', 'D')
    expect(double.vendor.events().map((event) => event.event)).toEqual(['A', 'D'])
  })

  it('does not count a discarded event as seen', async () => {
    await post('/v1/track', track({ messageId: 'm1', event: '' }))
    await post('/v1/track', track({ messageId: 'm1' }))
    expect(double.arrivals.view().ids).toEqual(['m1'])
  })

  it('forgets the oldest ids beyond its bound, and says so', async () => {
    await double.close()
    double = await startSegment({ clock, random: seededRandom(3) }, { dedupeIdsMax: 2 })
    await post('/v1/batch', batch(...['a', 'b', 'c', 'a'].map((messageId) => track({ messageId }))))
    expect(double.arrivals.view().ids).toEqual(['a', 'b', 'c', 'a'])
    expect(double.state()).toMatchObject({ dedupe: { ids: 2, forgottenEarly: 2 } })
  })
})

describe('faults and inspection', () => {
  it('refuses the whole request for one refused message', async () => {
    double.faults.set([{ kind: 'refuse', ids: ['m2'] }])
    const body = batch(track({ messageId: 'm1' }), track({ messageId: 'm2' }))
    expect((await post('/v1/batch', body)).status).toBe(400)
    expect(double.arrivals.total).toBe(0)
  })

  it('throttles with both headers', async () => {
    double.faults.set([{ kind: 'rate_limit', perSecond: 1 }])
    await post('/v1/track', track())
    const told = await post('/v1/track', track())
    expect([told.status, told.headers['retry-after'], told.headers['x-ratelimit-reset']]).toEqual([
      429,
      '1',
      '1',
    ])
  })

  it('shows events oldest first or newest first', async () => {
    await post('/v1/batch', batch(...['a', 'b', 'c'].map((messageId) => track({ messageId }))))
    const page = async (query: string) => {
      const { json } = await ask(`${double.url}/sandbox/events${query}`)
      return json.events.map((event: { messageId: string }) => event.messageId)
    }
    expect(await page('?limit=2')).toEqual(['a', 'b'])
    expect(await page('?newest=1&limit=2')).toEqual(['c', 'b'])
    expect(await page('?newest=1&offset=2&limit=2')).toEqual(['a'])
    expect(await page('?newest=1&offset=9')).toEqual([])
  })
})
