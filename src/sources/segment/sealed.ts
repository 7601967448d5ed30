/**
 * A message as the log keeps it: the sender's members as they came, and behind them what only the server
 * knows, so that whoever reads the record needs neither the batch around it nor our clock (ADR 0015).
 *
 * | member              | what happens to it                                                                        |
 * |---------------------|-------------------------------------------------------------------------------------------|
 * | receivedAt          | added                                                                                     |
 * | sentAt              | added from the batch                                                                      |
 * | timestamp           | renamed originalTimestamp, and added anew as receivedAt - (sentAt - originalTimestamp)    |
 * | context             | members of the batch's are added where the message has none of the name                   |
 * | integrations        | the same                                                                                  |
 * | type                | added, or set right, from the address of a single call                                    |
 * | messageId           | made where there is none: see `madeId`                                                    |
 * | writeKey            | its value is taken out: it is a secret                                                    |
 *
 * A message that carries both times was corrected before and keeps them. Nothing is corrected without a
 * sentAt. A time that cannot be read stays as it is.
 */

import { createHash, randomUUID } from 'node:crypto'
import type { SegmentCall } from '../../catalog/segment-calls.ts'
import type { MemberTable } from '../../core/kernel/member-table.ts'
import { type Member, type Message, rawOf, readMessage, textOf } from './message.ts'
import { MESSAGE_ID_CHARS_MAX } from './rules.ts'

export type Warning =
  | 'batch_too_long'
  | 'message_id_long'
  | 'message_id_not_string'
  | 'timestamp_unreadable'
  | 'type_differs'

export interface Sealed {
  /** One after another they are the message. */
  readonly pieces: readonly (Buffer | string)[]
  readonly warning: Warning | undefined
}

/** In place of bytes [from, to). */
interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Members of the batch that are meant for each of its messages. */
const SHARED = ['context', 'integrations'] as const

/** What stands around a message. */
export interface Around {
  /** The batch, or the message itself when it came alone. */
  readonly message: Message
  /** Its members that are meant for each message, read. */
  readonly shared: ReadonlyMap<string, Message>
}

export function aroundOf(table: MemberTable, message: Message): Around {
  const shared = new Map<string, Message>()
  for (const name of SHARED) {
    const member = message.members.get(name)
    if (member?.kind === 'object') shared.set(name, readMessage(table, rawOf(message, member)))
  }
  return { message, shared }
}

/** `now` is receivedAt, in milliseconds since the epoch. */
export function sealed(message: Message, call: SegmentCall, around: Around, now: number): Sealed {
  const draft = new Draft(message)
  draft.setType(call)
  draft.setMessageId(call)
  draft.setTimes(around.message, now)
  if (around.message !== message) {
    for (const [name, shared] of around.shared) draft.share(name, shared)
  }
  draft.hideKey()
  return draft.seal()
}

/** The message as it came, but for the sender's key. */
export function withoutKey(message: Message): readonly (Buffer | string)[] {
  const draft = new Draft(message)
  draft.hideKey()
  return draft.seal().pieces
}

class Draft {
  readonly #message: Message
  readonly #edits: Edit[] = []
  /** `"key":value` each. */
  readonly #added: string[] = []
  #warning: Warning | undefined

  constructor(message: Message) {
    this.#message = message
  }

  warn(warning: Warning): void {
    this.#warning ??= warning
  }

