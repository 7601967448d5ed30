/** What doubles are called, and what of their state everybody has. */

import type { DoubleAnswer } from '../../../api/routes/sandbox.ts'

const TITLES: Readonly<Record<string, string>> = {
  braze: 'Braze',
  'treasure-data': 'Treasure Data',
  segment: 'Segment',
  http: 'HTTP receiver',
}

export function titleOf(name: string): string {
  return TITLES[name] ?? name
}

export interface Fault {
  readonly kind: string
  readonly used: number
  readonly [setting: string]: unknown
}

export interface Tally {
  readonly requests: number
  readonly events: number
  readonly bytes: number
  readonly cut: number
  /** By status. */
  readonly answers: Readonly<Record<string, number>>
  readonly faults: readonly Fault[]
}

export function tallyOf({ state }: DoubleAnswer): Tally {
  return { requests: 0, events: 0, bytes: 0, cut: 0, answers: {}, faults: [], ...(state as Partial<Tally>) }
}

/** Answers that are not 2xx. */
export function refusedOf({ answers }: Tally): number {
  return Object.entries(answers).reduce(
    (sum, [status, times]) => sum + (status.startsWith('2') ? 0 : times),
    0,
  )
}

/** A fault in words. */
export function faultWords({ kind, used: _used, ...rule }: Fault): string {
  const { path, next, probability, ...own } = rule as Record<string, unknown>
  const when = [
    ...(path === undefined ? [] : [`on ${String(path)}`]),
    ...(next === undefined ? [] : [`the next ${String(next)} times`]),
    ...(probability === undefined ? [] : [`in ${Math.round(Number(probability) * 100)} % of cases`]),
  ]
  return [deedOf(kind, own), ...when].join(', ')
}

function deedOf(kind: string, own: Readonly<Record<string, unknown>>): string {
  switch (kind) {
    case 'status':
      return `answers ${String(own.status)}, accepts nothing`
    case 'latency':
      return `waits ${String(own.ms)} ms before it accepts`
    case 'drop_before':
      return 'cuts the connection, accepts nothing'
    case 'drop_after':
      return 'accepts, then cuts the connection instead of answering'
    case 'rate_limit':
      return `answers 429 beyond ${String(own.perSecond)} requests a second`
    case 'refuse':
      return 'refuses records'
    default:
      return `${kind} ${JSON.stringify(own)}`
  }
}

export interface Trouble {
  readonly label: string
  readonly about: string
  readonly fault: Readonly<Record<string, unknown>>
}

/** Ways to fail that one wants at hand. */
export const TROUBLES: readonly Trouble[] = [
  {
    label: 'Away',
    about: 'Answers 503: connections wait and try again',
    fault: { kind: 'status', status: 503 },
  },
  {
    label: 'Key refused',
    about: 'Answers 401: connections halt, contacts are told',
    fault: { kind: 'status', status: 401 },
  },
  {
    label: 'Too many',
    about: 'Answers 429 beyond 5 requests a second',
    fault: { kind: 'rate_limit', perSecond: 5 },
  },
  { label: 'Slow', about: 'Waits 2 s before each answer', fault: { kind: 'latency', ms: 2_000 } },
  {
    label: 'Lost answers',
    about: 'Accepts, then cuts the connection, the next 5 times',
    fault: { kind: 'drop_after', next: 5 },
  },
  {
    label: 'Bad records',
    about: 'Refuses the next 5 records: they become dead letters',
    fault: { kind: 'refuse', next: 5 },
  },
]
