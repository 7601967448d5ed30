/** What the API says of a run: whole, or as a row of a list. */

import * as z from 'zod'
import { identifierOf } from '../../audiences/roster/person.ts'
import { PHASES, RUN_STATES, type Run, TRIGGERS } from '../../audiences/run.ts'
import type { ListedRun } from '../../audiences/runs.ts'
import { IDENTIFIER_KINDS } from '../../core/membership.ts'
import { Count, Time, TimeOrNull } from '../schemas.ts'

export const IdentifierView = z
  .object({
    kind: z.enum(IDENTIFIER_KINDS),
    label: z.string().describe('Of an alias; empty otherwise.'),
    value: z.string(),
  })
  .meta({ id: 'Identifier' })

const Hold = z
  .object({ kind: z.enum(['empty', 'removals']), reason: z.string(), releasedBy: z.string().optional() })
  .nullable()

/** What a row of a list says, too. */
const numbers = {
  rows: Count,
  distinct: Count,
  unchanged: Count,
  added: Count,
  removed: Count,
  affirmed: Count.describe(
    'Unchanged members who are sent again: one who leaves by another identifier may be the same profile.',
  ),
  membersBefore: Count,
  membersAfter: Count.nullable(),
  accepted: Count,
  rejected: Count,
  unsent: Count,
  hold: Hold,
  waiting: z.string().nullable().describe('What it waits for, while the destination takes nothing.'),
  error: z.string().nullable(),
}

const Report = z.object({
  ...numbers,
  asked: z
    .object({ engine: z.string(), sql: z.string() })
    .nullable()
    .describe('What was asked of which engine, its beginning.'),
  invalid: z.partialRecord(
    z.enum(['blank', 'not_text', 'too_long']),
    z.object({ count: Count, examples: z.array(z.string()) }),
  ),
  identifiers: Count,
  appended: Count,
  notices: z.array(z.string()),
  cost: z.object({ requests: Count, dataPoints: Count, secondsAtRateLimit: Count }).nullable(),
  phases: z.partialRecord(z.enum(PHASES), z.object({ startedAt: Time, finishedAt: Time.optional() })),
  log: z.array(z.object({ at: Time, text: z.string() })).describe('What happened, oldest first.'),
  sample: z
    .object({ added: z.array(IdentifierView), removed: z.array(IdentifierView) })
    .nullable()
    .describe('The beginning of who enters and who leaves.'),
})

const head = {
  activation: Count,
  run: Count,
  version: Count,
  trigger: z.enum(TRIGGERS),
  by: z.string(),
  dry: z.boolean().describe('Nothing was sent.'),
  retryOf: Count.nullable(),
  state: z.enum(RUN_STATES),
  phase: z.enum(PHASES),
  createdAt: Time,
  updatedAt: Time,
  finishedAt: TimeOrNull,
}

export const RunView = z.object({ ...head, report: Report }).meta({ id: 'Run' })
export type RunAnswer = z.output<typeof RunView>

/** Without what only its own page shows. */
export const RunRow = z
  .object({ ...head, report: z.object({ ...numbers, invalidRows: Count }) })
  .meta({ id: 'RunRow' })
export type RunRowAnswer = z.output<typeof RunRow>

export const ListedRunRow = RunRow.extend({
  activationName: z.string(),
  ofDeleted: z.boolean().describe('Its activation was deleted: the name may belong to another one by now.'),
}).meta({ id: 'ListedRun' })
export type ListedRunAnswer = z.output<typeof ListedRunRow>

export function runView(run: Run): RunAnswer {
  const { report } = run
  const { sample } = report
  return {
    ...headOf(run),
    report: {
      ...numbersOf(run),
      asked: report.asked ?? null,
      identifiers: report.identifiers,
      appended: report.appended,
      invalid: Object.fromEntries(
        Object.entries(report.invalid).map(([reason, { count, examples }]) => [
          reason,
          { count, examples: [...examples] },
        ]),
      ),
      notices: [...report.notices],
      cost: report.cost ?? null,
      phases: report.phases,
      log: [...report.log],
      sample:
        sample === undefined
          ? null
          : { added: sample.added.map(identifierOf), removed: sample.removed.map(identifierOf) },
    },
  }
}

export function runRow(run: Run): RunRowAnswer {
  const invalidRows = Object.values(run.report.invalid).reduce((sum, { count }) => sum + count, 0)
  return { ...headOf(run), report: { ...numbersOf(run), invalidRows } }
}

export function listedRunRow(run: ListedRun): ListedRunAnswer {
  return { ...runRow(run), activationName: run.activationName, ofDeleted: run.isOfDeleted }
}

function headOf(run: Run): Omit<RunAnswer, 'report'> {
  const { activation, version, trigger, by, dry, retryOf, state, phase, createdAt, updatedAt, finishedAt } =
    run
  return {
    activation,
    run: run.run,
    version,
    trigger,
    by,
    dry,
    retryOf,
    state,
    phase,
    createdAt,
    updatedAt,
    finishedAt,
  }
}

function numbersOf({ report }: Run): Omit<RunRowAnswer['report'], 'invalidRows'> {
  return {
    rows: report.rows,
    distinct: report.distinct,
    unchanged: report.unchanged,
    added: report.added,
    removed: report.removed,
    affirmed: report.affirmed,
    membersBefore: report.membersBefore,
    membersAfter: report.membersAfter ?? null,
    accepted: report.accepted,
    rejected: report.rejected,
    unsent: report.unsent,
    hold: report.hold ?? null,
    waiting: report.waiting ?? null,
    error: report.error ?? null,
  }
}
