/** Who changed what: every change through the API, newest first. */

import { Button } from '@mantine/core'
import { Download } from 'lucide-react'
import type { AuditEntryAnswer, AuditPageAnswer } from '../../../api/routes/audit.ts'
import { at, urlOf } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { InstantFilter } from '../../elements/instant-filter.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { AdminsOnly } from '../access/admins-only.tsx'
import { objectWords, operationWords, whoWords } from './words.ts'

/** A type, not an interface: what is read from an address has any name. */
type Filters = {
  readonly who?: string
  readonly object?: string
  readonly operation?: string
  readonly outcome?: string
  readonly text?: string
  readonly from?: number
  readonly to?: number
}

export function AuditPage() {
  const [filters, change] = useFilters<Filters>()
  return (
    <Page
      title="Audit"
      intro="Every change through the API, also one that was refused: who made it, from where, and what the object was before and after."
      actions={
        <Button
          component="a"
          href={urlOf('/audit/export', filters)}
          download="audit.ndjson"
          variant="default"
          size="sm"
          leftSection={<Download size={16} aria-hidden />}
        >
          Export
        </Button>
      }
      calls={['GET /api/v1/audit', 'GET /api/v1/audit/export']}
      commands={['thalweg audit --since 7d', 'thalweg audit --outcome refused', 'thalweg audit --export']}
    >
      <AdminsOnly what="The trail and its entries">
        <FilterBar>
          <TextFilter label="Search" value={filters.text} change={(text) => change({ text })} />
          <TextFilter
            label="Who"
            value={filters.who}
            change={(who) => change({ who })}
            placeholder="E-mail address or id"
          />
          <TextFilter
            label="Object"
            value={filters.object}
            change={(object) => change({ object })}
            placeholder="current or current:3"
          />
          <TextFilter
            label="Operation"
            value={filters.operation}
            change={(operation) => change({ operation })}
            placeholder="launchCurrent"
          />
          <ChoiceFilter
            label="Outcome"
            value={filters.outcome}
            choices={['done', 'refused', 'failed', 'begun']}
            change={(outcome) => change({ outcome })}
          />
          <InstantFilter label="From" value={filters.from} change={(from) => change({ from })} />
          <InstantFilter label="Until" value={filters.to} change={(to) => change({ to })} />
        </FilterBar>
        <Entries filters={filters} />
      </AdminsOnly>
    </Page>
  )
}

const PAGE = 100

function Entries({ filters }: { filters: Filters }) {
  const { rows, result } = usePages<AuditPageAnswer, AuditEntryAnswer>('/audit', {
    query: { ...filters, limit: PAGE },
    keep: true,
    rows: ({ entries }) => entries,
    next: ({ next }) => (next === null ? undefined : { before: next }),
  })
  return (
    <Answer of={result} lines={10}>
      {() => (
        <DataTable
          label="Changes"
          rows={rows}
          columns={COLUMNS}
          rowKey={({ number }) => String(number)}
          rowTo={({ number }) => at`/audit/${number}`}
          paged={result}
          empty={
            Object.keys(filters).length === 0 ? (
              <Empty title="Nothing was changed yet">
                Launch a current, invite somebody, make a token: each change leaves an entry here, kept for
                400 days unless set otherwise.
              </Empty>
            ) : (
              <Empty title="No change fits the filters">Take one of them out to see more.</Empty>
            )
          }
        />
      )}
    </Answer>
  )
}

const COLUMNS: readonly Column<AuditEntryAnswer>[] = [
  { id: 'what', header: 'What', cell: ({ operation }) => operationWords(operation) },
  { id: 'object', header: 'Object', cell: (entry) => objectWords(entry) },
  { id: 'who', header: 'Who', cell: (entry) => whoWords(entry) },
  { id: 'when', header: 'When', cell: ({ at: moment }) => <When at={moment} /> },
  {
    id: 'outcome',
    header: 'Outcome',
    cell: ({ outcome, code }) => <StateBadge state={outcome} title={code} />,
  },
  { id: 'address', header: 'From', cell: ({ address }) => address, spare: true },
]
