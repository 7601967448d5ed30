import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { unzipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { VirtualClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import type { Double } from '../double.ts'
import { DEMO, startBraze } from '../sandbox.ts'
import { ask, until } from '../testing.ts'
import { PERMISSIONS } from './access.ts'
import { ARRAY_ELEMENTS_MAX } from './attributes.ts'
import type { Braze } from './braze.ts'
import { COHORT_IDENTIFIERS_MAX } from './cohorts.ts'
import { EXTERNAL_ID_BYTES_MAX } from './identifiers.ts'
import { LIMITS } from './rate.ts'
import { TRACK_OBJECTS_MAX } from './track.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')
const PARTNER = `/partners/${DEMO.brazePartner}/cohorts`
const AGENT = 'partner-Thalweg-Hub/1.0'

let clock: VirtualClock
let double: Double<Braze>

beforeEach(async () => {
  clock = new VirtualClock(NOW)
  const all = { key: DEMO.brazeRestKey, permissions: PERMISSIONS }
  double = await startBraze(
    { clock, random: seededRandom(5) },
    { restKeys: [all, { key: 'only-track', permissions: ['users.track'] }] },
  )
})
afterEach(() => double.close())

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

function rest(path: string, body?: unknown, headers: Record<string, string> = bearer(DEMO.brazeRestKey)) {
  return ask(double.url + path, { headers, ...(body === undefined ? {} : { body }) })
}

function partner(path: string, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  const keys = { partner_api_key: DEMO.brazePartnerKey, client_secret: DEMO.brazeImportKey }
  return ask(double.url + path, { body: { ...keys, ...body }, headers: { 'user-agent': AGENT, ...headers } })
}

function person(externalId: string | undefined, more: Parameters<Braze['profiles']['load']>[0] = {}) {
  return double.vendor.profiles.load({ externalId, ...more }, NOW)
}

async function named(id = 'c1', name = 'VIP') {
  const told = await partner(PARTNER, { cohort_id: id, name, created_at: '2026-03-01T12:00:00.000Z' })
  expect(told.status).toBe(201)
}

const change = (changes: unknown, id = 'c1') =>
  partner(`${PARTNER}/users`, { cohort_id: id, cohort_changes: changes })

const members = (id = 'c1') =>
  [...(double.vendor.cohorts.get(DEMO.brazePartner, id)?.members ?? [])].map(
    ({ externalId, brazeId }) => externalId ?? brazeId,
  )

describe('keys of the REST API', () => {
  it.each([
    ['good', bearer(DEMO.brazeRestKey), 201],
    ['unknown', bearer('other'), 401],
    ['in quotes', bearer(`"${DEMO.brazeRestKey}"`), 401],
    ['missing', {}, 401],
    ['with just this permission', bearer('only-track'), 201],
  ])('%s', async (_what, headers, status) => {
    const body = { attributes: [{ external_id: 'u1', a: 1 }] }
    expect((await rest('/users/track', body, headers)).status).toBe(status)
  })

  it('a key without the permission is refused with 403', async () => {
    expect((await rest('/users/identify', {}, bearer('only-track'))).status).toBe(403)
  })

  it.each([
    ['/users/other', {}],
    ['/partners/x/other', {}],
    ['/', {}],
  ])('%s is no address', async (path, body) => {
    expect((await rest(path, body)).status).toBe(404)
  })

  it('a body beyond 4 MB is refused, one that is no JSON, too', async () => {
    expect((await rest('/users/track', `{"a":"${'x'.repeat(4_000_000)}"}`)).status).toBe(413)
    expect((await rest('/users/track', '{"attributes":')).status).toBe(400)
  })
})

describe('rate limits', () => {
  it('beyond the rate is answered 429 until the window ends', async () => {
    const body = { attributes: [{ external_id: 'u1', a: 1 }] }
    for (let i = 0; i < LIMITS['users.track'].requests - 1; i++) double.vendor.answer(callOf(body))
    const last = await rest('/users/track', body)
    expect(last.status).toBe(201)
    expect(last.headers).toMatchObject({
      'x-ratelimit-limit': '3000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String((NOW + 3000) / 1000),
    })
    const over = await rest('/users/track', body)
    expect([over.status, over.headers['x-ratelimit-retry-after']]).toEqual([429, '3'])
    await clock.advance(3000)
    expect((await rest('/users/track', body)).status).toBe(201)
  })

  it('may be switched off', async () => {
    double.vendor.configure({ limits: false })
    const body = { attributes: [{ external_id: 'u1', a: 1 }] }
    for (let i = 0; i < LIMITS['users.track'].requests; i++) double.vendor.answer(callOf(body))
    expect((await rest('/users/track', body)).status).toBe(201)
  })

  function callOf(body: object) {
    const headers = bearer(DEMO.brazeRestKey)
    return {
      method: 'POST',
      path: '/users/track',
      query: '',
      headers,
      address: '',
      body: Buffer.from(JSON.stringify(body)),
    }
  }
})

describe('/users/track', () => {
  it('partial: valid objects are taken, the others listed', async () => {
    const told = await rest('/users/track', {
      attributes: [{ external_id: 'u1', level: 3 }, { level: 4 }],
      events: [{ external_id: 'u1', name: 'bought', time: '2026-02-01T00:00:00Z' }, { external_id: 'u1' }],
    })
    expect(told.status).toBe(201)
    expect(told.json).toMatchObject({
      message: 'success',
      attributes_processed: 1,
      events_processed: 1,
      errors: [
        { input_array: 'attributes', index: 1 },
        { input_array: 'events', index: 1 },
      ],
    })
    expect(double.vendor.profiles.byExternalId('u1')?.custom?.get('level')).toBe(3)
  })

  it.each([
    ['nothing valid', { attributes: [{ level: 1 }] }],
    ['nothing at all', {}],
    ['no array', { attributes: { external_id: 'u1' } }],
    [
      'more than 75 in all',
      {
        attributes: Array.from({ length: TRACK_OBJECTS_MAX }, () => ({ external_id: 'u1' })),
        events: [{ external_id: 'u1', name: 'x', time: '2026-02-01' }],
      },
    ],
    [
      'an external id that is too long',
      { attributes: [{ external_id: 'x'.repeat(EXTERNAL_ID_BYTES_MAX + 1) }] },
    ],
    ['a bad email address', { attributes: [{ external_id: 'u1', email: 'no address' }] }],
    [
      'a quantity beyond 100',
      {
        purchases: [
          {
            external_id: 'u1',
            product_id: 'p',
            currency: 'USD',
            price: 1,
            quantity: 101,
            time: '2026-02-01',
          },
        ],
      },
    ],
  ])('400 for %s', async (_what, body) => {
    expect((await rest('/users/track', body)).status).toBe(400)
  })

  it('legacy plans: 75 in each array', async () => {
    double.vendor.configure({ legacyTrackLimit: true })
    const attributes = Array.from({ length: TRACK_OBJECTS_MAX }, () => ({ external_id: 'u1', a: 1 }))
    const events = Array.from({ length: TRACK_OBJECTS_MAX }, () => ({
      external_id: 'u1',
      name: 'x',
      time: '2026-02-01',
    }))
    expect((await rest('/users/track', { attributes, events })).status).toBe(201)
    expect((await rest('/users/track', { attributes: [...attributes, attributes[0]] })).status).toBe(400)
  })

  const whoIsMade: [string, Record<string, unknown>, number][] = [
    ['external id', { external_id: 'n1' }, 1],
    ['external id, existing only', { external_id: 'n1', _update_existing_only: true }, 0],
    ['alias', { user_alias: { alias_label: 'crm', alias_name: 'n1' } }, 0],
    [
      'alias, explicitly',
      { user_alias: { alias_label: 'crm', alias_name: 'n1' }, _update_existing_only: false },
      1,
    ],
    ['Braze id', { braze_id: 'ffffffffffffffffffffffff' }, 0],
    ['email', { email: 'new@example.com' }, 1],
    ['phone', { phone: '+15550001111' }, 1],
  ]
  it.each(whoIsMade)('somebody unknown by %s', async (_what, who, made) => {
    expect((await rest('/users/track', { attributes: [{ ...who, level: 1 }] })).status).toBe(201)
    expect(double.vendor.profiles.size).toBe(made)
  })

  const values: [string, unknown, unknown, unknown][] = [
    ['scalar', 1, 2, 2],
    ['null removes', 1, null, undefined],
    ['array', ['a'], ['b', 'b', 'c'], ['b', 'c']],
    ['add', ['a', 'b'], { add: ['c', 'a'] }, ['b', 'c', 'a']],
    ['remove', ['a', 'b'], { remove: ['a', 'x'] }, ['b']],
    ['add and remove', ['a', 'b'], { add: ['c'], remove: ['b'] }, ['a', 'c']],
    ['add to nothing', undefined, { add: ['a'] }, ['a']],
    ['inc', 4, { inc: 2 }, 6],
    ['inc of a text', 'x', { inc: 2 }, 'x'],
    ['object replaces', { a: 1 }, { b: 2 }, { b: 2 }],
  ]
  it.each(values)('attribute: %s', async (_what, before, given, after) => {
    const profile = person('u1', before === undefined ? {} : { custom: { it: before } })
    await rest('/users/track', { attributes: [{ external_id: 'u1', it: given }] })
    expect(profile.custom?.get('it')).toEqual(after)
  })

  it('an array keeps its newest 25 elements', async () => {
    const profile = person('u1')
    const add = Array.from({ length: ARRAY_ELEMENTS_MAX + 3 }, (_, i) => `a${i}`)
    await rest('/users/track', { attributes: [{ external_id: 'u1', it: { add } }] })
    expect(profile.custom?.get('it')).toEqual(add.slice(3))
  })

  it('an address finds the identified one of several', async () => {
    person(undefined, { fields: { email: 'A@example.com' } })
    const identified = person('u1', { fields: { email: 'a@example.com' } })
    await rest('/users/track', { attributes: [{ email: 'a@EXAMPLE.com', level: 1 }] })
    expect(identified.custom?.get('level')).toBe(1)
  })

  it('counts data points and repeats of an event', async () => {
    const event = { external_id: 'u1', name: 'bought', time: '2026-02-01T00:00:00Z' }
    await rest('/users/track', {
      attributes: [{ external_id: 'u1', a: 1, first_name: 'Ada' }],
      events: [event, event],
    })
    expect(double.state()).toMatchObject({ dataPoints: 4, users: 1 })
    expect(double.vendor.profiles.byExternalId('u1')?.events?.get('bought')?.count).toBe(2)
  })
})

describe('identity', () => {
  const alias = { alias_label: 'crm', alias_name: 'c-1' }

  it('an alias profile becomes the identified one when the id is new', async () => {
    await rest('/users/alias/new', { user_aliases: [alias] })
    const told = await rest('/users/identify', {
      aliases_to_identify: [{ external_id: 'u1', user_alias: alias }],
    })
    expect([told.status, told.json]).toEqual([201, { aliases_processed: 1, message: 'success' }])
    expect(double.vendor.profiles.byExternalId('u1')?.aliases?.get('crm')).toBe('c-1')
    expect(double.vendor.profiles.size).toBe(1)
  })

  it('else it is swallowed: empty fields are filled, and its cohorts follow', async () => {
    const to = person('u1', { fields: { email: 'one@example.com' }, custom: { a: 1 } })
    person(undefined, {
      aliases: [{ label: 'crm', name: 'c-1' }],
      devices: ['d1'],
      fields: { email: 'two@example.com', first_name: 'Ada' },
      custom: { a: 2, b: 3 },
    })
    await named()
    await change([{ device_ids: ['d1'] }])
    await rest('/users/identify', { aliases_to_identify: [{ external_id: 'u1', user_alias: alias }] })
    expect(double.vendor.profiles.size).toBe(1)
    expect(Object.fromEntries(to.fields ?? [])).toEqual({ email: 'one@example.com', first_name: 'Ada' })
    expect(Object.fromEntries(to.custom ?? [])).toEqual({ a: 1, b: 3 })
    expect(members()).toEqual(['u1'])
    expect(double.vendor.profiles.byDevice('d1')).toBe(to)
  })

  it('profiles with two names under one label stay two', async () => {
    person('u1', { aliases: [{ label: 'crm', name: 'other' }] })
    person(undefined, { aliases: [{ label: 'crm', name: 'c-1' }] })
    await rest('/users/identify', { aliases_to_identify: [{ external_id: 'u1', user_alias: alias }] })
    expect(double.vendor.profiles.size).toBe(2)
  })

  it('an unknown alias and an unknown user succeed without effect', async () => {
    const identify = { aliases_to_identify: [{ external_id: 'u1', user_alias: alias }] }
    expect((await rest('/users/identify', identify)).json.message).toBe('success')
    const added = await rest('/users/alias/new', { user_aliases: [{ ...alias, external_id: 'nobody' }] })
    expect(added.json).toEqual({ aliases_processed: 1, message: 'success' })
    expect(double.vendor.profiles.size).toBe(0)
  })

  it.each([
    ['/users/identify', { aliases_to_identify: Array(51).fill({ external_id: 'u1', user_alias: alias }) }],
    ['/users/alias/new', { user_aliases: Array(51).fill(alias) }],
    ['/users/alias/new', { user_aliases: [{ alias_label: 'crm' }] }],
    ['/users/delete', { external_ids: Array(51).fill('u1') }],
    ['/users/delete', {}],
  ])('%s refuses %#', async (path, body) => {
    expect((await rest(path, body)).status).toBe(400)
  })

  it('a deleted user is nowhere any more', async () => {
    person('u1', { devices: ['d1'], aliases: [{ label: 'crm', name: 'c-1' }] })
    await named()
    await change([{ user_ids: ['u1'] }])
    const told = await rest('/users/delete', { external_ids: ['u1', 'nobody'] })
    expect([told.status, told.json]).toEqual([200, { deleted: 1, message: 'success' }])
    const { profiles } = double.vendor
    expect([profiles.byDevice('d1'), profiles.byAlias({ label: 'crm', name: 'c-1' })]).toEqual([
      undefined,
      undefined,
    ])
    expect(members()).toEqual([])
  })
})

describe('cohorts', () => {
  it.each([
    ['a wrong partner key', { partner_api_key: 'x' }, 401],
    ['a wrong data import key', { client_secret: 'x' }, 401],
    ['no name', { name: '' }, 400],
    ['an id that is no text', { cohort_id: 5 }, 400],
    ['a time that is none', { created_at: 'yesterday' }, 400],
    ['all well', {}, 201],
  ])('naming with %s', async (_what, more, status) => {
    const body = { cohort_id: 'c1', name: 'VIP', created_at: '2026-03-01T12:00:00.000Z', ...more }
    expect((await partner(PARTNER, body)).status).toBe(status)
  })

  it('an unknown partner is refused with 401', async () => {
    expect((await partner('/partners/other/cohorts', { cohort_id: 'c1' })).status).toBe(401)
  })

  const ids = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`)
  const bodies: [string, unknown, number][] = [
    ['the most ids', [{ user_ids: ids(COHORT_IDENTIFIERS_MAX) }], 201],
    [
      'one id too many over all kinds',
      [{ user_ids: ids(COHORT_IDENTIFIERS_MAX) }, { device_ids: ['d'] }],
      400,
    ],
    ['no array', { user_ids: ['u1'] }, 400],
    ['a change without ids', [{ should_remove: true }], 400],
    ['ids that are no texts', [{ user_ids: [5] }], 400],
    ['aliases without labels', [{ aliases: [{ alias_name: 'x' }] }], 400],
    ['nothing, as in a test of the keys', [], 201],
  ]
  it.each(bodies)('a change with %s', async (_what, changes, status) => {
    await named()
    expect((await change(changes)).status).toBe(status)
  })

  it('an empty change of an unknown cohort tests the keys; a real one needs the name first', async () => {
    expect((await change([], 'unknown')).status).toBe(201)
    expect((await change([{ user_ids: ['u1'] }], 'unknown')).status).toBe(400)
  })

  it('a second name renames', async () => {
    await named()
    await named('c1', 'Very VIP')
    expect(double.state()).toMatchObject({ cohorts: [{ id: 'c1', name: 'Very VIP', size: 0 }] })
  })

  it('only those who exist join, each by what may match them', async () => {
    person('u1', { aliases: [{ label: 'email', name: 'u1@example.com' }], devices: ['d1'] })
    person('u2')
    const { brazeId } = person(undefined, { devices: ['d3'] })
    await named()
    await change([
      { user_ids: ['u2', 'nobody'] },
      { device_ids: ['d1', 'd3', 'd9'] },
      { aliases: [{ alias_label: 'email', alias_name: 'nobody@example.com' }] },
    ])
    // d1 is an identified one's device: ignored.
    expect(members().sort()).toEqual(['u2', brazeId].sort())
    await change([{ aliases: [{ alias_label: 'email', alias_name: 'u1@example.com' }] }])
    await change([{ user_ids: ['u2'], should_remove: true }])
    expect(members().sort()).toEqual(['u1', brazeId].sort())
    expect(double.vendor.profiles.size).toBe(3)
    expect(double.vendor.cohorts.tally).toMatchObject({ matched: 4, ignored: 4, genericAgents: 0 })
  })

  it('a locked cohort answers 423, another one does not', async () => {
    double.vendor.configure({ cohortLockMs: 500 })
    await named('c1')
    await named('c2')
    const joining = [{ user_ids: ['u1'] }]
    expect((await change(joining)).status).toBe(201)
    expect((await change(joining)).status).toBe(423)
    expect((await change(joining, 'c2')).status).toBe(201)
    await clock.advance(500)
    expect((await change(joining)).status).toBe(201)
  })

  it('agents that do not name the partner are counted', async () => {
    await partner(`${PARTNER}/users`, { cohort_id: 'c1', cohort_changes: [] }, { 'user-agent': 'undici' })
    expect(double.vendor.cohorts.tally.genericAgents).toBe(1)
  })
})

describe('segments', () => {
  const cohort = (includes: boolean) => ({ cohort: { partner: DEMO.brazePartner, id: 'c1', includes } })

  it('follow the cohort, live', async () => {
    person('u1')
    person('u2')
    person(undefined, { devices: ['d1'] })
    await named()
    const made = async (filter: unknown) => {
      const told = await ask(`${double.url}/sandbox/segments`, { body: { name: 'S', filter } })
      expect(told.status).toBe(201)
      return told.json.id as string
    }
    const inside = await made(cohort(true))
    const outside = await made({ all: [cohort(false), { identified: true }] })
    const sizes = async () => {
      const { json } = await ask(`${double.url}/sandbox/state`)
      return json.segments.map(({ id, size }: { id: string; size: number }) => [id, size])
    }
    expect(await sizes()).toEqual([
      [inside, 0],
      [outside, 2],
    ])
    await change([{ user_ids: ['u1'], device_ids: ['d1'] }])
    expect(await sizes()).toEqual([
      [inside, 2],
      [outside, 1],
    ])
    const { json } = await rest('/segments/list?page=0&sort_direction=desc')
    expect(json.segments.map(({ id }: { id: string }) => id)).toEqual([outside, inside])
  })

  it('by an element of an array attribute', () => {
    person('u1', { custom: { lytics_segments: ['vip', 'new'] } })
    person('u2', { custom: { lytics_segments: ['new'] } })
    const { segments } = double.vendor
    const has = segments.add('s', {
      name: 'S',
      filter: { attribute: { name: 'lytics_segments', has: 'vip' } },
    })
    expect(segments.size(has)).toBe(1)
  })

  it('a filter that does not exist is refused in words', async () => {
    const told = await ask(`${double.url}/sandbox/segments`, { body: { name: 'S', filter: { none: 1 } } })
    expect([told.status, told.text.length > 10]).toEqual([400, true])
  })
})

describe('exports', () => {
  const FIELDS = ['external_id', 'braze_id', 'email', 'custom_attributes', 'user_aliases']

  it('by id: null for what is not set, unknown ids named', async () => {
    const { brazeId } = person('u1', { custom: { a: 1 }, aliases: [{ label: 'crm', name: 'c-1' }] })
    const told = await rest('/users/export/ids', { external_ids: ['u1', 'nobody'], fields_to_export: FIELDS })
    expect([told.status, told.json]).toEqual([
      200,
      {
        message: 'success',
        users: [
          {
            external_id: 'u1',
            braze_id: brazeId,
            email: null,
            custom_attributes: { a: 1 },
            user_aliases: [{ alias_name: 'c-1', alias_label: 'crm' }],
          },
        ],
        invalid_user_ids: ['nobody'],
      },
    ])
  })

  it.each([
    ['no fields', { external_ids: ['u1'] }],
    ['an unknown field', { external_ids: ['u1'], fields_to_export: ['other'] }],
    ['too many ids', { external_ids: Array(51).fill('u1'), fields_to_export: FIELDS }],
    ['no ids', { fields_to_export: FIELDS }],
  ])('by id, refused: %s', async (_what, body) => {
    expect((await rest('/users/export/ids', body)).status).toBe(400)
  })

  it('a segment: a zip of lines, ready after a while, one at a time, with a callback', async () => {
    const called: unknown[] = []
    const receiver = createServer((request, response) => {
      request.on('data', (chunk) => called.push(JSON.parse(String(chunk))))
      request.on('end', () => response.end())
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void receiver.close())
    for (let i = 0; i < 5001; i++) person(`u${i}`, { custom: { a: i, b: 0 } })
    const segment = double.vendor.segments.add('s1', { name: 'S', filter: { identified: true } })
    double.vendor.configure({ exportDelayMs: 60_000 })
    const body = {
      segment_id: segment.id,
      fields_to_export: FIELDS,
      custom_attributes_to_export: ['a'],
      callback_endpoint: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/done`,
    }
    const { json } = await rest('/users/export/segment', body)
    expect((await rest('/users/export/segment', body)).status).toBe(429)
    expect((await ask(json.url)).status).toBe(403)
    await clock.advance(60_000)
    await until(() => called.length === 1, 'the callback')
    expect(called).toEqual([{ success: true, url: json.url }])
    const zip = new Uint8Array(await (await fetch(json.url)).arrayBuffer())
    const files = Object.values(unzipSync(zip)).map((file) => Buffer.from(file).toString().trim().split('\n'))
    expect(files.map((lines) => lines.length)).toEqual([5000, 1])
    expect(JSON.parse(files[1]?.[0] ?? '')).toMatchObject({
      external_id: 'u5000',
      custom_attributes: { a: 5000 },
    })
    await clock.advance(5 * 3_600_000)
    expect((await ask(json.url)).status).toBe(403)
  })
})

