/** What runs are and do, in words. */

import type { ListedRunAnswer, RunAnswer } from '../../../api/routes/run-views.ts'
import { at } from '../../api/client.ts'

export type RunState = RunAnswer['state']
export type Phase = RunAnswer['phase']

export const RUN_STATES = [
  'queued',
  'running',
  'held',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const satisfies readonly RunState[]

export const PHASES: readonly { readonly name: Phase; readonly label: string; readonly about: string }[] = [
  { name: 'query', label: 'Query', about: 'asks the engine and reads identifiers' },
  { name: 'diff', label: 'Diff', about: 'compares with what the vendor accepted' },
  { name: 'send', label: 'Send', about: 'hands the changes to the current' },
  { name: 'settle', label: 'Settle', about: 'waits for the vendor’s answers' },
  { name: 'verify', label: 'Verify', about: 'takes what was accepted into the roster' },
]

const TRIGGERS: Readonly<Record<RunAnswer['trigger'], string>> = {
  manual: 'By hand',
  schedule: 'By its schedule',
  after: 'After another one',
  retry: 'Retry',
}
export const triggerText = (trigger: RunAnswer['trigger']): string => TRIGGERS[trigger]
export const TRIGGER_CHOICES = Object.entries(TRIGGERS).map(([value, label]) => ({ value, label }))

export const INVALID: Readonly<Record<string, string>> = {
  blank: 'They name nobody: every identifier column is empty',
  not_text: 'Their identifier is no text; cast it to text in the query',
  too_long: 'Their identifier is longer than the vendor takes',
}

export const isOpen = ({ state }: Pick<RunAnswer, 'state'>): boolean =>
  state === 'queued' || state === 'running'

/** Of a run: its number counts per activation. Deleted activations are found by number only. */
export const runPath = (activation: string | number, run: number): string =>
  at`/activations/${activation}/runs/${run}`
export const listedRunPath = ({ activation, activationName, ofDeleted, run }: ListedRunAnswer): string =>
  runPath(ofDeleted ? activation : activationName, run)

export const invalidRows = ({ report }: RunAnswer): number =>
  Object.values(report.invalid).reduce((sum, one) => sum + (one?.count ?? 0), 0)

export function identifierText({
  kind,
  label,
  value,
}: {
  kind: string
  label: string
  value: string
}): string {
  return kind === 'alias' ? `${label}: ${value}` : value
}

export const KINDS: Readonly<Record<string, string>> = {
  external_id: 'External id',
  alias: 'Alias',
  device_id: 'Device id',
}
