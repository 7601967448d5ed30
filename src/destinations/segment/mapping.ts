/**
 * How a Currents event becomes a Segment track call: a table per event type, compiled to projections of the
 * kernel. It follows what Braze's own Segment connector sends (event glossary, Segment tabs), so that a
 * source fed by Braze can be fed by us.
 *
 * | Currents                                        | Segment                                                         |
 * |-------------------------------------------------|-----------------------------------------------------------------|
 * | id                                              | messageId, see message.ts                                       |
 * | time                                            | timestamp, ISO-8601                                             |
 * | event_type                                      | event (the name), and properties.event_type                     |
 * | user.external_user_id                           | userId                                                          |
 * | user.user_id                                    | anonymousId                                                     |
 * | user.device_id                                  | properties.device_id, except where RULES say otherwise          |
 * | user.timezone                                   | nothing                                                         |
 * | properties.email_address                        | context.traits.email                                            |
 * | properties.to_phone_number, .user_phone_number  | context.traits.phone                                            |
 * | properties.device_model                         | context.device.model                                            |
 * | properties.platform                             | context.device.type where RULES say so, else the property       |
 * | properties.custom_properties, .purchase_…       | merged into properties, see track.ts                            |
 * | other properties                                | the property of the same name, except where RULES say otherwise |
 *
 * A type that is not in the catalog keeps all its properties. What came in as a Segment message is passed on:
 * see PASSED_MEMBERS.
 */

import { compilePattern, eventType, isKnown, type TypeMatcher } from '../../catalog/catalog.ts'
import { SEGMENT_CALLS, segmentType } from '../../catalog/segment-calls.ts'
import type { Member } from '../../core/kernel/kernel.ts'

export interface Rule {
  /** Properties that are not sent. */
  readonly drop?: readonly string[]
  /** Properties under another name. */
  readonly rename?: Readonly<Record<string, string>>
  readonly platform?: 'context' | 'dropped'
  readonly deviceId?: 'dropped'
  /**
   * The property that holds the person's number; the other one is a property like any other. Default
   * to_phone_number.
   */
  readonly phone?: 'user_phone_number'
  /** The property whose members are merged into the properties. */
  readonly merged?: string
}

/** By pattern of the catalog; all that fit count, later ones win. None is for types outside the catalog. */
const RULES: readonly (readonly [pattern: string, rule: Rule])[] = [
  [
    '*',
    {
      drop: [
        'app_group_api_id',
        'canvas_api_id',
        'canvas_step_api_id',
        'canvas_step_message_variation_api_id',
        'canvas_step_message_variation_id',
        'canvas_variation_api_id',
        'carrier',
        'country',
        'gender',
        'language',
        'os_version',
        'resolution',
        'sdk_version',
        'sending_ip',
      ],
    },
  ],
  ['users.behaviors.CustomEvent', { platform: 'context', merged: 'custom_properties' }],
  ['users.behaviors.Purchase', { platform: 'context', merged: 'purchase_properties' }],
  ['users.behaviors.Location', { platform: 'context' }],
  ['users.behaviors.app.*', { platform: 'context' }],
  ['users.behaviors.subscriptiongroup.StateChange', { drop: ['phone_number'] }],
  ['users.canvas.exit.*', { deviceId: 'dropped' }],
  ['users.messages.banner.*', { platform: 'dropped' }],
  ['users.messages.contentcard.*', { platform: 'context', rename: { content_card_id: 'card_id' } }],
  ['users.messages.email.Click', { rename: { url: 'link_url' } }],
  ['users.messages.email.Deferral', { deviceId: 'dropped' }],
  ['users.messages.featureflag.*', { platform: 'context' }],
  ['users.messages.inappmessage.*', { platform: 'context' }],
  ['users.messages.inappmessage.Abort', { drop: ['browser', 'browser_version'] }],
  ['users.messages.line.Click', { drop: ['url'] }],
  ['users.messages.liveactivity.*', { deviceId: 'dropped' }],
  [
    'users.messages.pushnotification.Open',
    { platform: 'context', drop: ['button_action_type', 'button_string'] },
  ],
  ['users.messages.rcs.Click', { phone: 'user_phone_number' }],
  ['users.messages.rcs.InboundReceive', { phone: 'user_phone_number' }],
  ['users.messages.sms.InboundReceive', { phone: 'user_phone_number' }],
  ['users.messages.sms.Send', { drop: ['from_phone_number'] }],
  ['users.messages.sms.ShortLinkClick', { phone: 'user_phone_number' }],
  ['users.messages.whatsapp.Click', { phone: 'user_phone_number', drop: ['url'] }],
  ['users.messages.whatsapp.InboundReceive', { phone: 'user_phone_number' }],
]

