import { describe, expect, it } from 'vitest'
import {
  canonicalName,
  categoryOf,
  channelOf,
  channels,
  compilePattern,
  eventType,
  eventTypes,
  isKnown,
  matchesPattern,
  patternProblem,
  pickerTree,
  piiFields,
  segmentNames,
} from './catalog.ts'
import { FIELDS } from './fields.ts'
import { readFields } from './notation.ts'

const namesWhere = (test: (type: (typeof eventTypes)[number]) => boolean) =>
  eventTypes
    .filter(test)
    .map((type) => type.name)
    .sort()

const field = (type: string, name: string) => eventType(type)?.fields.find((one) => one.name === name)

describe('the catalog holds what release v10 of the samples holds', () => {
  it.each([
    ['types', eventTypes.length, 100],
    ['types over HTTP', namesWhere((type) => type.inHttp).length, 93],
    ['types in storage', namesWhere((type) => type.inStorage).length, 94],
    ['types on the Segment page', namesWhere((type) => type.segment.listed).length, 55],
    ['Segment names', segmentNames.size, 84],
    ['assignments of a field to a type', eventTypes.flatMap((type) => type.fields).length, 1605],
    ['types with a 64-bit time', namesWhere((type) => type.timeType === 'long').length, 8],
  ])('%s', (_, found, expected) => {
    expect(found).toBe(expected)
  })

  it('knows how many properties each type has, as the published table counts them', () => {
    const counts: Record<string, number> = {
      'agentconsole.AgentExecuted': 26,
      'agentconsole.ToolInvocation': 9,
      'users.RandomBucketNumberUpdate': 3,
      'users.UserDeleteRequest': 1,
      'users.behaviors.CustomEvent': 11,
      'users.behaviors.InstallAttribution': 2,
      'users.behaviors.Purchase': 13,
      'users.behaviors.app.FirstSession': 10,
      'users.behaviors.pushnotification.TokenStateChange': 16,
      'users.behaviors.subscriptiongroup.StateChange': 21,
      'users.campaigns.Conversion': 10,
      'users.canvas.costep.Send': 6,
      'users.canvas.exit.PerformedEvent': 11,
      'users.messages.banner.Abort': 30,
      'users.messages.contentcard.Click': 21,
      'users.messages.email.Click': 29,
      'users.messages.email.Open': 25,
      'users.messages.featureflag.Impression': 24,
      'users.messages.inappmessage.Abort': 28,
      'users.messages.line.Click': 19,
      'users.messages.liveactivity.Outcome': 8,
      'users.messages.newsfeedcard.Abort': 16,
      'users.messages.pushnotification.Open': 23,
      'users.messages.rcs.Rejection': 20,
      'users.messages.sms.Send': 17,
      'users.messages.webhook.Failure': 24,
      'users.messages.whatsapp.InboundReceive': 26,
      'users.profile.Update': 15,
    }
    expect(
      Object.fromEntries(Object.keys(counts).map((name) => [name, eventType(name)?.fields.length])),
    ).toEqual(counts)
  })

  it('knows which types only storage has, which only HTTP has, and which nobody sends', () => {
    expect(namesWhere((type) => type.inStorage && !type.inHttp)).toEqual([
      'users.RandomBucketNumberUpdate',
      'users.UserDeleteRequest',
      'users.UserOrphan',
      'users.profile.Update',
    ])
    const newsFeedCards = ['Abort', 'Click', 'Impression'].map(
      (verb) => `users.messages.newsfeedcard.${verb}`,
    )
    const documentedOnly = [
      'users.behaviors.app.NewsFeedImpression',
      'users.campaigns.Abort',
      'users.canvas.Abort',
    ]
    expect(namesWhere((type) => type.inHttp && !type.inStorage)).toEqual(newsFeedCards)
    expect(namesWhere((type) => !type.inHttp && !type.inStorage)).toEqual(documentedOnly)
    expect(namesWhere((type) => type.status === 'retired')).toEqual(
      [...documentedOnly, ...newsFeedCards].sort(),
    )
  })

  it.each<[type: string, name: string, expected: object]>([
    ['users.messages.email.Send', 'from_domain', { inHttp: false, inStorage: true }],
    ['users.messages.whatsapp.Send', 'canvas_variation_name', { inHttp: true, inStorage: false }],
    ['users.messages.pushnotification.IosForeground', 'device_model', { inHttp: true, inStorage: false }],
    ['users.behaviors.subscription.GlobalStateChange', 'message_variation_name', { inStorage: false }],
    ['users.behaviors.CustomEvent', 'custom_properties', { type: 'object', inHttp: true, inStorage: false }],
    ['users.behaviors.CustomEvent', 'properties', { type: 'string', inHttp: false, required: true }],
    ['users.behaviors.Purchase', 'price', { type: 'float', required: true }],
    ['users.behaviors.app.SessionEnd', 'duration', { type: 'float', required: false }],
    ['agentconsole.ToolInvocation', 'duration', { type: 'int', required: true }],
    ['users.messages.email.Open', 'machine_open', { type: 'string' }],
    ['users.messages.sms.ShortLinkClick', 'suspected_bot_click_reason', { type: 'string[]' }],
    ['users.messages.contentcard.Click', 'dispatch_id', { inHttp: true, inStorage: false }],
    ['users.messages.email.Click', 'dispatch_id', { inHttp: true, inStorage: true }],
    ['users.canvas.exit.MatchedAudience', 'canvas_api_id', { deprecated: true, inHttp: false }],
    ['users.messages.rcs.Send', 'message_extras', { pii: false }],
    ['users.messages.sms.Send', 'message_extras', { pii: true }],
    ['users.messages.email.Open', 'email_address', { pii: true, required: true }],
    ['users.behaviors.app.FirstSession', 'country', { pii: false, deprecated: true }],
    ['users.messages.banner.Dismiss', 'country', { pii: true, inHttp: true }],
  ])('%s %s', (type, name, expected) => {
    expect(field(type, name)).toMatchObject(expected)
  })

  it.each<[type: string, http: string, storage: string]>([
    [
      'users.messages.email.Open',
      'user_id external_user_id device_id timezone',
      'user_id external_user_id timezone',
    ],
    [
      'users.messages.email.Deferral',
      'user_id external_user_id timezone',
      'user_id external_user_id timezone',
    ],
    ['users.behaviors.InstallAttribution', 'user_id external_user_id device_id', 'user_id external_user_id'],
    ['agentconsole.ToolInvocation', '', ''],
    ['users.UserDeleteRequest', '', 'user_id'],
  ])('members of user of %s', (type, http, storage) => {
    const members = eventType(type)?.userFields ?? []
    expect(members.filter((one) => one.inHttp).map((one) => one.name)).toEqual(
      http.split(' ').filter(Boolean),
    )
    expect(members.filter((one) => one.inStorage).map((one) => one.name)).toEqual(
      storage.split(' ').filter(Boolean),
    )
  })

  it('knows that inbound messages and agents may come without a Braze id', () => {
    expect(
      namesWhere((type) => !type.userFields.some((one) => one.name === 'user_id' && one.required)),
    ).toEqual([
      'agentconsole.AgentExecuted',
      'agentconsole.ToolInvocation',
      'users.messages.rcs.InboundReceive',
      'users.messages.sms.InboundReceive',
      'users.messages.whatsapp.InboundReceive',
    ])
  })
})

