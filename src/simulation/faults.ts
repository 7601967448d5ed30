/**
 * What goes wrong in a simulated world, and when: a plan that follows from the seed. Each kind is planned day by day from numbers of its own, so
 * that fewer days or fewer kinds leave the rest of the plan as it was: that is what makes a failing seed shrinkable.
 */

import { ThalwegError } from '../core/errors.ts'
import { drawn } from './draws.ts'
import { DAY_MS, HOUR_MS } from './time.ts'

export const FAULT_KINDS = [
  'crash',
  'partition',
  'slow',
  'lost',
  'duplicate',
  'reorder',
  'skew',
  'full',
  'errors',
  'locked',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export const VENDORS = ['treasure-data', 'segment', 'http'] as const
export type VendorName = (typeof VENDORS)[number]
/** What can be cut off from the hub: the sender at its door, or a vendor. */
export type Place = 'door' | VendorName

export interface PlannedFault {
  readonly kind: FaultKind
  /** Counted from 1. */
  readonly day: number
  /** Milliseconds since the beginning of the world. */
  readonly fromMs: number
  readonly toMs: number
  /** '' where it is everywhere, or the hub's own. */
  readonly place: Place | ''
  /** crash: `killed` or `power`; full: `log`, `store` or `write`; errors: the status; skew: milliseconds. '' for others. */
  readonly detail: string
}

/** Unset: all. */
export interface FaultChoice {
  readonly kinds: ReadonlySet<FaultKind>
  /** Single ones, by their names: see nameOf. */
  readonly names: ReadonlySet<string>
}

interface Rule {
  /** That a day has one. */
  readonly chance: number
  readonly hours: readonly [least: number, most: number]
  readonly places: readonly (Place | '')[]
  readonly details: readonly string[]
}

const MINUTES = 1 / 60
const NOWHERE = [''] as const

const RULES: Readonly<Record<FaultKind, Rule>> = {
  crash: {
    chance: 0.5,
    hours: [MINUTES / 30, 10 * MINUTES],
    places: NOWHERE,
    details: ['killed', 'killed', 'power'],
  },
  partition: { chance: 0.4, hours: [5 * MINUTES, 8], places: ['door', ...VENDORS], details: [''] },
  slow: { chance: 0.3, hours: [10 * MINUTES, 4], places: VENDORS, details: [''] },
  lost: { chance: 0.4, hours: [10 * MINUTES, 4], places: ['door', ...VENDORS], details: [''] },
  duplicate: { chance: 0.3, hours: [1, 12], places: ['door'], details: [''] },
  reorder: { chance: 0.3, hours: [1, 12], places: ['door', ...VENDORS], details: [''] },
  skew: {
    chance: 0.2,
    hours: [10 * MINUTES, 6],
    places: NOWHERE,
    details: ['-600000', '-1500', '90000', '600000'],
  },
  full: { chance: 0.25, hours: [30 * MINUTES, 6], places: NOWHERE, details: ['log', 'store', 'write'] },
  errors: { chance: 0.3, hours: [10 * MINUTES, 6], places: VENDORS, details: ['429', '500', '503'] },
  locked: { chance: 0.2, hours: [10 * MINUTES, 5], places: VENDORS, details: ['401'] },
}

/** By time. Faults begin within their day and may reach into the next one. */
export function planFaults(seed: number, days: number, choice: FaultChoice): readonly PlannedFault[] {
  const faults: PlannedFault[] = []
  for (let day = 1; day <= days; day++)
    for (const kind of FAULT_KINDS) {
      const fault = faultOf(seed, kind, day)
      if (fault !== undefined && (choice.kinds.has(kind) || choice.names.has(nameOf(fault))))
        faults.push(fault)
    }
  return faults.sort((a, b) => a.fromMs - b.fromMs)
}

function faultOf(seed: number, kind: FaultKind, day: number): PlannedFault | undefined {
  const { chance, hours, places, details } = RULES[kind]
  const draw = (what: string): number => drawn(seed, 'fault', kind, day, what)
  if (draw('happens') >= chance) return undefined
  const [least, most] = hours
  const fromMs = (day - 1) * DAY_MS + draw('begins') * DAY_MS
  // Squared: many short ones, few long ones.
  const lastsMs = (least + (most - least) * draw('lasts') ** 2) * HOUR_MS
  return {
    kind,
    day,
    fromMs,
    toMs: fromMs + lastsMs,
    place: chosen(places, draw('place')),
    detail: chosen(details, draw('detail')),
  }
}

function chosen<T extends string>(some: readonly T[], draw: number): T | '' {
  return some[Math.floor(draw * some.length)] ?? ''
}

/** `crash@3`: the crash of the third day. */
export function nameOf({ kind, day }: PlannedFault): string {
  return `${kind}@${day}`
}

/** `all`, `none`, or kinds and names of single faults with commas between them. Throws INPUT_INVALID. */
export function parseFaults(text: string): FaultChoice {
  if (text === 'all') return { kinds: new Set(FAULT_KINDS), names: new Set() }
  const kinds = new Set<FaultKind>()
  const names = new Set<string>()
  if (text !== 'none')
    for (const word of text.split(',')) {
      const [kind = '', day] = word.split('@')
      if (!isKind(kind) || (day !== undefined && !/^[1-9]\d{0,3}$/.test(day)))
        throw new ThalwegError(
          'INPUT_INVALID',
          `${JSON.stringify(word)} is no fault. There are all, none, and ${FAULT_KINDS.join(', ')}; crash@3 is the crash of day 3 alone`,
        )
      if (day === undefined) kinds.add(kind)
      else names.add(word)
    }
  return { kinds, names }
}

function isKind(word: string): word is FaultKind {
  return (FAULT_KINDS as readonly string[]).includes(word)
}

const DETAILS: Readonly<Record<string, string>> = {
  killed: 'the hub is killed',
  power: 'the power fails: what the store had not synced is gone',
  log: 'the disk is full for new segments of the log',
  store: 'the disk is full for the store',
  write: 'writes to the log fail; the hub is started again when the disk is mended',
}

/** A sentence for people. */
export function sentenceOf({ kind, place, detail, toMs, fromMs }: PlannedFault): string {
  const forLong = `for ${spanText(toMs - fromMs)}`
  switch (kind) {
    case 'crash':
      return `${DETAILS[detail]}; it is back after ${spanText(toMs - fromMs)}`
    case 'full':
      return `${DETAILS[detail]}, ${forLong}`
    case 'partition':
      return place === 'door'
        ? `the sender does not reach the hub, ${forLong}`
        : `${place} cannot be reached, ${forLong}`
    case 'slow':
      return `${place} takes up to 90 s for an answer, ${forLong}`
    case 'lost':
      return `answers ${place === 'door' ? 'to the sender' : `of ${place}`} are lost, ${forLong}`
    case 'duplicate':
      return `the sender repeats batches that were acknowledged, ${forLong}`
    case 'reorder':
      return `requests to ${place === 'door' ? 'the door' : place} overtake each other, ${forLong}`
    case 'skew':
      return `the hub's clock is wrong by ${Number(detail) / 1000} s, ${forLong}`
    case 'errors':
      return `${place} answers ${detail}, ${forLong}`
    case 'locked':
      return `${place} refuses the credentials, ${forLong}`
  }
}

function spanText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
