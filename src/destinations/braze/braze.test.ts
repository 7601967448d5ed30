import { describe, expect, it } from 'vitest'
import { type Address, addressKey, audienceChangeRecord } from '../../core/audience-change.ts'
import { AUDIENCE_NAMED, type Identifier, membershipRecord } from '../../core/membership.ts'
import {
  batchOf,
  kernelForTests,
  OPEN_EVENT,
  outcomes,
  RECEIVED_AT,
  rehearse,
  reply,
} from '../rehearsal.fixture.ts'
import { AttributeSettings, brazeAttribute } from './attribute.ts'
import { AudienceAttributeSettings, brazeAudiences } from './audience-attribute.ts'
import { brazeCohort, CohortSettings } from './cohort.ts'
import { lookUp } from './look-up.ts'

const user = (value: string): Identifier => ({ kind: 'external_id', label: '', value })
const device = (value: string): Identifier => ({ kind: 'device_id', label: '', value })
const alias = (value: string, label = 'email'): Identifier => ({ kind: 'alias', label, value })

function record(who: Identifier, enters = true): object {
  return membershipRecord('run-1', { who, enters }, { activation: '7', run: 'run', timeMs: 0 })
}
const named = (name: string) => ({
  id: 'run-0',
  event_type: AUDIENCE_NAMED,
  time: 0,
  user: {},
  properties: { name },
})

function cohort(records: readonly object[], answers = [reply(201, { message: 'success' })], settings = {}) {
  const target = {
    settings: CohortSettings.parse({ instance: 'US-01', cohortId: 'c1', ...settings }),
    credentials: { importKey: 'imp"ort', partnerKey: 'partner' },
  }
  const writer = brazeCohort.memberships?.writer(target, kernelForTests(), new Map())
  if (writer === undefined) throw new Error('takes no memberships')
  const { requests, result } = rehearse(writer.write(batchOf(records)), answers)
  return {
    requests,
    bodies: requests.map(({ body }) => JSON.parse(body)),
    told: outcomes(result),
    result,
    writer,
  }
}

function attribute(
  records: readonly object[],
  answers = [reply(201, { message: 'success' })],
  settings = {},
) {
  const target = {
    settings: AttributeSettings.parse({ instance: 'EU-01', attribute: 'td', value: 'vip', ...settings }),
    credentials: { restKey: 'rest' },
  }
  const writer = brazeAttribute.memberships?.writer(target, kernelForTests(), new Map())
  if (writer === undefined) throw new Error('takes no memberships')
  const { requests, result } = rehearse(writer.write(batchOf(records)), answers)
  return { requests, bodies: requests.map(({ body }) => JSON.parse(body)), told: outcomes(result), writer }
}

