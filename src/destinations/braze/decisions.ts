/** The decisions of a batch, each person once: of several about one person the last one counts. */

import { type EventBatch, eventValue } from '../../core/batch.ts'
import { AUDIENCE_NAMED, type Decision, decisionOf, identifierKey } from '../../core/membership.ts'
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
  for (let place = 0; place < batch.count; place++) {
    const record = eventValue(batch, place)
    const decision = decisionOf(record)
    if (decision !== undefined) {
      const person = identifierKey(decision.who)
      byPerson.delete(person)
      byPerson.set(person, { ...decision, place })
      persons.push(person)
      continue
    }
    const given = nameOf(record)
    name = given ?? name
    persons.push(given === undefined ? undefined : null)
  }
  return {
    decisions: [...byPerson.values()],
    name,
    receipts: (told) =>
      persons.map((person, place) => {
        if (person === undefined) return NO_MEMBERSHIP
        return told(person === null ? place : (byPerson.get(person)?.place ?? place))
      }),
  }
}

function nameOf({ event_type: type, properties }: Record<string, unknown>): string | undefined {
  if (type !== AUDIENCE_NAMED || typeof properties !== 'object' || properties === null) return undefined
  const { name } = properties as Record<string, unknown>
  return typeof name === 'string' && name !== '' ? name : undefined
}
