/**
 * A membership record: one decision about one person in one audience. It travels as an event does, in the canonical
 * shape, so that the log, delivery, the ledger and lineage need to know nothing of it:
 *
 *   {"id":"<run>-<n>","event_type":"membership.entered","time":1477502783,
 *    "user":{"external_user_id":"u1"} | {"device_id":"d1"} | {"alias":{"label":"email","name":"a@x.io"}},
 *    "properties":{"activation":"7","run":"…"}}
 *
 * `audience.named` goes before the first of them and whenever the name changed: {"properties":{"name":"VIP"}}.
 */

export const MEMBERSHIP_ENTERED = 'membership.entered'
export const MEMBERSHIP_LEFT = 'membership.left'
export const AUDIENCE_NAMED = 'audience.named'

/** In the order of priority when a row has several, unless an operator says otherwise. */
export const IDENTIFIER_KINDS = ['external_id', 'alias', 'device_id'] as const
export type IdentifierKind = (typeof IDENTIFIER_KINDS)[number]

export interface Identifier {
  readonly kind: IdentifierKind
  /** Of an alias; '' otherwise. */
  readonly label: string
  readonly value: string
}

export interface Decision {
  readonly who: Identifier
  readonly enters: boolean
}

export function membershipRecord(
  id: string,
  { who, enters }: Decision,
  about: { readonly activation: string; readonly run: string; readonly timeMs: number },
): object {
  return {
    id,
    event_type: enters ? MEMBERSHIP_ENTERED : MEMBERSHIP_LEFT,
    time: Math.floor(about.timeMs / 1000),
    user: userOf(who),
    properties: { activation: about.activation, run: about.run },
  }
}

function userOf({ kind, label, value }: Identifier): object {
  if (kind === 'external_id') return { external_user_id: value }
  return kind === 'device_id' ? { device_id: value } : { alias: { label, name: value } }
}

/** A record as `membershipRecord` and the roster write it, without an escape; and the comma behind it. */
const WRITTEN =
  /\{"id":"[^"\\]*","event_type":"membership\.(entered|left)","time":\d+,"user":\{(?:"external_user_id":"([^"\\]+)"|"device_id":"([^"\\]+)"|"alias":\{"label":"([^"\\]+)","name":"([^"\\]+)"\})\},"properties":\{"activation":"[^"\\]*","run":"[^"\\]*"\}\}(?:,|$)/y

/**
 * The decisions of `count` records, joined by commas, several times quicker than by a parse. undefined: one of them is not
 * spelt as usual, or no membership record; then they are to be parsed.
 */
export function writtenDecisions(joined: string, count: number): Decision[] | undefined {
  const decisions: Decision[] = []
  WRITTEN.lastIndex = 0
  for (let i = 0; i < count; i++) {
    const found = WRITTEN.exec(joined)
    if (found === null) return undefined
    const [, direction, externalId, device, label = '', name = ''] = found
    const who: Identifier =
      externalId !== undefined
        ? { kind: 'external_id', label: '', value: externalId }
        : device !== undefined
          ? { kind: 'device_id', label: '', value: device }
          : { kind: 'alias', label, value: name }
    decisions.push({ who, enters: direction === 'entered' })
  }
  return decisions
}

/** undefined: this is no membership record. */
export function decisionOf(record: Readonly<Record<string, unknown>>): Decision | undefined {
  const { event_type: type, user } = record
  if (type !== MEMBERSHIP_ENTERED && type !== MEMBERSHIP_LEFT) return undefined
  const who = identifierOf(user)
  return who === undefined ? undefined : { who, enters: type === MEMBERSHIP_ENTERED }
}

function identifierOf(user: unknown): Identifier | undefined {
  if (typeof user !== 'object' || user === null) return undefined
  const { external_user_id: externalId, device_id: device, alias } = user as Record<string, unknown>
  if (isText(externalId)) return { kind: 'external_id', label: '', value: externalId }
  if (isText(device)) return { kind: 'device_id', label: '', value: device }
  if (typeof alias !== 'object' || alias === null) return undefined
  const { label, name } = alias as Record<string, unknown>
  return isText(label) && isText(name) ? { kind: 'alias', label, value: name } : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
