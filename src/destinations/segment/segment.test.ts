import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventTypes } from '../../catalog/catalog.ts'
import type { Exchange, WireReply } from '../../core/exchange.ts'
import type { Kernel } from '../../core/kernel/kernel.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { EventWriter } from '../destination.ts'
import {
  batchOf,
  kernelForTests,
  OPEN_EVENT,
  outcomes,
  rehearse,
  reply,
  type Seen,
} from '../rehearsal.fixture.ts'
import { segment } from './segment.ts'
import { SegmentCredentials, SegmentSettings } from './settings.ts'

const KEY = 'wk_1'
const BASIC = Buffer.from(`${KEY}:`).toString('base64')
const OK = reply(200, { success: true })

const targetOf = (settings: object) => ({
  settings: SegmentSettings.parse(settings),
  credentials: SegmentCredentials.parse({ writeKey: KEY }),
})

function writerOf(settings: object = {}, kernel: Kernel['name'] = 'wasm'): EventWriter {
  if (segment.events === undefined) throw new Error('no intake')
  return segment.events.writer(targetOf(settings), kernelForTests(kernel), new Map())
}

function write(settings: object, events: readonly (object | string)[]): Exchange<readonly Receipt[]> {
  return writerOf(settings).write(batchOf(events))
}

function callsOf(requests: readonly Seen[]): Record<string, unknown>[] {
  return requests.flatMap(
    (request) => (JSON.parse(request.body) as { batch: Record<string, unknown>[] }).batch,
  )
}

/** What arrives at Segment for one event. */
function mapped(event: object | string, settings: object = {}): Record<string, unknown> | undefined {
  const batch = batchOf([event])
  const writer = writerOf(settings)
  const [call] = callsOf(rehearse(writer.write(batch), [OK]).requests)
  // The fast way, the slow way and the preview must agree.
  const preview = writer.preview(batch, 0)
  expect(preview === undefined ? undefined : JSON.parse(JSON.stringify(preview))).toEqual(call)
  return call
}

const event = (event_type: string, properties: object = {}, user: object = {}) => ({
  ...OPEN_EVENT,
  event_type,
  user: { ...OPEN_EVENT.user, ...user },
  properties,
})

const propertiesOf = (call: Record<string, unknown> | undefined) =>
  call?.properties as Record<string, unknown>
const contextOf = (call: Record<string, unknown> | undefined) => call?.context as Record<string, unknown>

describe('request', () => {
  it('is a batch of track calls', () => {
    const { requests, result } = rehearse(write({}, [OPEN_EVENT]), [OK])
    expect(requests).toEqual([
      {
        method: 'POST',
        url: 'https://api.segment.io/v1/batch',
        headers: { 'content-type': 'application/json', authorization: `Basic ${BASIC}` },
        body: expect.any(String),
        secrets: [KEY, BASIC, encodeURIComponent(BASIC)],
      },
    ])
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({
      batch: [
        {
          messageId: `${OPEN_EVENT.id}:c0ffee`,
          userId: 'u1',
          anonymousId: '0123456789abcdef01234567',
          type: 'track',
          event: 'Email Opened',
          timestamp: '2016-10-26T17:26:23.000Z',
          context: {
            device: {},
            traits: { email: 'test@example.com' },
            integration: { name: 'thalweg', version: '1.0.0' },
          },
          properties: {
            event_type: 'users.messages.email.Open',
            device_id: OPEN_EVENT.user.device_id,
            campaign_id: OPEN_EVENT.properties.campaign_id,
            campaign_name: 'Test Campaign',
            dispatch_id: '12345qwert',
            send_id: OPEN_EVENT.properties.send_id,
            user_agent: OPEN_EVENT.properties.user_agent,
          },
        },
      ],
    })
    expect(outcomes(result)).toEqual(['delivered'])
  })

  it.each([
    [{}, 'https://api.segment.io/v1/batch'],
    [{ region: 'eu' }, 'https://events.eu1.segmentapis.com/v1/batch'],
    [{ region: 'custom', host: 'http://127.0.0.1:7082/v1/' }, 'http://127.0.0.1:7082/v1/batch'],
  ])('%j goes to %s', (settings, url) => {
    expect(rehearse(write(settings, [OPEN_EVENT]), [OK]).requests[0]?.url).toBe(url)
  })

  it.each([
    [{ region: 'custom' }, /needs a host/],
    [{ host: 'http://h/v1' }, /needs region custom/],
    [{ region: 'moon' }, /us/],
    [{ region: 'custom', host: 'ftp://h' }, /https:/],
    [{ eventNames: { a: '' } }, />=1/],
    [
      { eventNames: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, 'n'])) },
      /1000 names/,
    ],
  ])('refuses %j', (settings, problem) => {
    expect(SegmentSettings.safeParse(settings).error?.message).toMatch(problem)
  })

  it('sends nothing when nothing is left', () => {
    expect(rehearse(write({}, []), [])).toEqual({ requests: [], result: [] })
    const { requests, result } = rehearse(write({}, [{ id: 'a' }]), [])
    expect(requests).toEqual([])
    expect(outcomes(result)).toEqual(['skipped:no_identity'])
  })
})