describe('cohort', () => {
  it('sends who enters and who leaves in one request, each by its kind of identifier', () => {
    const { requests, bodies, told } = cohort([
      record(user('u1')),
      record(device('d1')),
      record(alias('a@x.io')),
      record(user('u2'), false),
    ])
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: 'https://rest.iad-01.braze.com/partners/treasure_data/cohorts/users',
      headers: { 'user-agent': expect.stringMatching(/^partner-[A-Z]\w*-[A-Z]\w*\/\d/) },
    })
    expect(bodies).toEqual([
      {
        partner_api_key: 'partner',
        client_secret: 'imp"ort',
        cohort_id: 'c1',
        cohort_changes: [
          {
            user_ids: ['u1'],
            device_ids: ['d1'],
            aliases: [{ alias_name: 'a@x.io', alias_label: 'email' }],
          },
          { user_ids: ['u2'], should_remove: true },
        ],
      },
    ])
    expect(told).toEqual(['delivered', 'delivered', 'delivered', 'delivered'])
  })

  it('of several decisions about one person the last one counts', () => {
    const { bodies, told } = cohort([record(user('u1')), record(user('u2')), record(user('u1'), false)])
    expect(bodies[0].cohort_changes).toEqual([
      { user_ids: ['u2'] },
      { user_ids: ['u1'], should_remove: true },
    ])
    expect(told).toEqual(['delivered', 'delivered', 'delivered'])
  })

  it('names the cohort before its members', () => {
    const { requests, bodies } = cohort([named('VIP'), record(user('u1'))])
    expect(requests.map(({ url }) => url)).toEqual([
      'https://rest.iad-01.braze.com/partners/treasure_data/cohorts',
      'https://rest.iad-01.braze.com/partners/treasure_data/cohorts/users',
    ])
    expect(bodies[0]).toMatchObject({ name: 'VIP', created_at: new Date(RECEIVED_AT).toISOString() })
  })

  it('a name alone needs no second request; one that is refused stops the rest', () => {
    expect(cohort([named('VIP')]).requests).toHaveLength(1)
    const { requests, told } = cohort([named('VIP'), record(user('u1'))], [reply(503)])
    expect([requests.length, told]).toEqual([1, ['failed:unavailable', 'failed:unavailable']])
  })

  it('what is no membership is skipped without a request', () => {
    const { requests, told } = cohort([OPEN_EVENT, { event_type: 'membership.entered', user: {} }])
    expect([requests.length, told]).toEqual([0, ['skipped:not_a_membership', 'skipped:not_a_membership']])
  })

  it.each([
    [400, { message: 'cohort_changes must be an array of objects' }, 'invalid'],
    [400, { message: 'cohort_id must be a string' }, 'misconfigured'],
    [401, {}, 'unauthorized'],
    [403, {}, 'unauthorized'],
    [404, {}, 'misconfigured'],
    [413, {}, 'oversized'],
    [423, {}, 'throttled'],
    [429, {}, 'throttled'],
    [500, {}, 'unavailable'],
  ])('%s %o', (status, body, kind) => {
    expect(cohort([record(user('u1'))], [reply(status, body)]).told).toEqual([`failed:${kind}`])
  })

  it('refused identifiers share one fault, so that delivery halves the batch', () => {
    const { result } = cohort([record(user('u1')), record(user('u2'))], [reply(400, 'no')])
    const faults = result.map((receipt) => (receipt.outcome === 'failed' ? receipt.fault : undefined))
    expect(faults[0]).toBe(faults[1])
  })

  it('shows what one decision is, without keys', () => {
    const { writer } = cohort([])
    const batch = batchOf([named('VIP'), record(alias('a@x.io'), false), OPEN_EVENT])
    expect([0, 1].map((i) => writer.preview(batch, i))).toEqual([
      { name: 'VIP' },
      { aliases: [{ alias_name: 'a@x.io', alias_label: 'email' }], should_remove: true },
    ])
  })

  it('knows its keys in the spelling of a JSON text, too', () => {
    const { requests } = cohort([record(user('u1'))])
    const shown = requests[0]?.secrets.reduce(
      (text, secret) => text.replaceAll(secret, '***'),
      requests[0].body,
    )
    expect(shown).not.toContain('imp')
  })

  it.each([
    ['custom without a host', { instance: 'custom' }],
    ['a host beside an instance', { host: 'http://x.test' }],
    ['a partner that would leave its address', { partner: '../users' }],
    ['too many threads', { threads: 1000 }],
    ['no cohort id', { cohortId: '' }],
  ])('refuses the setting: %s', (_what, more) => {
    expect(CohortSettings.safeParse({ instance: 'US-01', cohortId: 'c1', ...more }).success).toBe(false)
  })
})

