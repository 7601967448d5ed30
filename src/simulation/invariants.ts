/**
 * The promises of docs/delivery-semantics.md that a simulated run can judge, by their numbers. Each compares what somebody outside saw (witness.ts)
 * with what the hub says and holds; each names what is wrong, or nothing.
 */

import type { BookCheck } from '../delivery/books.ts'
import {
  type CurrentName,
  flows,
  isPoison,
  type KeptRecord,
  type SentEvent,
  type Witness,
} from './witness.ts'

/** What is looked at, at one moment in which everything rests. */
export interface Sight {
  readonly witness: Witness
  /** What the log holds, from `tail` on. */
  readonly tail: number
  readonly kept: readonly (KeptRecord & { readonly bytes: string })[]
  readonly currents: readonly CurrentSight[]
  /** All faults are over and everything had time to settle. */
  readonly isEnd: boolean
}

export interface CurrentSight {
  readonly name: CurrentName
  readonly state: string
  readonly checkpoint: number
  /** As it was at the last sight; 0 after a power failure, which may move it back. */
  readonly checkpointBefore: number
  readonly books: BookCheck
  /** Ids of the events of its dead letters. */
  readonly dead: readonly string[]
  /** Its vendor has locked us out at some time. */
  readonly wasLocked: boolean
  /** What it must have settled by now, as nothing has ailed it for hours: an offset. */
  readonly due: number
}

export interface Breach {
  /** `INV-12`. */
  readonly invariant: string
  readonly what: string
}

type Judge = (sight: Sight) => string | undefined

const NAMED_MAX = 3

/** By number. */
export const JUDGES: Readonly<Record<string, Judge>> = {
  'INV-2': ({ witness, kept, tail }) => {
    const present = new Set(kept.map(({ id }) => id))
    const lost = [...witness.acknowledged].filter(
      (id) => !present.has(id) && (witness.offsets.get(id) ?? tail) >= tail,
    )
    return told(lost, 'were acknowledged and are not in the log')
  },
  'INV-3': ({ witness }) => {
    const half = witness.refusals.flatMap(({ ids }) =>
      ids.filter(
        (id) => witness.offsets.has(id) && !witness.acknowledged.has(id) && !witness.doubtful.has(id),
      ),
    )
    return told(half, 'are in the log though every request with them was refused')
  },
  'INV-5': ({ witness, kept }) =>
    told(
      kept.filter(({ id, bytes }) => bytes !== witness.sent.get(id)?.bytes).map(({ id }) => id),
      'have other bytes in the log than were sent',
    ) ?? told(witness.altered, 'reached a vendor with other bytes than were sent'),
  'INV-6': ({ kept }) => {
    const seen = new Set<string>()
    const twice = kept.filter(({ id }) => seen.size === seen.add(id).size)
    return told(
      twice.map(({ id }) => id),
      'are in the log twice',
    )
  },
  'INV-7': (sight) =>
    sight.isEnd
      ? each(sight, ({ books }) =>
          books.pending === 0 ? undefined : `${books.pending} records have no outcome in the end`,
        )
      : undefined,
  'INV-8': (sight) =>
    each(sight, ({ name }) =>
      told(
        sight.witness.takings[name].needless,
        'were sent again though the hub had heard that they were taken',
      ),
    ),
  'INV-9': (sight) =>
    each(sight, ({ name, checkpoint, dead }) => {
      const { byId } = sight.witness.takings[name]
      const letters = new Set(dead)
      const undecided = settled(sight.witness, checkpoint).filter(
        (event) => flows(name, event) && !byId.has(event.id) && !letters.has(event.id),
      )
      return told(
        undecided.map(({ id }) => id),
        `lie before the checkpoint ${checkpoint} and were neither taken nor refused`,
      )
    }),
  'INV-11': (sight) =>
    each(sight, ({ checkpoint, checkpointBefore }) =>
      checkpoint >= checkpointBefore
        ? undefined
        : `the checkpoint went back from ${checkpointBefore} to ${checkpoint}`,
    ),
  'INV-12': (sight) =>
    each(sight, ({ books }) =>
      books.balanced
        ? undefined
        : `the books differ by ${books.residue}: accepted ${books.accepted}, delivered ${books.delivered}, filtered ${books.filtered}, dead ${books.dead}, pending ${books.pending}`,
    ) ??
    each(sight, ({ name, books, checkpoint }) => {
      // While the log keeps all: a count of our own.
      if (books.from !== 0) return undefined
      const events = settled(sight.witness, checkpoint)
      const wanted = events.filter((event) => flows(name, event)).length
      const counted = books.delivered + books.dead
      return counted === wanted ? undefined : `${wanted} records were to be sent, the books count ${counted}`
    }),
  'INV-13': ({ witness }) => told(witness.changed, 'begin requests that were sent again with other bytes'),
  'INV-15': ({ witness }) =>
    told(overtaken(witness), 'overtook an earlier event of the same person at the webhook'),
  'INV-16': (sight) =>
    each(sight, ({ name, dead }) =>
      told(
        dead.filter((id) => !refusedFor(sight.witness, name, id)),
        'are dead letters though their vendor would have taken them',
      ),
    ) ??
    each(sight, ({ state, wasLocked }) =>
      state === 'running' || wasLocked
        ? undefined
        : `it is ${state} though its credentials were never refused`,
    ),
  'INV-17': (sight) =>
    each(sight, ({ name, dead, checkpoint }) => {
      const letters = new Set(dead)
      const unburied = settled(sight.witness, checkpoint).filter(
        (event) => flows(name, event) && isPoison(name, event) && !letters.has(event.id),
      )
      return told(
        unburied.map(({ id }) => id),
        'were refused for good and have no dead letter',
      )
    }),
  'INV-18': (sight) =>
    sight.isEnd
      ? each(sight, ({ state }) =>
          state === 'running' ? undefined : `it is ${state} though its vendor is well again`,
        )
      : undefined,
  'INV-19': (sight) =>
    each(sight, ({ checkpoint }) =>
      sight.tail <= checkpoint
        ? undefined
        : `the log begins at ${sight.tail}, behind the checkpoint ${checkpoint}`,
    ),
  'INV-22': (sight) =>
    each(sight, ({ checkpoint, due }) =>
      checkpoint >= due
        ? undefined
        : `nothing ails it, and it is at ${checkpoint} when it should be at ${due} at least`,
    ),
  'INV-23': (sight) =>
    sight.isEnd
      ? told(
          (['segment-a', 'segment-b'] as const).flatMap((name) =>
            [...sight.witness.acknowledged].filter((id) => {
              const event = sight.witness.sent.get(id)
              return event !== undefined && flows(name, event) && !sight.witness.takings[name].byId.has(id)
            }),
          ),
          'did not arrive through both currents of Segment',
        )
      : undefined,
}