describe('names', () => {
  it.each([
    ['users.messages.pushnotification.Open', {}, 'Push Notification Tapped'],
    ['users.messages.line.Send', {}, 'Sent'],
    ['users.messages.rcs.Send', {}, 'Sent'],
    ['users.message.email.Open', {}, 'Email Opened'],
    ['users.behaviors.CustomEvent', {}, 'users.behaviors.CustomEvent'],
    ['users.messages.future.Blink', {}, 'users.messages.future.Blink'],
    ['users.messages.email.Open', { 'users.messages.email.Open': 'Mail gelesen' }, 'Mail gelesen'],
    ['users.messages.future.Blink', { 'users.messages.future.Blink': 'Blinked' }, 'Blinked'],
    ['constructor', {}, 'constructor'],
    ['', {}, 'Unknown Event'],
  ])('%s with %j is %s', (type, eventNames, name) => {
    const call = mapped(event(type), { eventNames })
    expect(call?.event).toBe(name)
  })

  it('keeps the event type as a property, unless told not to', () => {
    expect(propertiesOf(mapped(event('users.messages.line.Send')))).toHaveProperty(
      'event_type',
      'users.messages.line.Send',
    )
    expect(
      propertiesOf(mapped(event('users.messages.line.Send'), { keepEventType: false })),
    ).not.toHaveProperty('event_type')
  })

  it('has a name for every type of the catalog', () => {
    for (const type of eventTypes) {
      expect(mapped(event(type.name))?.event).toBe(type.segment.name ?? type.name)
    }
  })
})