describe('the tables hold together', () => {
  it('gives every type a title, words about it, and fields in some reach of the type', () => {
    for (const type of eventTypes) {
      expect([type.name, type.title.length > 0, type.about.endsWith('.')]).toEqual([type.name, true, true])
      expect([type.name, type.fields.length > 0]).toEqual([type.name, true])
      for (const one of type.fields) {
        expect([type.name, one.name, one.inHttp && !type.inHttp]).toEqual([type.name, one.name, false])
        expect([type.name, one.name, one.inStorage && !type.inStorage]).toEqual([type.name, one.name, false])
      }
    }
  })

  it('uses every field it defines', () => {
    const used = new Set(eventTypes.flatMap((type) => type.fields.map((one) => one.name)))
    expect(Object.keys(FIELDS).filter((name) => !used.has(name))).toEqual([])
  })

  it('gives all types of one area the same channel, so that a new verb has one', () => {
    const seen = new Map<string, string>()
    for (const { name, channel } of eventTypes) {
      const area = name.slice(0, name.lastIndexOf('.'))
      expect([area, seen.get(area) ?? channel]).toEqual([area, channel])
      seen.set(area, channel)
    }
  })

  it.each(['no_such_field', 'Email', 'app_id?', 'app_id!!x'])('refuses the field list %s', (list) => {
    expect(() => readFields(list, 'both')).toThrow(expect.objectContaining({ code: 'CATALOG_BROKEN' }))
  })

  it('lets a later word replace an earlier one', () => {
    expect(readFields('app_id platform app_id!^', 'both')).toMatchObject([
      { name: 'app_id', required: true, inStorage: false },
      { name: 'platform' },
    ])
  })
})