const MATCHERS: readonly (readonly [TypeMatcher, Rule])[] = RULES.map(([pattern, rule]) => [
  compilePattern(pattern),
  rule,
])

/** The rules of one type, put together. */
export function ruleOf(type: string): Rule {
  if (!isKnown(type)) return {}
  const fitting = MATCHERS.filter(([matches]) => matches(type)).map(([, rule]) => rule)
  return {
    ...Object.assign({}, ...fitting),
    drop: fitting.flatMap((rule) => rule.drop ?? []),
    rename: Object.assign({}, ...fitting.map((rule) => rule.rename)),
  }
}

/** Segment refuses a track call without a name (event_not_defined); the event is worth more than its type. */
const NAMELESS = 'Unknown Event'

/**
 * The operator's name, else the published one, else the event type itself: types without a published name
 * (custom events among them, whose own name is in properties.name) and types that we do not know.
 */
export function eventName(type: string, chosen: Readonly<Record<string, string>>): string {
  const own = Object.hasOwn(chosen, type) ? chosen[type] : undefined
  return own ?? eventType(type)?.segment.name ?? (type === '' ? NAMELESS : type)
}

export interface Envelope {
  readonly messageId: Member
  readonly identity: readonly Member[]
  readonly timestamp: readonly Member[]
}

/** Says in context.integration whose stream this is, and the version of this mapping. */
const INTEGRATION = { name: 'thalweg', version: '1.0.0' }

/**
 * The members of a track call. messageId comes first, then the identity: the writer looks at their places in
 * the bytes.
 */
export function trackMembers(
  name: string,
  rule: Rule,
  keepEventType: boolean,
  around: Envelope,
): readonly Member[] {
  return [
    around.messageId,
    ...around.identity,
    { key: 'type', constant: 'track' },
    { key: 'event', constant: name },
    ...around.timestamp,
    { key: 'context', object: contextMembers(rule) },
    { key: 'properties', object: propertyMembers(rule, keepEventType) },
  ]
}

/** Types of records that came in as Segment messages. They go out as the same kind of call. */
const PASSED_TYPES: ReadonlySet<string> = new Set(SEGMENT_CALLS.map(segmentType))

/**
 * What goes on of such a message. Its timestamp was corrected when it came in; sentAt, receivedAt and
 * originalTimestamp stay behind, or Segment would correct it once more by the time it waited here.
 */
const PASSED_MEMBERS = [
  'type',
  'event',
  'name',
  'category',
  'groupId',
  'previousId',
  'timestamp',
  'traits',
  'properties',
  'context',
  'integrations',
] as const

export function isPassed(type: string): boolean {
  return PASSED_TYPES.has(type)
}

/** The members of a call that is passed on, in the order of a track call. */
export function passedMembers({ messageId, identity }: Omit<Envelope, 'timestamp'>): readonly Member[] {
  return [messageId, ...identity, ...PASSED_MEMBERS.map((key): Member => ({ key, copy: [key] }))]
}

function contextMembers(rule: Rule): readonly Member[] {
  const phone = rule.phone ?? 'to_phone_number'
  return [
    {
      key: 'device',
      object: [
        { key: 'model', copy: ['properties', 'device_model'] },
        ...(rule.platform === 'context' ? [{ key: 'type', copy: ['properties', 'platform'] } as const] : []),
      ],
    },
    {
      key: 'traits',
      object: [
        { key: 'email', copy: ['properties', 'email_address'] },
        { key: 'phone', copy: ['properties', phone] },
      ],
    },
    { key: 'integration', constant: INTEGRATION },
  ]
}

function propertyMembers(rule: Rule, keepEventType: boolean): readonly Member[] {
  const members: Member[] = []
  const rename: Record<string, string> = { ...rule.rename }
  // A property that already has the name of one that we add steps aside, so that neither is lost.
  if (keepEventType) {
    members.push({ key: 'event_type', copy: ['event_type'] })
    rename.event_type = 'properties_event_type'
  }
  if (rule.deviceId !== 'dropped') {
    members.push({ key: 'device_id', copy: ['user', 'device_id'] })
    rename.device_id = 'properties_device_id'
  }
  const except = [
    'email_address',
    'device_model',
    rule.phone ?? 'to_phone_number',
    ...(rule.platform === undefined ? [] : ['platform']),
    ...(rule.merged === undefined ? [] : [rule.merged]),
    ...(rule.drop ?? []),
  ]
  members.push({ rest: 'properties', except, rename })
  return members
}