describe('fields', () => {
  const P = 'users.messages.'

  it.each<[string, object, object, object]>([
    [`${P}email.Click`, { url: 'u', link_id: 'l' }, { link_url: 'u', link_id: 'l' }, {}],
    [
      `${P}sms.ShortLinkClick`,
      { url: 'u', user_phone_number: '+1' },
      { url: 'u' },
      { traits: { phone: '+1' } },
    ],
    [`${P}line.Click`, { url: 'u' }, {}, {}],
    [`${P}whatsapp.Click`, { url: 'u', user_phone_number: '+1' }, {}, { traits: { phone: '+1' } }],
    [`${P}rcs.Click`, { url: 'u', user_phone_number: '+1' }, { url: 'u' }, { traits: { phone: '+1' } }],
    [
      `${P}whatsapp.Send`,
      { from_phone_number: '+2', to_phone_number: '+1' },
      { from_phone_number: '+2' },
      { traits: { phone: '+1' } },
    ],
    [`${P}sms.Send`, { from_phone_number: '+2', to_phone_number: '+1' }, {}, { traits: { phone: '+1' } }],
    [
      `${P}contentcard.Click`,
      { content_card_id: 'c', platform: 'ios' },
      { card_id: 'c' },
      { device: { type: 'ios' } },
    ],
    [`${P}inappmessage.Abort`, { browser: 'b', browser_version: '1', card_id: 'c' }, { card_id: 'c' }, {}],
    [
      `${P}banner.Click`,
      { platform: 'web', browser: 'b', country: 'DE', device_model: 'm' },
      { browser: 'b' },
      { device: { model: 'm' } },
    ],
    [
      `${P}pushnotification.Open`,
      { platform: 'ios', button_string: 's', button_action_type: 'a', os_version: '9' },
      {},
      { device: { type: 'ios' } },
    ],
    [`${P}pushnotification.Send`, { platform: 'ios' }, { platform: 'ios' }, {}],
    [
      `${P}email.Bounce`,
      { sending_ip: '1.2.3.4', bounce_reason: 'r', email_address: 'e' },
      { bounce_reason: 'r' },
      { traits: { email: 'e' } },
    ],
    [
      'users.behaviors.subscriptiongroup.StateChange',
      { phone_number: '+1', subscription_status: 'Subscribed' },
      { subscription_status: 'Subscribed' },
      {},
    ],
    [
      'users.behaviors.app.SessionStart',
      { platform: 'ios', session_id: 's' },
      { session_id: 's' },
      { device: { type: 'ios' } },
    ],
    [
      'users.behaviors.Location',
      { platform: 'ios', latitude: 1.5 },
      { latitude: 1.5 },
      { device: { type: 'ios' } },
    ],
    [
      'users.messages.future.Blink',
      {
        country: 'DE',
        os_version: '9',
        platform: 'ios',
        email_address: 'e',
        device_model: 'm',
        user_phone_number: '+1',
      },
      { country: 'DE', os_version: '9', platform: 'ios', user_phone_number: '+1' },
      { traits: { email: 'e' }, device: { model: 'm' } },
    ],
  ])('of %s %j', (type, properties, sent, context) => {
    const call = mapped(event(type, properties))
    const { event_type, device_id, ...others } = propertiesOf(call)
    expect(event_type).toBe(type)
    expect(device_id).toBe(OPEN_EVENT.user.device_id)
    expect(others).toEqual(sent)
    expect(contextOf(call)).toEqual({ device: {}, traits: {}, integration: expect.anything(), ...context })
  })

  it.each([
    'users.messages.email.Deferral',
    'users.canvas.exit.PerformedEvent',
    'users.messages.liveactivity.Send',
  ])('sends no device id with %s', (type) => {
    expect(propertiesOf(mapped(event(type)))).toEqual({ event_type: type })
  })

  it('lets a property that has the name of an added one step aside', () => {
    const call = mapped(event('users.messages.future.Blink', { event_type: 'x', device_id: 'y' }))
    expect(propertiesOf(call)).toEqual({
      event_type: 'users.messages.future.Blink',
      device_id: OPEN_EVENT.user.device_id,
      properties_event_type: 'x',
      properties_device_id: 'y',
    })
  })

  it.each([
    ['users.behaviors.CustomEvent', 'custom_properties'],
    ['users.behaviors.Purchase', 'purchase_properties'],
  ])('merges the custom properties of %s', (type, key) => {
    const custom = { colour: 'red', name: 'mine', event_type: 'also mine', deep: { n: [1] } }
    const call = mapped(event(type, { name: 'theirs', platform: 'ios', [key]: custom }))
    expect(propertiesOf(call)).toEqual({
      event_type: type,
      device_id: OPEN_EVENT.user.device_id,
      name: 'theirs',
      colour: 'red',
      custom_name: 'mine',
      custom_event_type: 'also mine',
      deep: { n: [1] },
    })
    expect(contextOf(call).device).toEqual({ type: 'ios' })
  })

  it.each<[string, object, object]>([
    ['{}', {}, {}],
    ['{ }', { name: 'n' }, { name: 'n' }],
    ['{ "a" : 1.50 }', {}, { a: 1.5 }],
    ['{"a":{"b":[{}]},"c":""}', { name: 'n' }, { name: 'n', a: { b: [{}] }, c: '' }],
    ['{"a":1,"\\u0062":2}', {}, { a: 1, b: 2 }],
    ['{"n\\u0061me":1}', { name: 'n' }, { name: 'n', custom_name: 1 }],
    ['{"a":1,"a":2}', {}, { a: 2 }],
    ['{"name":1,"custom_name":2}', { name: 'n' }, { name: 'n', custom_name: 1, custom_custom_name: 2 }],
    ['{"__proto__":1}', {}, JSON.parse('{"__proto__":1}')],
  ])('merges %s into %j', (custom, properties, merged) => {
    const { device_id: _, ...user } = OPEN_EVENT.user
    const bare = { ...OPEN_EVENT, event_type: 'users.behaviors.CustomEvent', user }
    const text = JSON.stringify({ ...bare, properties: { ...properties, custom_properties: 'HERE' } })
    expect(propertiesOf(mapped(text.replace('"HERE"', custom), { keepEventType: false }))).toEqual(merged)
  })

  it('merges custom properties in their bytes where nothing is in doubt, into a body of one piece', () => {
    const custom = (n: string) =>
      JSON.stringify(event('users.behaviors.CustomEvent', { custom_properties: { n: 'N' } })).replace(
        '"N"',
        n,
      )
    const exchange = write({}, [
      custom('1.50'),
      OPEN_EVENT,
      custom('2.50'),
      event('users.behaviors.CustomEvent'),
    ])
    const step = exchange.next()
    const body = step.done === true ? undefined : step.value.body
    expect(body).toBeInstanceOf(Uint8Array)
    const text = Buffer.from(body as Uint8Array).toString()
    expect(text).toContain(',"n":1.50}')
    expect(text).toContain(',"n":2.50}')
    expect(text).not.toContain('carrier')
    expect((JSON.parse(text) as { batch: unknown[] }).batch).toHaveLength(4)
  })

  it('leaves a call with thousands of members to the slow way', () => {
    const custom = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]))
    const call = mapped(event('users.behaviors.CustomEvent', { custom_properties: custom }))
    expect(propertiesOf(call)).toMatchObject(custom)
  })

  it.each(['{"a":1}', 7, ['x']])('keeps custom properties that are not an object: %j', (custom) => {
    const call = mapped(event('users.behaviors.CustomEvent', { custom_properties: custom }))
    expect(propertiesOf(call)).toHaveProperty('custom_properties', custom)
  })

  it('keeps great numbers among custom properties', () => {
    const text = JSON.stringify(event('users.behaviors.CustomEvent', { custom_properties: { n: 'N' } }))
    const { requests } = rehearse(write({}, [text.replace('"N"', '12345678901234567890')]), [OK])
    expect(requests[0]?.body).toContain('"n":12345678901234567890')
  })
})

