/** What the form of an activation holds, and how it becomes a definition and comes from one. */

import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { Values } from '../../elements/schema-form.tsx'

type Definition = ActivationAnswer['definition']

export interface Mapped {
  readonly output: string
  readonly column: string
}

export interface Draft {
  readonly name: string
  readonly description: string
  readonly contactEmail: string
  readonly from: 'sql' | 'saved' | 'segment'
  readonly engine: string
  readonly sql: string
  readonly saved: string
  readonly segment: string
  /** Of a segment: output column and column of its table. */
  readonly mapping: readonly Mapped[]
  readonly aliases: readonly { readonly column: string; readonly label: string }[]
  readonly priority: Definition['priority']
  readonly identifiers: Definition['identifiers']
  readonly operation: Definition['operation']
  readonly cohortName: string
  readonly kind: string
  readonly settings: Values
  readonly authorization: string
  readonly schedule: Definition['schedule']
  /** 0 to 100. */
  readonly brakePercent: number
  readonly brakeMax: number | undefined
  readonly timeoutMs: number
}

export const NEW_DRAFT: Draft = {
  name: '',
  description: '',
  contactEmail: '',
  from: 'sql',
  engine: 'warehouse',
  sql: '',
  saved: '',
  segment: '',
  mapping: [{ output: 'user_ids', column: '' }],
  aliases: [],
  priority: ['external_id', 'alias', 'device_id'],
  identifiers: 'first',
  operation: 'mirror',
  cohortName: '',
  kind: 'braze-cohort',
  settings: {},
  authorization: '',
  schedule: { when: 'manual' },
  brakePercent: 10,
  brakeMax: undefined,
  timeoutMs: 3_600_000,
}

export function draftOf({ query, destination, brake, ...definition }: Definition): Draft {
  const { engine, sql, saved, segment, columns = {} } = query
  return {
    name: definition.name,
    description: definition.description,
    contactEmail: definition.contactEmail,
    from: segment !== undefined ? 'segment' : saved !== undefined ? 'saved' : 'sql',
    engine,
    sql: sql ?? '',
    saved: saved ?? '',
    segment: segment ?? '',
    mapping: Object.entries(columns).map(([output, column]) => ({ output, column })),
    aliases: definition.aliases.map((alias) =>
      typeof alias === 'string' ? { column: alias, label: alias } : alias,
    ),
    priority: definition.priority,
    identifiers: definition.identifiers,
    operation: definition.operation,
    cohortName: definition.cohortName ?? '',
    kind: destination.kind,
    settings: destination.settings,
    authorization: destination.authorization,
    schedule: definition.schedule,
    brakePercent: Math.round(brake.removedShareMax * 1_000) / 10,
    brakeMax: brake.removedMax,
    timeoutMs: definition.timeoutMs,
  }
}

/** The part that a preview takes. */
export function questionOf(draft: Draft) {
  return {
    query: queryOf(draft),
    aliases: draft.aliases.map(({ column, label }) =>
      label === '' || label === column ? column : { label, column },
    ),
    priority: draft.priority,
    identifiers: draft.identifiers,
    timeoutMs: draft.timeoutMs,
  }
}

/** As the API takes it, which checks it. */
export function definitionOf(draft: Draft) {
  const { name, description, contactEmail, operation, cohortName, kind, settings, authorization } = draft
  const { schedule, brakePercent, brakeMax } = draft
  return {
    name,
    description,
    contactEmail,
    ...questionOf(draft),
    operation,
    ...(cohortName === '' ? {} : { cohortName }),
    destination: { kind, settings, authorization },
    brake: {
      removedShareMax: brakePercent / 100,
      ...(brakeMax === undefined ? {} : { removedMax: brakeMax }),
    },
    schedule,
  }
}

function queryOf({ from, engine, sql, saved, segment, mapping }: Draft) {
  switch (from) {
    case 'sql':
      return { engine, sql }
    case 'saved':
      return { saved }
    case 'segment':
      return { segment, columns: Object.fromEntries(mapping.map(({ output, column }) => [output, column])) }
  }
}