describe('attribute', () => {
  it('adds and removes an element, of those who exist only', () => {
    const { requests, bodies } = attribute([record(user('u1')), record(alias('a@x.io'), false)])
    expect(requests[0]).toMatchObject({
      url: 'https://rest.fra-01.braze.eu/users/track',
      headers: { authorization: 'Bearer rest' },
    })
    expect(bodies[0]).toEqual({
      attributes: [
        { external_id: 'u1', _update_existing_only: true, td: { add: ['vip'] } },
        {
          user_alias: { alias_name: 'a@x.io', alias_label: 'email' },
          _update_existing_only: true,
          td: { remove: ['vip'] },
        },
      ],
    })
  })

  it('or sets a boolean', () => {
    const { bodies } = attribute([record(user('u1')), record(user('u2'), false)], undefined, {
      form: 'boolean',
      value: undefined,
    })
    expect(bodies[0].attributes.map((one: { td: unknown }) => one.td)).toEqual([true, false])
  })

  const faults: [string, ReturnType<typeof reply>, string[]][] = [
    ['none', reply(201, { message: 'success', attributes_processed: 2 }), ['delivered', 'delivered']],
    [
      'one object',
      reply(201, { message: 'success', errors: [{ type: 'bad', input_array: 'attributes', index: 1 }] }),
      ['delivered', 'failed:invalid'],
    ],
    ['without an index', reply(201, { errors: [{ type: 'bad' }] }), ['failed:unclear', 'failed:unclear']],
    ['an index that is none', reply(201, { errors: [{ index: 9 }] }), ['failed:unclear', 'failed:unclear']],
    [
      'all, by name',
      reply(400, { errors: [{ index: 0 }, { index: 1 }] }),
      ['failed:invalid', 'failed:invalid'],
    ],
    ['all, without a word', reply(400, 'no'), ['failed:invalid', 'failed:invalid']],
    ['the key', reply(401), ['failed:unauthorized', 'failed:unauthorized']],
    ['the rate', reply(429), ['failed:throttled', 'failed:throttled']],
    ['the vendor', reply(502), ['failed:unavailable', 'failed:unavailable']],
  ]
  it.each(faults)('errors: %s', (_what, answer, told) => {
    expect(attribute([record(user('u1')), record(user('u2'))], [answer]).told).toEqual(told)
  })

  it('errors keep to their objects when a record was skipped before them', () => {
    const records = [record(device('d1')), record(user('u1')), record(user('u2'))]
    const { bodies, told } = attribute(records, [reply(201, { errors: [{ type: 'bad', index: 0 }] })])
    expect(bodies[0].attributes).toHaveLength(2)
    expect(told).toEqual(['skipped:no_identifier', 'failed:invalid', 'delivered'])
  })

  it('a name, a device and an event need no request', () => {
    const { requests, told } = attribute([named('VIP'), record(device('d1')), OPEN_EVENT])
    expect(requests).toHaveLength(0)
    expect(told).toEqual(['delivered', 'skipped:no_identifier', 'skipped:not_a_membership'])
  })

  it.each([
    ['array without a value', { value: undefined }],
    ['boolean with a value', { form: 'boolean' }],
    ['a name that begins with $', { attribute: '$x' }],
  ])('refuses the setting: %s', (_what, more) => {
    const settings = { instance: 'US-01', attribute: 'td', value: 'vip', ...more }
    expect(AttributeSettings.safeParse(settings).success).toBe(false)
  })
})

const byExternalId = (value: string): Address => ({ kind: 'external_id', label: '', value })
const byBrazeId = (value: string): Address => ({ kind: 'braze_id', label: '', value })
const byAlias = (value: string, label = 'crm'): Address => ({ kind: 'alias', label, value })

const change = (who: Address, add: readonly string[], remove: readonly string[] = []) =>
  audienceChangeRecord('export-1-1', { who, add, remove }, 0)

const audienceTarget = (settings = {}) => ({
  settings: AudienceAttributeSettings.parse({ instance: 'US-01', ...settings }),
  credentials: { restKey: 'rest' },
})

function audiences(
  records: readonly object[],
  answers = [reply(201, { message: 'success' })],
  settings: object = {},
) {
  const writer = brazeAudiences.audiences?.writer(audienceTarget(settings), kernelForTests(), new Map())
  if (writer === undefined) throw new Error('takes no audiences')
  const { requests, result } = rehearse(writer.write(batchOf(records)), answers)
  return { requests, bodies: requests.map(({ body }) => JSON.parse(body)), told: outcomes(result) }
}

