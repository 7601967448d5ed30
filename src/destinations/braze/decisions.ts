/** The decisions of a batch, each person once: of several about one person the last one counts. */

import { type EventBatch, joinedText } from '../../core/batch.ts'
import {
  AUDIENCE_NAMED,
  type Decision,
  decisionOf,
  type Identifier,
  writtenDecisions,
} from '../../core/membership.ts'
import { type Receipt, skipped } from '../../core/receipt.ts'

export interface Placed extends Decision {
  /** Its record in the batch. */
  readonly place: number
}

export interface Decisions {
  /** In the order of their records. */
  readonly decisions: readonly Placed[]
  /** The last name given in the batch. */
  readonly name: string | undefined
  /**
   * A receipt for each record: that of its own for what is no decision, else `told(place of the decision that counts)`.
   */
  receipts(told: (place: number) => Receipt): readonly Receipt[]
}

/** Records that become one text at a time: a longer one lies among the large objects, which costs several times as much. */
const PIECE_BYTES = 65_536

const NO_MEMBERSHIP = skipped('not_a_membership')

export function decisionsOf(batch: EventBatch): Decisions {
  const said = saidBy(batch)
  /** By kind and label, then by identifier. */
  const people = new Map<string, Map<string, Placed>>()
  const decisions: Placed[] = []
  let name: string | undefined
  let repeats = false
  for (const [place, one] of said.entries()) {
    if (one === undefined || typeof one === 'string') {
      name = one ?? name
      continue
    }
    const { who, enters } = one
    const alike = alikeOf(people, who)
    const before = alike.size
    const placed = { who, enters, place }
    alike.set(who.value, placed)
    repeats ||= alike.size === before
    decisions.push(placed)
  }
  /** The place of the decision that counts. */
  const counting = (who: Identifier, place: number): number =>
    repeats ? (alikeOf(people, who).get(who.value)?.place ?? place) : place
  return {
    decisions: repeats ? decisions.filter(({ who, place }) => counting(who, place) === place) : decisions,
    name,
    receipts: (told) =>
      said.map((one, place) => {
        if (one === undefined) return NO_MEMBERSHIP
        return told(typeof one === 'string' ? place : counting(one.who, place))
      }),
  }
}

function alikeOf(people: Map<string, Map<string, Placed>>, { kind, label }: Identifier): Map<string, Placed> {
  const key = kind + label
  let alike = people.get(key)
  if (alike === undefined) {
    alike = new Map()
    people.set(key, alike)
  }
  return alike
}

/** Of each record its decision, or the name that it gives; undefined for what is neither. */
function saidBy(batch: EventBatch): readonly (Decision | string | undefined)[] {
  return (
    writtenBy(batch) ??
    (JSON.parse(`[${joinedText(batch)}]`) as Record<string, unknown>[]).map(
      (record) => decisionOf(record) ?? nameOf(record),
    )
  )
}

/** undefined: not all are spelt as usual. */
function writtenBy({ joined, starts, ends, count }: EventBatch): Decision[] | undefined {
  const bytes = Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength)
  const decisions: Decision[] = []
  for (let from = 0; from < count; ) {
    const start = starts[from] ?? 0
    let to = from + 1
    while (to < count && (ends[to] ?? 0) - start <= PIECE_BYTES) to++
    const written = writtenDecisions(bytes.toString('utf8', start, ends[to - 1]), to - from)
    if (written === undefined) return undefined
    for (const decision of written) decisions.push(decision)
    from = to
  }
  return decisions
}

function nameOf({ event_type: type, properties }: Record<string, unknown>): string | undefined {
  if (type !== AUDIENCE_NAMED || typeof properties !== 'object' || properties === null) return undefined
  const { name } = properties as Record<string, unknown>
  return typeof name === 'string' && name !== '' ? name : undefined
}