describe('time', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000Z', undefined],
    [1477502783, '2016-10-26T17:26:23.000Z', undefined],
    [1477502783.25, '2016-10-26T17:26:23.250Z', undefined],
    [253402300799, '9999-12-31T23:59:59.000Z', undefined],
    [253402300800, undefined, 253402300800],
    [-1, undefined, -1],
    ['yesterday', undefined, 'yesterday'],
    [null, undefined, null],
  ])('%j becomes %s', (time, timestamp, property) => {
    const call = mapped({ ...OPEN_EVENT, time })
    expect(call?.timestamp).toBe(timestamp)
    expect(propertiesOf(call).time).toBe(property)
  })

  it('is left to Segment when the event has none', () => {
    const { time: _time, ...timeless } = OPEN_EVENT
    const call = mapped(timeless)
    expect(call).not.toHaveProperty('timestamp')
    expect(propertiesOf(call)).not.toHaveProperty('time')
  })
})

describe('identity', () => {
  const anonymous = { includeAnonymous: true }

  it.each<[object, object, string | undefined, string | undefined]>([
    [{}, { external_user_id: 'u', user_id: 'b' }, 'u', 'b'],
    [{}, { external_user_id: 'u' }, 'u', undefined],
    [anonymous, { user_id: 'b' }, undefined, 'b'],
    [anonymous, { external_user_id: '', user_id: 'b' }, undefined, 'b'],
    [anonymous, { external_user_id: 7, user_id: 'b' }, undefined, 'b'],
    [anonymous, { external_user_id: '[REDACTED]', user_id: 'b' }, undefined, 'b'],
    [{}, { external_user_id: 'u', user_id: '[REDACTED]' }, 'u', undefined],
    [{}, { external_user_id: '[u]', user_id: 'b' }, '[u]', 'b'],
    [{}, { external_user_id: 'a"b\\c', user_id: 'b' }, 'a"b\\c', 'b'],
  ])('with %j of %j', (settings, user, userId, anonymousId) => {
    const call = mapped({ ...OPEN_EVENT, user }, settings)
    expect([call?.userId, call?.anonymousId]).toEqual([userId, anonymousId])
  })

  it.each<[object, unknown]>([
    [{}, { user_id: 'b' }],
    [{}, { external_user_id: '[REDACTED]', user_id: 'b' }],
    [{}, {}],
    [anonymous, {}],
    [anonymous, { external_user_id: '[REDACTED]', user_id: '[REDACTED]' }],
    [anonymous, { external_user_id: null, user_id: '' }],
    [anonymous, null],
    [anonymous, 'u'],
  ])('with %j, %j is nobody', (settings, user) => {
    const { requests, result } = rehearse(write(settings, [{ ...OPEN_EVENT, user }]), [])
    expect(requests).toEqual([])
    expect(outcomes(result)).toEqual(['skipped:no_identity'])
    expect(writerOf(settings).preview(batchOf([{ ...OPEN_EVENT, user }]), 0)).toBeUndefined()
  })
})