  setType(call: SegmentCall): void {
    const member = this.#message.members.get('type')
    if (member === undefined) this.#add('type', JSON.stringify(call))
    else if (textOf(this.#message, 'type') !== call) {
      if (member.kind !== 'null') this.warn('type_differs')
      this.#replace(member, JSON.stringify(call))
    }
  }

  setMessageId(call: SegmentCall): void {
    const { members } = this.#message
    const member = members.get('messageId')
    const text = textOf(this.#message, 'messageId')
    if (text !== undefined && text !== '') {
      if (text.length > MESSAGE_ID_CHARS_MAX) this.warn('message_id_long')
      return
    }
    if (member === undefined) this.#add('messageId', JSON.stringify(madeId(this.#message, call)))
    else if (member.kind === 'number') {
      this.warn('message_id_not_string')
      this.#replace(member, `"${rawOf(this.#message, member)}"`)
    } else {
      if (member.kind !== 'null' && member.kind !== 'string') this.warn('message_id_not_string')
      this.#replace(member, JSON.stringify(madeId(this.#message, call)))
    }
  }

  setTimes(around: Message, now: number): void {
    const message = this.#message
    const { members } = message
    const receivedAt = isoText(now)
    const sentAt = members.has('sentAt') ? message : around
    const sentMember = sentAt.members.get('sentAt')
    if (sentMember !== undefined && !members.has('sentAt'))
      this.#add('sentAt', rawOf(sentAt, sentMember).toString())
    if (!members.has('receivedAt')) this.#add('receivedAt', receivedAt)
    const timestamp = members.get('timestamp')
    const original = members.get('originalTimestamp')
    if (timestamp !== undefined && original !== undefined) return
    if (timestamp === undefined && original === undefined) {
      this.#add('timestamp', receivedAt)
      return
    }
    const said = timeOf(textOf(message, timestamp === undefined ? 'originalTimestamp' : 'timestamp'))
    const sent = timeOf(textOf(sentAt, 'sentAt'))
    if (said === undefined) this.warn('timestamp_unreadable')
    const corrected = said === undefined || sent === undefined ? said : now - (sent - said)
    if (corrected === undefined || !isIso(corrected)) return
    if (timestamp === undefined) this.#add('timestamp', isoText(corrected))
    else if (sent !== undefined) {
      this.#edits.push({
        from: timestamp.keyStart,
        to: timestamp.keyStart + '"timestamp"'.length,
        text: '"originalTimestamp"',
      })
      this.#add('timestamp', isoText(corrected))
    }
  }

  share(name: string, shared: Message): void {
    const own = this.#message.members.get(name)
    if (own === undefined) this.#add(name, shared.bytes.toString())
    if (own?.kind !== 'object') return
    const missing = [...shared.members.values()].filter((member) => !own.keys.includes(member.name))
    if (missing.length === 0) return
    const inside = missing.map((member) => shared.bytes.toString('utf8', member.keyStart, member.end)).join()
    const text = own.keys.length === 0 ? inside : `,${inside}`
    this.#edits.push({ from: own.end - 1, to: own.end - 1, text })
  }

  hideKey(): void {
    for (const member of this.#message.every) {
      if (member.name === 'writeKey') this.#replace(member, HIDDEN)
    }
  }

  seal(): Sealed {
    const { bytes } = this.#message
    const pieces: (Buffer | string)[] = []
    let at = 0
    for (const { from, to, text } of this.#edits.sort((a, b) => a.from - b.from)) {
      pieces.push(bytes.subarray(at, from), text)
      at = to
    }
    // A message that the rules let through has a member: a comma is due before ours.
    const added = this.#added.map((member) => `,${member}`)
    pieces.push(bytes.subarray(at, bytes.length - 1), `${added.join('')}}`)
    return { pieces, warning: this.#warning }
  }

  #add(key: string, value: string): void {
    this.#added.push(`"${key}":${value}`)
  }

  #replace({ start, end }: Member, text: string): void {
    this.#edits.push({ from: start, to: end, text })
  }
}

/** What Braze writes for a value that is taken out; the same here. */
const HIDDEN = '"[REDACTED]"'

/**
 * The id of a message that has none. With a time of its own: made of its content, so that a repeat is known.
 * Without one, two equal messages may be two events: then each has its own, and a repeat is a new message, as
 * at Segment.
 */
function madeId(message: Message, call: SegmentCall): string {
  const { members, bytes } = message
  if (!members.has('timestamp') && !members.has('originalTimestamp')) return randomUUID()
  const hex = createHash('sha256').update(call).update(bytes).digest('hex')
  return uuidOf(hex)
}

/** 32 hexadecimal digits in the form of a UUID, whose identity is the digits themselves. */
export function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

const YEAR_ZERO = Date.parse('0000-01-01T00:00:00.000Z')
const YEAR_END = Date.parse('9999-12-31T23:59:59.999Z')

function isIso(ms: number): boolean {
  return ms >= YEAR_ZERO && ms <= YEAR_END
}

function isoText(ms: number): string {
  return `"${new Date(ms).toISOString()}"`
}