describe('audiences', () => {
  it('changes the array of each, by what Braze knows them by', () => {
    const { requests, bodies, told } = audiences([
      change(byExternalId('u1'), ['vip', 'new'], ['lapsed']),
      change(byBrazeId('0123456789abcdef01234567'), ['vip']),
      change(byAlias('7'), [], ['vip']),
    ])
    expect(requests[0]?.url).toBe('https://rest.iad-01.braze.com/users/track')
    expect(bodies).toEqual([
      {
        attributes: [
          {
            external_id: 'u1',
            _update_existing_only: true,
            lytics_segments: { add: ['vip', 'new'], remove: ['lapsed'] },
          },
          {
            braze_id: '0123456789abcdef01234567',
            _update_existing_only: true,
            lytics_segments: { add: ['vip'], remove: [] },
          },
          {
            user_alias: { alias_name: '7', alias_label: 'crm' },
            _update_existing_only: true,
            lytics_segments: { add: [], remove: ['vip'] },
          },
        ],
      },
    ])
    expect(told).toEqual(['delivered', 'delivered', 'delivered'])
  })

  it('never names somebody twice in one request: the later change says what becomes of a slug', () => {
    const { bodies, told } = audiences(
      [
        change(byExternalId('u1'), ['a', 'b']),
        change(byExternalId('u2'), ['a']),
        change(byExternalId('u1'), ['c'], ['a']),
      ],
      [reply(201, { errors: [{ type: 'bad', index: 0 }] })],
    )
    expect(bodies[0].attributes.map((one: Record<string, unknown>) => one.lytics_segments)).toEqual([
      { add: ['b', 'c'], remove: ['a'] },
      { add: ['a'], remove: [] },
    ])
    expect(told).toEqual(['failed:invalid', 'delivered', 'failed:invalid'])
  })

  it('makes people only where an operator says so', () => {
    const settings = { attribute: 'audiences', existingOnly: false }
    const { bodies } = audiences([change(byAlias('7'), ['vip'])], undefined, settings)
    expect(bodies[0].attributes[0]).toMatchObject({
      _update_existing_only: false,
      audiences: { add: ['vip'] },
    })
  })

  it('skips what is no change of audiences, without a request', () => {
    const odd = { ...change(byExternalId('u1'), ['vip']), properties: { add: 'vip', remove: [] } }
    const nobody = { ...change(byExternalId('u1'), ['vip']), user: { alias: { label: 'crm' } } }
    const { requests, told } = audiences([record(user('u1')), odd, nobody])
    expect(requests).toHaveLength(0)
    expect(told).toEqual(new Array(3).fill('skipped:not_an_audience_change'))
  })
})

describe('looking people up', () => {
  const asked = (people: readonly Address[], answer = reply(200, { users: [] })) =>
    rehearse(lookUp(audienceTarget(), people), [answer])

  it('asks by external id and alias together, fifty at a time, by Braze id alone', () => {
    const crowd = Array.from({ length: 60 }, (_, i) => byExternalId(`u${i}`))
    const people = [byBrazeId('b1'), ...crowd.slice(0, 49), byAlias('7'), ...crowd.slice(49), byBrazeId('b2')]
    const answers = Array.from({ length: 4 }, () => reply(200, { users: [] }))
    const bodies = rehearse(lookUp(audienceTarget(), people), answers).requests.map(({ body }) =>
      JSON.parse(body),
    )
    expect(bodies.map(({ fields_to_export: _fields, ...who }) => who)).toEqual([
      { braze_id: 'b1' },
      { braze_id: 'b2' },
      {
        external_ids: crowd.slice(0, 49).map(({ value }) => value),
        user_aliases: [{ alias_name: '7', alias_label: 'crm' }],
      },
      { external_ids: crowd.slice(49).map(({ value }) => value) },
    ])
    expect(bodies[0].fields_to_export).toContain('custom_attributes')
  })

  it('finds each under every address that Braze knows them by', () => {
    const answer = reply(200, {
      users: [
        {
          external_id: 'u1',
          braze_id: 'b1',
          user_aliases: [{ alias_name: '7', alias_label: 'crm' }],
          custom_attributes: { lytics_segments: ['vip', 7], other: ['x'] },
        },
        { external_id: 'u2', braze_id: 'b2', user_aliases: null, custom_attributes: null },
      ],
      invalid_user_ids: ['u3'],
    })
    const { result } = asked([byExternalId('u1'), byExternalId('u2'), byExternalId('u3')], answer)
    if (!(result instanceof Map)) throw new Error('a fault')
    const held = (who: Address) =>
      result.has(addressKey(who)) ? [...result.get(addressKey(who))] : 'unknown'
    expect([byExternalId('u1'), byBrazeId('b1'), byAlias('7')].map(held)).toEqual([['vip'], ['vip'], ['vip']])
    expect([held(byExternalId('u2')), held(byExternalId('u3'))]).toEqual([[], 'unknown'])
  })

  it.each([
    [reply(403), 'unauthorized'],
    [reply(429), 'throttled'],
    [reply(200, 'no JSON'), 'unclear'],
  ])('says what went wrong', (answer, kind) => {
    expect(asked([byExternalId('u1')], answer).result).toMatchObject({ kind })
  })
})