describe('message ids', () => {
  const idOf = (id: unknown, connection = 'c0ffee') => {
    const batch = batchOf([{ ...OPEN_EVENT, id }], connection)
    const [call] = callsOf(rehearse(writerOf().write(batch), [OK]).requests)
    return call?.messageId as string
  }
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

  it.each(['x', 'evt-1', 'é'.repeat(20), 'x'.repeat(92)])('keeps the id %s', (id) => {
    expect(idOf(id)).toBe(`${id}:c0ffee`)
  })

  it('tells two connections apart', () => {
    expect(idOf('evt-1', 'aaa')).not.toBe(idOf('evt-1', 'bbb'))
  })

  it('serves another connection when asked to', () => {
    const writer = writerOf()
    const ids = ['aaa', 'bbb', 'aaa'].map((connection) => {
      const { requests } = rehearse(writer.write(batchOf([OPEN_EVENT], connection)), [OK])
      return callsOf(requests)[0]?.messageId
    })
    expect(ids).toEqual([`${OPEN_EVENT.id}:aaa`, `${OPEN_EVENT.id}:bbb`, `${OPEN_EVENT.id}:aaa`])
  })

  it.each(['x'.repeat(93), 'x'.repeat(100_0), 'é'.repeat(47)])('shortens the id %s', (id) => {
    expect(idOf(id)).toBe(`id-${sha256(id)}:c0ffee`)
    expect(idOf(id).length).toBeLessThan(100)
  })

  it.each([undefined, '', 7, null])('makes an id out of the event for %j', (id) => {
    const text = JSON.stringify({ ...OPEN_EVENT, id })
    expect(idOf(id)).toBe(`content-${sha256(text)}:c0ffee`)
    expect(idOf(id, 'a'.repeat(12)).length).toBeLessThan(100)
  })
})

describe('answers', () => {
  it.each([
    [200, 'delivered'],
    [201, 'delivered'],
    [302, 'failed:misconfigured'],
    [400, 'failed:invalid'],
    [401, 'failed:unauthorized'],
    [403, 'failed:unauthorized'],
    [404, 'failed:misconfigured'],
    [405, 'failed:misconfigured'],
    [408, 'failed:unavailable'],
    [410, 'failed:unavailable'],
    [413, 'failed:oversized'],
    [422, 'failed:invalid'],
    [429, 'failed:throttled'],
    [460, 'failed:unavailable'],
    [500, 'failed:unavailable'],
    [501, 'failed:misconfigured'],
    [503, 'failed:unavailable'],
    [505, 'failed:misconfigured'],
    [511, 'failed:misconfigured'],
  ])('%i is %s', (status, outcome) => {
    const { result } = rehearse(write({}, [OPEN_EVENT, OPEN_EVENT]), [reply(status)])
    expect(outcomes(result)).toEqual([outcome, outcome])
  })

  it('hands Retry-After on', () => {
    const { result } = rehearse(write({}, [OPEN_EVENT]), [reply(429, '', { 'retry-after': '30' })])
    expect(result[0]).toMatchObject({ fault: { kind: 'throttled', retryAfterMs: 30_000 } })
  })

  it('checks with an empty batch', () => {
    const { requests, result } = rehearse(segment.check(targetOf({})), [OK])
    expect(requests.map((request) => request.body)).toEqual(['{"batch":[]}'])
    expect(outcomes([result])).toEqual(['delivered'])
    expect(outcomes([rehearse(segment.check(targetOf({})), [reply(401)]).result])).toEqual([
      'failed:unauthorized',
    ])
  })
})

