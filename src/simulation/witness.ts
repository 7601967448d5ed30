/**
 * What somebody outside of the hub saw: what was sent and acknowledged, what each vendor took, and which records the log held when it was read.
 * The invariants are judged by this account; nothing in it comes from the hub's own books.
 */

import type { SupplyEvent } from '../sandbox/sender.ts'

export const CURRENT_NAMES = ['treasure-data', 'webhook', 'segment-a', 'segment-b'] as const
export type CurrentName = (typeof CURRENT_NAMES)[number]

/** The member by which a vendor of this world knows what it will never take; its value names the vendor. */
export const POISON = 'simulated_poison'

export interface SentEvent {
  readonly id: string
  readonly type: string
  readonly bytes: string
  readonly hasExternalId: boolean
  /** By whom order is kept; '' nobody. */
  readonly person: string
  /** The vendor that will refuse it; '' none. */
  readonly poison: string
}

export interface KeptRecord {
  readonly id: string
  /** Milliseconds since the epoch, by the hub's clock. */
  readonly receivedAt: number
}

/** One taking of one event by a vendor. */
export interface Taking {
  readonly atMs: number
  readonly life: number
  /** The hub that sent it heard of it. */
  told: boolean
}

/** What a current's vendor took, by the ids of events. */
export class Takings {
  readonly byId = new Map<string, Taking>()
  /** Ids in the order of their first taking. */
  readonly firsts: string[] = []
  /** Everything, repeats included: `time id`. */
  readonly journal: string[] = []
  /** Taken again though the hub had heard of it. */
  readonly needless: string[] = []
  repeats = 0
  /** When the vendor last turned the hub away as a stranger: a halt drops what is under way. */
  turnedAwayAtMs = Number.NEGATIVE_INFINITY

  take(id: string, taking: Taking): void {
    this.journal.push(`${taking.atMs} ${id}`)
    const before = this.byId.get(id)
    this.byId.set(id, taking)
    if (before === undefined) {
      this.firsts.push(id)
      return
    }
    this.repeats++
    const isNeedless = before.told && before.life === taking.life && this.turnedAwayAtMs < before.atMs
    if (isNeedless) this.needless.push(id)
  }
}

export interface Refusal {
  readonly status: number
  readonly ids: readonly string[]
}

export class Witness {
  readonly sent = new Map<string, SentEvent>()
  /** Ids of requests that were answered 2xx, whether the sender heard it or not. */
  readonly acknowledged = new Set<string>()
  /** Ids of requests whose answer was none, or came from a log that had stopped: they may be in the log or not. */
  readonly doubtful = new Set<string>()
  /** Requests that were refused since the last look. */
  refusals: Refusal[] = []
  /** By offset. */
  readonly records: KeptRecord[] = []
  /** What was sent as these records. By offset. */
  readonly events: SentEvent[] = []
  readonly offsets = new Map<string, number>()
  /** `status code` of the door's answers. */
  readonly answers = new Map<string, number>()
  readonly takings: Readonly<Record<CurrentName, Takings>> = {
    'treasure-data': new Takings(),
    webhook: new Takings(),
    'segment-a': new Takings(),
    'segment-b': new Takings(),
  }
  /** Requests of one life, by what they hold: the hash of their bytes. */
  readonly requests = new Map<string, string>()
  /** Requests that were sent again with other bytes. */
  readonly changed: string[] = []
  /** Events that arrived with other bytes than they were sent with. */
  readonly altered: string[] = []

  emitted(event: SentEvent): void {
    this.sent.set(event.id, event)
  }

  /** The log has this at `offset`. False: nobody sent it. */
  recorded(offset: number, record: KeptRecord): boolean {
    const event = this.sent.get(record.id)
    if (event === undefined) return false
    this.records[offset] = record
    this.events[offset] = event
    this.offsets.set(record.id, offset)
    return true
  }

  answered(
    ids: readonly string[],
    answer: { readonly status: number; readonly code: string } | undefined,
  ): void {
    const word = answer === undefined ? 'none' : `${answer.status} ${answer.code}`.trim()
    this.answers.set(word, (this.answers.get(word) ?? 0) + 1)
    if (answer === undefined || DOUBTFUL.has(answer.code)) for (const id of ids) this.doubtful.add(id)
    else if (answer.status >= 200 && answer.status < 300) for (const id of ids) this.acknowledged.add(id)
    else this.refusals.push({ status: answer.status, ids })
  }
}

/** After these the bytes may be on the disk or not: INV-3. */
const DOUBTFUL: ReadonlySet<string> = new Set(['LOG_STOPPED', 'LOG_UNCONFIRMED'])

export function sentEventOf({ type, bytes }: SupplyEvent): SentEvent {
  const text = String(bytes)
  const { id, user, properties } = JSON.parse(text) as {
    id: string
    user?: { external_user_id?: string; user_id?: string; device_id?: string }
    properties?: Record<string, unknown>
  }
  const { external_user_id: external = '', user_id: own = '', device_id: device = '' } = user ?? {}
  return {
    id,
    type,
    bytes: text,
    hasExternalId: external !== '',
    person: external || own || device,
    poison: String(properties?.[POISON] ?? ''),
  }
}

/** Whether a current is to deliver it: what its definition says, told anew. */
export function flows(current: CurrentName, { type, hasExternalId }: SentEvent): boolean {
  switch (current) {
    case 'treasure-data':
    case 'segment-b':
      return hasExternalId
    case 'webhook':
      return type.startsWith('users.messages.')
    case 'segment-a':
      return hasExternalId && /^users\.(messages|campaigns|canvas)\./.test(type)
  }
}

/** Whether its vendor refuses it for good. */
export function isPoison(current: CurrentName, { poison }: SentEvent): boolean {
  return poison === current
}
