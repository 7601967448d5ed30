/** What a query would say as an activation, before there is one: some of its rows, and which of its columns say who is meant. */

import { ThalwegError } from '../core/errors.ts'
import { IDENTIFIER_KINDS, type IdentifierKind } from '../core/membership.ts'
import type { Cell, QueryStream } from '../warehouse/warehouse.ts'
import { type ActivationDefinition, aliasColumns } from './activation.ts'
import { type InvalidReason, planColumns } from './columns.ts'
import { FINDS, questionOf, type Surroundings } from './driver.ts'
import type { Segments } from './segments/segments.ts'

export type PreviewedDefinition = Pick<
  ActivationDefinition,
  'query' | 'aliases' | 'priority' | 'identifiers' | 'timeoutMs'
>

export interface PreviewedColumn {
  readonly name: string
  readonly type: string
  /** As what it is read; undefined: it is ignored. */
  readonly kind: IdentifierKind | undefined
  /** Of an alias; empty otherwise. */
  readonly label: string
}

export interface QueryPreview {
  readonly engine: string
  readonly sql: string
  readonly columns: readonly PreviewedColumn[]
  readonly rows: readonly (readonly Cell[])[]
  /** Of these rows, how many name somebody, and why the others do not. */
  readonly usable: number
  readonly invalid: Partial<Record<InvalidReason, number>>
  readonly notices: readonly string[]
  /** Why a run would fail before anything is sent; undefined: it would not. */
  readonly problem: string | undefined
}

/** `kind`: of the destination. Throws as the query does, and as `questionOf`. */
export async function previewOf(
  definition: PreviewedDefinition,
  kind: string,
  rowsMax: number,
  { query, saved, segments }: Pick<Surroundings, 'query' | 'saved'> & { readonly segments: Segments },
  signal: AbortSignal,
): Promise<QueryPreview> {
  const { engine, sql } = await questionOf(definition, segments, saved)
  const leaving = new AbortController()
  try {
    const request = { sql, rowsMax, timeoutMs: definition.timeoutMs }
    const stream = await query(engine, request, AbortSignal.any([signal, leaving.signal]))
    const rows: (readonly Cell[])[] = []
    for await (const page of stream.pages) rows.push(...page)
    return { engine, sql, rows, ...readingOf(stream.columns, rows, definition, kind) }
  } finally {
    leaving.abort()
  }
}

function readingOf(
  columns: QueryStream['columns'],
  rows: readonly (readonly Cell[])[],
  definition: PreviewedDefinition,
  kind: string,
): Pick<QueryPreview, 'columns' | 'usable' | 'invalid' | 'notices' | 'problem'> {
  const unread = columns.map(({ name, type }) => ({ name, type, kind: undefined, label: '' }))
  try {
    const plan = planColumns(
      columns.map(({ name }) => name),
      {
        aliases: aliasColumns(definition),
        priority: definition.priority,
        identifiers: definition.identifiers,
        kinds: FINDS[kind] ?? IDENTIFIER_KINDS,
      },
    )
    const invalid: QueryPreview['invalid'] = {}
    let usable = 0
    for (const row of rows) {
      const read = plan.read(row)
      if ('invalid' in read) invalid[read.invalid] = (invalid[read.invalid] ?? 0) + 1
      else usable++
    }
    return {
      columns: unread.map((column, place) => {
        const used = plan.used.find((one) => one.place === place)
        return used === undefined ? column : { ...column, kind: used.kind, label: used.label }
      }),
      usable,
      invalid,
      notices: plan.notices,
      problem: undefined,
    }
  } catch (error) {
    if (!(error instanceof ThalwegError) || error.code !== 'ACTIVATION_COLUMNS') throw error
    return { columns: unread, usable: 0, invalid: {}, notices: [], problem: error.message }
  }
}