describe('limits', () => {
  /** An event whose track call has exactly `bytes` bytes. */
  function eventOf(bytes: number, id = OPEN_EVENT.id) {
    const bare = event('users.messages.future.Blink', { p: '' })
    const size = Buffer.byteLength(JSON.stringify(mapped(bare)))
    return { ...bare, id, properties: { p: 'x'.repeat(bytes - size) } }
  }

  it('does not send a track call beyond 32 KB, and sends the others', () => {
    const { requests, result } = rehearse(write({}, [OPEN_EVENT, eventOf(32_769), eventOf(32_768)]), [OK])
    expect(callsOf(requests)).toHaveLength(2)
    expect(outcomes(result)).toEqual(['delivered', 'failed:oversized', 'delivered'])
    expect(result[1]).toMatchObject({ fault: { message: expect.stringContaining('32769 bytes') } })
  })

  it('splits what is too much for one request, and keeps going after a refusal of data only', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      eventOf(30_000, `${OPEN_EVENT.id.slice(0, -2)}${i + 10}`),
    )
    const all = rehearse(write({}, events), (request) => {
      expect(Buffer.byteLength(request.body)).toBeLessThanOrEqual(480_000)
      return OK
    })
    expect(all.requests).toHaveLength(3)
    expect(callsOf(all.requests).map((call) => call.messageId)).toEqual(
      events.map(({ id }) => `${id}:c0ffee`),
    )
    const [first = 0, second = 0] = all.requests.map((request) => callsOf([request]).length)

    const refused = rehearse(write({}, events), [OK, reply(400), OK])
    expect(refused.requests).toHaveLength(3)
    expect(outcomes(refused.result).filter((outcome) => outcome === 'failed:invalid')).toHaveLength(second)

    const down = rehearse(write({}, events), [OK, reply(503)])
    expect(down.requests).toHaveLength(2)
    expect(outcomes(down.result)).toEqual(
      events.map((_, i) => (i < first ? 'delivered' : 'failed:unavailable')),
    )
  })

  it('finds room for events that grow beyond reckoning', () => {
    const swollen = `{"id":"a","event_type":"users.messages.email.Click","user":{"external_user_id":"u"},"properties":{${Array(2000).fill('"url":1').join(',')}}}`
    const { result } = rehearse(write({}, Array<string>(20).fill(swollen)), [OK])
    expect(outcomes(result)).toEqual(Array(20).fill('delivered'))
  })

  it('states what it takes', () => {
    expect(segment.events?.limits(SegmentSettings.parse({}))).toEqual({
      recordsMax: 250,
      bytesMax: 400_000,
      waitMs: 1000,
      inFlightMax: 8,
    })
  })
})