describe('names', () => {
  it.each([
    ['users.messages.email.Open', 'users.messages.email.Open'],
    ['users.message.email.Open', 'users.messages.email.Open'],
    ['users_campaigns_abort', 'users.campaigns.Abort'],
    ['users_canvas_abort', 'users.canvas.Abort'],
    ['users.message.hologram.Beam', undefined],
    ['users.messages.email.open', undefined],
    ['toString', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('%s is the type %s', (name, expected) => {
    expect(eventType(name)?.name).toBe(expected)
    expect(isKnown(name)).toBe(expected !== undefined)
    if (expected === undefined) expect(canonicalName(name)).toBe(name)
  })

  it.each([
    ['users.messages.email.Open', 'email', 'message_engagement'],
    ['users.messages.pushnotification.Snooze', 'push', 'message_engagement'],
    ['users.message.email.Fold', 'email', 'message_engagement'],
    ['users.messages.foo.Bar', 'foo', 'message_engagement'],
    ['users.behaviors.Dance', 'app', 'customer_behavior'],
    ['users.behaviors.wearable.Dance', 'wearable', 'customer_behavior'],
    ['users.canvas.exit.Fell', 'canvas', 'message_engagement'],
    ['users.canvasstep.Progression', 'canvas', 'message_engagement'],
    ['lonely', 'other', 'customer_behavior'],
    ['.', 'other', 'customer_behavior'],
    ['', 'other', 'customer_behavior'],
  ])('%s is of channel %s and category %s', (name, channel, category) => {
    expect(channelOf(name)).toBe(channel)
    expect(categoryOf(name)).toBe(category)
  })
})

describe('selection patterns', () => {
  it.each<[pattern: string, name: string, matches: boolean]>([
    ['*', 'anything at all', true],
    ['users.messages.email.Open', 'users.messages.email.Open', true],
    ['users.messages.email.Open', 'users.messages.email.OpenMore', false],
    ['users.messages.email.Open', 'users.message.email.Open', true],
    ['users.message.email.Open', 'users.messages.email.Open', true],
    ['users.campaigns.Abort', 'users_campaigns_abort', true],
    ['users.messages.email.*', 'users.messages.email.Click', true],
    ['users.messages.email.*', 'users.message.email.Open', true],
    ['users.messages.email.*', 'users.messages.email', false],
    ['users.messages.email.*', 'users.messages.emailer.Click', false],
    ['users.messages.*', 'users.messages.foo.Bar', true],
    ['channel:email', 'users.messages.email.Bounce', true],
    ['channel:email', 'users.messages.email.Fold', true],
    ['channel:email', 'users.messages.sms.Send', false],
    ['channel:push', 'users.behaviors.pushnotification.TokenStateChange', true],
    ['channel:foo', 'users.messages.foo.Bar', true],
    ['category:message_engagement', 'users.canvas.Entry', true],
    ['category:message_engagement', 'users.behaviors.Purchase', false],
    ['category:customer_behavior', 'users.behaviors.Purchase', true],
    ['users.*.email', 'users.messages.email', false],
    ['unknown.Type', 'unknown.Type', true],
  ])('%s on %s: %s', (pattern, name, matches) => {
    expect(matchesPattern(pattern, name)).toBe(matches)
    expect(compilePattern(pattern)(name)).toBe(matches)
  })

  it.each<[pattern: string, fine: boolean]>([
    ['*', true],
    ['users.messages.*', true],
    ['unknown.Type', true],
    ['channel:anything', true],
    ['category:customer_behavior', true],
    ['category:weather', false],
    ['', false],
    ['users.*.Open', false],
    ['users.messages*', false],
    ['**', false],
    ['users.**', false],
    ['x'.repeat(201), false],
  ])('%s is a pattern: %s', (pattern, fine) => {
    expect(patternProblem(pattern) === undefined).toBe(fine)
  })
})

describe('views', () => {
  it('shows every type exactly once in the picker, in a channel with a title', () => {
    const shown = pickerTree().flatMap((category) => category.channels.flatMap((channel) => channel.types))
    expect(shown.map((type) => type.name).sort()).toEqual(namesWhere(() => true))
    for (const { category, channels: inside } of pickerTree()) {
      for (const { channel, title, types } of inside) {
        expect(channels.get(channel)).toBe(title)
        for (const { name } of types) expect([channelOf(name), categoryOf(name)]).toEqual([channel, category])
      }
    }
  })

  it('tells the picker about PII, Segment names and retirement', () => {
    const all = pickerTree().flatMap((category) => category.channels.flatMap((channel) => channel.types))
    expect(all.find((type) => type.name === 'users.messages.email.Bounce')).toMatchObject({
      pii: ['bounce_reason', 'email_address'],
      segmentName: 'Email Bounced',
      status: 'current',
      inHttp: true,
    })
    expect(all.find((type) => type.name === 'users.canvas.Abort')).toMatchObject({
      status: 'retired',
      inHttp: false,
    })
  })

  it('names the PII properties once each', () => {
    expect(piiFields()).toEqual([
      'abort_log',
      'ad_id',
      'altitude',
      'bounce_reason',
      'channel_identifier',
      'country',
      'deferral_reason',
      'dob',
      'email_address',
      'first_name',
      'flow_response_json',
      'gender',
      'home_city',
      'input',
      'language',
      'last_name',
      'latitude',
      'locale_key',
      'longitude',
      'message_extras',
      'native_line_id',
      'output',
      'phone_number',
      'template_name',
      'to_phone_number',
      'user_phone_number',
    ])
  })

  it.each([
    ['users.messages.email.Click', 'Email Link Clicked'],
    ['users.messages.pushnotification.Open', 'Push Notification Tapped'],
    ['users.messages.pushnotification.IosForeground', 'iOS Foreground Push Opened'],
    ['users.messages.featureflag.Impression', 'Feature Flag Experiment Impressed'],
    ['users.messages.inappmessage.Impression', 'In-App Message Viewed'],
    ['users.messages.whatsapp.Click', 'WhatsApp Tracked Link Clicked'],
    ['users.campaigns.EnrollInControl', 'Campaign Control Group Entered'],
    ['users.behaviors.Purchase', 'Purchased'],
    ['users.behaviors.Uninstall', 'Application Uninstalled'],
    ['users.messages.line.InboundReceive', 'LINE Inbound Received'],
    ['users.messages.rcs.InboundReceive', 'Inbound Received'],
    ['users.behaviors.CustomEvent', undefined],
    ['users.messages.sms.Retry', undefined],
  ])('Segment calls %s %s', (name, expected) => {
    expect(segmentNames.get(name)).toBe(expected)
  })

  it('has the trap: LINE and RCS share bare verbs', () => {
    for (const verb of ['Send', 'Click', 'Abort']) {
      const [lineName, rcsName] = ['line', 'rcs'].map((one) =>
        segmentNames.get(`users.messages.${one}.${verb}`),
      )
      expect(lineName).toBe(rcsName)
      expect(lineName).toMatch(/^(Sent|Clicked|Aborted)$/)
    }
  })
})
