/** The decisions of a batch, each person once: of several about one person the last one counts. */

import { type EventBatch, joinedText } from '../../core/batch.ts'
import {
  AUDIENCE_NAMED,
  type Decision,
  decisionOf,
  identifierKey,
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

const NO_MEMBERSHIP = skipped('not_a_membership')

export function decisionsOf(batch: EventBatch): Decisions {
  const byPerson = new Map<string, Placed>()
  /** Of each record the person; null for a name, undefined for what is neither. */
  const persons: (string | null | undefined)[] = []
  let name: string | undefined
  let repeats = false
  for (const [place, said] of saidBy(batch).entries()) {
    if (said === undefined || typeof said === 'string') {
      name = said ?? name
      persons.push(said === undefined ? undefined : null)
      continue
    }
    const person = identifierKey(said.who)
    repeats = byPerson.delete(person) || repeats
    byPerson.set(person, { who: said.who, enters: said.enters, place })
    persons.push(person)
  }
  const counting = (person: string | null, place: number): number =>
    person === null || !repeats ? place : (byPerson.get(person)?.place ?? place)
  return {
    decisions: [...byPerson.values()],
    name,
    receipts: (told) =>
      persons.map((person, place) => (person === undefined ? NO_MEMBERSHIP : told(counting(person, place)))),
  }
}

/** Of each record its decision, or the name that it gives; undefined for what is neither. */
function saidBy(batch: EventBatch): readonly (Decision | string | undefined)[] {
  const text = joinedText(batch)
  return (
    writtenDecisions(text, batch.count) ??
    (JSON.parse(`[${text}]`) as Record<string, unknown>[]).map(
      (record) => decisionOf(record) ?? nameOf(record),
    )
  )
}

function nameOf({ event_type: type, properties }: Record<string, unknown>): string | undefined {
  if (type !== AUDIENCE_NAMED || typeof properties !== 'object' || properties === null) return undefined
  const { name } = properties as Record<string, unknown>
  return typeof name === 'string' && name !== '' ? name : undefined
}
