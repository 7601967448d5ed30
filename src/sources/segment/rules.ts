/**
 * What Segment asks of a message. It answers 200 all the same and discards the message later; the reasons are
 * its own discard codes (Segment, HTTP API and delivery overview). Null counts as absent: SDKs send it for
 * what is not known yet.
 */

import type { SegmentCall } from '../../catalog/segment-calls.ts'
import type { RowFault } from '../../log/frame.ts'
import { given, type Message, textOf } from './message.ts'

/** Segment HTTP API: 32 KB per message, 500 KB per request, 2,500 messages per batch. Its 10,000 properties do not fit 32 KB. */
export const MESSAGE_BYTES_MAX = 32 * 1024
export const REQUEST_BYTES_MAX = 500 * 1024
export const BATCH_MESSAGES_MAX = 2_500
/** Segment, common fields: a messageId has at most 100 characters. Longer ones are kept whole, with a warning. */
export const MESSAGE_ID_CHARS_MAX = 100

type Rule = (message: Message) => RowFault | undefined

const RULES: Readonly<Record<SegmentCall, readonly Rule[]>> = {
  track: [namedEvent, object('properties', 'properties_not_object'), somebody],
  identify: [object('traits', 'traits_not_object'), somebody],
  page: [...pageRules(), somebody],
  screen: [...pageRules(), somebody],
  group: [id('groupId'), object('traits', 'traits_not_object'), somebody],
  alias: [id('previousId'), id('userId')],
}

/** What the rules for this kind of call say against the message; undefined when nothing. */
export function faultOf(message: Message, call: SegmentCall): RowFault | undefined {
  for (const rule of RULES[call]) {
    const fault = rule(message)
    if (fault !== undefined) return fault
  }
  return undefined
}

function pageRules(): readonly Rule[] {
  return [
    string('name', 'name_not_string'),
    string('category', 'category_not_string'),
    object('properties', 'properties_not_object'),
  ]
}

function namedEvent(message: Message): RowFault | undefined {
  const event = given(message, 'event')
  if (event === undefined || textOf(message, 'event') === '') return 'event_not_defined'
  return event.kind === 'string' ? undefined : 'event_not_string'
}

/** One of the two ids, and neither of another type. */
function somebody(message: Message): RowFault | undefined {
  let found = false
  for (const name of ['userId', 'anonymousId']) {
    const member = given(message, name)
    if (member === undefined) continue
    if (member.kind !== 'string') return 'id_not_string'
    if (member.end - member.start > '""'.length) found = true
  }
  return found ? undefined : 'no_user_anon_id'
}

function id(name: string): Rule {
  return (message) => {
    const member = given(message, name)
    if (member === undefined || textOf(message, name) === '') return 'id_required'
    return member.kind === 'string' ? undefined : 'id_not_string'
  }
}

function object(name: string, fault: RowFault): Rule {
  return (message) => ((given(message, name)?.kind ?? 'object') === 'object' ? undefined : fault)
}

function string(name: string, fault: RowFault): Rule {
  return (message) => ((given(message, name)?.kind ?? 'string') === 'string' ? undefined : fault)
}