/** The first promise that does not hold; undefined when all do. */
export function breachIn(sight: Sight): Breach | undefined {
  for (const [invariant, judge] of Object.entries(JUDGES)) {
    const what = judge(sight)
    if (what !== undefined) return { invariant, what }
  }
  return undefined
}

function each(sight: Sight, judge: (current: CurrentSight) => string | undefined): string | undefined {
  for (const current of sight.currents) {
    const what = judge(current)
    if (what !== undefined) return `current ${current.name}: ${what}`
  }
  return undefined
}

function told(ids: readonly string[], what: string): string | undefined {
  if (ids.length === 0) return undefined
  const more = ids.length > NAMED_MAX ? ' …' : ''
  return `${ids.length} events ${what}: ${ids.slice(0, NAMED_MAX).join(', ')}${more}`
}

function settled({ events }: Witness, checkpoint: number): readonly SentEvent[] {
  return events.slice(0, checkpoint)
}

function refusedFor({ sent }: Witness, name: CurrentName, id: string): boolean {
  const event = sent.get(id)
  return event !== undefined && isPoison(name, event)
}

/** Events that the webhook took first behind a later one of the same person. */
function overtaken({ takings, offsets, sent }: Witness): string[] {
  const furthest = new Map<string, number>()
  return takings.webhook.firsts.filter((id) => {
    const person = sent.get(id)?.person ?? ''
    const offset = offsets.get(id)
    if (person === '' || offset === undefined) return false
    const before = furthest.get(person) ?? -1
    furthest.set(person, Math.max(before, offset))
    return offset < before
  })
}