describe('many at once', () => {
  it('keeps the bodies of exchanges under way apart', () => {
    const writer = writerOf()
    const exchanges = ['a', 'b', 'c'].map((id) => writer.write(batchOf([{ ...OPEN_EVENT, id }])))
    const bodies = exchanges.map((exchange) => {
      const step = exchange.next()
      if (step.done === true || !(step.value.body instanceof Uint8Array)) throw new Error('no single body')
      return step.value.body
    })
    // A fourth one begins and ends meanwhile.
    rehearse(writer.write(batchOf([{ ...OPEN_EVENT, id: 'd' }])), [OK])
    const ids = bodies.map((body) => {
      const { batch } = JSON.parse(Buffer.from(body).toString()) as { batch: { messageId: string }[] }
      return batch[0]?.messageId
    })
    expect(ids).toEqual(['a:c0ffee', 'b:c0ffee', 'c:c0ffee'])
    for (const exchange of exchanges) expect(exchange.next(OK).done).toBe(true)
  })

  it('uses the memory of ended exchanges again, and of no other', () => {
    const writer = writerOf()
    const begin = () => {
      const exchange = writer.write(batchOf([OPEN_EVENT]))
      const step = exchange.next()
      if (step.done === true || !(step.value.body instanceof Uint8Array)) throw new Error('no single body')
      return { exchange, memory: step.value.body.buffer }
    }
    const [first, second] = [begin(), begin()]
    expect(second.memory).not.toBe(first.memory)
    first.exchange.next(OK)
    expect(begin().memory).toBe(first.memory)
    second.exchange.return([])
    expect(begin().memory).toBe(second.memory)
  })

  it('forgets nothing of an exchange that was given up', () => {
    const writer = writerOf()
    const given = writer.write(batchOf([OPEN_EVENT]))
    given.next()
    given.return([])
    expect(
      callsOf(rehearse(writer.write(batchOf([{ ...OPEN_EVENT, id: 'n' }])), [OK]).requests),
    ).toMatchObject([{ messageId: 'n:c0ffee' }])
  })

  it('maps more event types than it keeps projections for', () => {
    const writer = writerOf()
    const events = Array.from({ length: 600 }, (_, i) => event(`users.invented.T${i}`))
    for (const _ of [1, 2]) {
      const calls = callsOf(rehearse(writer.write(batchOf(events)), [OK]).requests)
      expect(calls.map((call) => call.event)).toEqual(events.map((each) => each.event_type))
    }
  })

  it('sends events of every kind in their order', () => {
    const events = [
      OPEN_EVENT,
      event('users.behaviors.CustomEvent', { name: 'n', custom_properties: { a: 1 } }),
      { ...OPEN_EVENT, id: 'x'.repeat(200) },
      { ...OPEN_EVENT, user: {} },
      { ...OPEN_EVENT, time: 'soon' },
      { ...OPEN_EVENT, id: undefined },
      '{"id":"dup","id":"dup2","event_type":"users.messages.email.Open","user":{"external_user_id":"u"}}',
      event('users.messages.sms.Send', { to_phone_number: '+1' }),
    ]
    const { requests, result } = rehearse(write({}, events), [OK])
    expect(requests).toHaveLength(1)
    expect(callsOf(requests).map((call) => [call.event, call.userId])).toEqual([
      ['Email Opened', 'u1'],
      ['users.behaviors.CustomEvent', 'u1'],
      ['Email Opened', 'u1'],
      ['Email Opened', 'u1'],
      ['Email Opened', 'u1'],
      ['Email Opened', 'u'],
      ['SMS Sent', 'u1'],
    ])
    expect(outcomes(result)).toEqual(events.map((_, i) => (i === 3 ? 'skipped:no_identity' : 'delivered')))
  })
})