describe('inspection', () => {
  it('people come in and are shown with their cohorts', async () => {
    const users = [
      { external_id: 'u1', devices: ['d1'], aliases: [{ label: 'crm', name: 'c-1' }], custom: { a: 1 } },
    ]
    expect((await ask(`${double.url}/sandbox/users`, { body: { users } })).json).toEqual({ users: 1 })
    await named()
    await change([{ user_ids: ['u1'] }])
    const { json } = await ask(`${double.url}/sandbox/users?external_id=u1`)
    expect(json).toMatchObject({
      devices: ['d1'],
      custom: { a: 1 },
      cohorts: [{ partner: DEMO.brazePartner, id: 'c1' }],
    })
    const told = await ask(`${double.url}/sandbox/members?partner=${DEMO.brazePartner}&cohort=c1`)
    expect(told.json).toMatchObject({ size: 1, members: [{ external_id: 'u1' }] })
    expect((await ask(`${double.url}/sandbox/users?external_id=nobody`)).status).toBe(404)
  })

  it('reset forgets people, cohorts and settings', async () => {
    person('u1')
    await named()
    double.vendor.configure({ cohortLockMs: 5 })
    double.reset()
    expect(double.state()).toMatchObject({
      users: 0,
      cohorts: [],
      settings: { cohortLockMs: 0, limits: true },
    })
  })
})
