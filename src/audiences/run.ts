/**
 * What a run is and what may happen to it. A run with any rejected change is partial, never succeeded; the numbers of a
 * finished run close:
 *
 *   rows = usable + invalid          identifiers = distinct + duplicates
 *   distinct = unchanged + added     (operation remove: + removed)
 *   added + removed + affirmed = accepted + rejected + unsent          (affirmed: of the unchanged, sent once more)
 *
 *   queued ──► running ──► succeeded | partial | failed | cancelled
 *                │  ▲
 *                ▼  │ released
 *               held ──cancelled──► cancelled
 */

import type { Cost } from '../destinations/cost.ts'
import type { HoldKind } from './brake.ts'
import type { InvalidReason } from './columns.ts'

export const RUN_STATES = [
  'queued',
  'running',
  'held',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const
export type RunState = (typeof RUN_STATES)[number]

/** In order; each begins when the one before it ended. */
export const PHASES = ['query', 'diff', 'send', 'settle', 'verify'] as const
export type Phase = (typeof PHASES)[number]

export const FINISHED: ReadonlySet<RunState> = new Set(['succeeded', 'partial', 'failed', 'cancelled'])

export const TRIGGERS = ['manual', 'schedule', 'after', 'retry'] as const
export type Trigger = (typeof TRIGGERS)[number]

export interface PhaseTime {
  readonly startedAt: number
  readonly finishedAt?: number
}

/** What happened to a run, in words, and when. */
export interface RunNote {
  readonly at: number
  readonly text: string
}

/** Later ones than these are told by the numbers. */
export const NOTES_MAX = 100

export interface RunReport {
  /** What was asked of which engine, its beginning; undefined for a retry. */
  asked: { readonly engine: string; readonly sql: string } | undefined
  rows: number
  invalid: Partial<Record<InvalidReason, { count: number; readonly examples: string[] }>>
  identifiers: number
  distinct: number
  unchanged: number
  added: number
  removed: number
  /** Unchanged members who are sent again: one who leaves by another identifier may be the same profile. */
  affirmed: number
  /** Members before and after, as the vendor accepted them. */
  membersBefore: number
  membersAfter: number | undefined
  /** Changes in the log. */
  appended: number
  accepted: number
  rejected: number
  unsent: number
  /** Columns that are ignored and why. */
  notices: readonly string[]
  cost: Cost | undefined
  hold: { readonly kind: HoldKind; readonly reason: string; releasedBy?: string } | undefined
  /** What it waits for, while the destination does not take its changes. */
  waiting: string | undefined
  /** The name that the vendor accepted for the cohort. */
  named: string | undefined
  /** Why it failed, in words with the next step. */
  error: string | undefined
  phases: Partial<Record<Phase, PhaseTime>>
  /** Oldest first, NOTES_MAX at most. */
  log: readonly RunNote[]
  sample: { readonly added: readonly string[]; readonly removed: readonly string[] } | undefined
  /** Offsets of its records: [from, to). Of its changes from `changesFrom` on: before it lies only the name of the cohort; unset: no name was told. */
  window:
    | { readonly from: number; readonly changesFrom?: number; readonly to: number | undefined }
    | undefined
}

export interface Run {
  /** Counts up per activation, from 1. */
  readonly run: number
  readonly activation: number
  readonly version: number
  /** The cohort: see `targetOf`. */
  readonly target: string
  readonly trigger: Trigger
  readonly by: string
  readonly dry: boolean
  /** The run whose rejected changes it sends again. */
  readonly retryOf: number | null
  readonly state: RunState
  readonly phase: Phase
  readonly report: RunReport
  readonly createdAt: number
  readonly updatedAt: number
  readonly finishedAt: number | null
}

export function emptyReport(): RunReport {
  return {
    asked: undefined,
    rows: 0,
    invalid: {},
    identifiers: 0,
    distinct: 0,
    unchanged: 0,
    added: 0,
    removed: 0,
    affirmed: 0,
    membersBefore: 0,
    membersAfter: undefined,
    appended: 0,
    accepted: 0,
    rejected: 0,
    unsent: 0,
    notices: [],
    cost: undefined,
    hold: undefined,
    waiting: undefined,
    named: undefined,
    error: undefined,
    phases: {},
    log: [],
    sample: undefined,
    window: undefined,
  }
}

/** Id of a membership record's run; its records are `<id>-<n>`. Never used twice, so that dedupe knows a repeat after a crash. */
export function runId({ activation, run }: Pick<Run, 'activation' | 'run'>): string {
  return `activation-${activation}.${run}`
}

/** The number of a change in the id of its record; undefined when the record is not of this run. */
export function changeNumber(id: string, recordId: string): number | undefined {
  if (!recordId.startsWith(`${id}-`)) return undefined
  const n = Number(recordId.slice(id.length + 1))
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined
}

/** With one more line in its log; the same line is not said twice in a row. */
export function noted(report: RunReport, at: number, text: string): RunReport {
  const { log } = report
  if (log.length >= NOTES_MAX || log.at(-1)?.text === text) return report
  return { ...report, log: [...log, { at, text }] }
}

/** What a run has to send. */
export function changesOf({ added, removed, affirmed }: RunReport): number {
  return added + removed + affirmed
}