describe('whatever comes', () => {
  const person = fc.oneof(fc.constantFrom('u1', '', '[REDACTED]', '[x', 'a"b'), fc.string(), fc.jsonValue())
  const anyEvent = fc.record(
    {
      id: fc.oneof(fc.uuid(), fc.string({ maxLength: 120 }), fc.jsonValue()),
      event_type: fc.oneof(
        fc.constantFrom(...eventTypes.map((type) => type.name)),
        fc.constant('users.behaviors.CustomEvent'),
        fc.string(),
      ),
      time: fc.oneof(fc.nat(), fc.jsonValue()),
      user: fc.oneof(
        fc.record({ external_user_id: person, user_id: person, device_id: person }, { requiredKeys: [] }),
        fc.jsonValue(),
      ),
      properties: fc.oneof(
        fc.dictionary(
          fc.constantFrom(
            'url',
            'platform',
            'email_address',
            'name',
            'event_type',
            'custom_properties',
            'p',
            '__proto__',
          ),
          fc.jsonValue(),
        ),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  )
  const answer = fc
    .constantFrom(200, 200, 200, 400, 401, 429, 500, 302)
    .map((status): WireReply => reply(status))

  it.each(['wasm', 'javascript'] as const)(
    'gives one receipt per event, in order, and sends exactly the previews (%s)',
    (kernel) => {
      fc.assert(
        fc.property(
          fc.array(anyEvent, { maxLength: 8 }),
          fc.boolean(),
          answer,
          (events, includeAnonymous, vendor) => {
            const batch = batchOf(events)
            const writer = writerOf({ includeAnonymous }, kernel)
            const { requests, result } = rehearse(writer.write(batch), [vendor])
            expect(result).toHaveLength(events.length)
            const previews = events.map((_, i) => writer.preview(batch, i))
            expect(result.map((receipt) => receipt.outcome === 'skipped')).toEqual(
              previews.map((preview) => preview === undefined),
            )
            const sent = previews.filter((preview) => preview !== undefined)
            expect(callsOf(requests)).toEqual(JSON.parse(JSON.stringify(sent)))
            const again = rehearse(writer.write(batch), [vendor])
            expect(again.requests).toEqual(requests)
          },
        ),
        { seed: 77, numRuns: 500 },
      )
    },
  )
})

describe('what came in as a Segment message', () => {
  const times = {
    timestamp: '2026-01-01T11:50:00.000Z',
    originalTimestamp: '2026-01-01T12:50:00.000Z',
    sentAt: '2026-01-01T13:00:00.000Z',
    receivedAt: '2026-01-01T12:00:00.000Z',
  }
  const named = { messageId: 'm1', userId: 'u', anonymousId: 'a', ...times, writeKey: '[REDACTED]' }

  function passed(message: object | string, settings: object = {}): Record<string, unknown> | undefined {
    const batch = batchOf([message], 'c0ffee', 'segment')
    const writer = writerOf(settings)
    const [call] = callsOf(rehearse(writer.write(batch), [OK]).requests)
    const preview = writer.preview(batch, 0)
    expect(preview === undefined ? undefined : JSON.parse(JSON.stringify(preview))).toEqual(call)
    return call
  }

  it.each<[type: string, own: object]>([
    ['track', { event: 'Order Completed', properties: { total: 1.5 }, context: { ip: '::1' } }],
    ['identify', { traits: { email: 'a@example.com' }, integrations: { All: false } }],
    ['page', { name: 'Home', category: 'Docs', properties: {} }],
    ['screen', { name: 'Home' }],
    ['group', { groupId: 'g', traits: {} }],
    ['alias', { previousId: 'p' }],
  ])('%s goes out as the same kind of call, with the corrected time alone', (type, own) => {
    expect(passed({ ...named, type, ...own })).toEqual({
      messageId: 'm1:c0ffee',
      userId: 'u',
      anonymousId: 'a',
      type,
      timestamp: times.timestamp,
      ...own,
    })
  })

  it.each<[what: string, message: object, messageId: unknown]>([
    ['escapes', { messageId: 'm\n1', userId: 'u\u00e9"' }, 'm\n1:c0ffee'],
    [
      'a long id',
      { messageId: 'x'.repeat(120), userId: 'u' },
      expect.stringMatching(/^id-[0-9a-f]{64}:c0ffee$/),
    ],
  ])('with %s the slow way says the same', (_what, message, messageId) => {
    const own = { type: 'track', event: 'E', ...message }
    expect(passed(own)).toEqual({ ...own, messageId })
  })

  it('of somebody without a userId goes out only where the settings let it', () => {
    const message = { messageId: 'm', anonymousId: 'a', type: 'track', event: 'E' }
    expect(passed(message, { includeAnonymous: false })).toBeUndefined()
    expect(passed(message, { includeAnonymous: true })).toMatchObject({
      anonymousId: 'a',
      messageId: 'm:c0ffee',
    })
  })

  it('that only says so is nobody’s', () => {
    expect(mapped({ ...OPEN_EVENT, event_type: 'segment.track' })).toBeUndefined()
  })
})
