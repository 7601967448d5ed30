/** Drift: event types, fields and kinds of values that nobody told us of, since when and how often. */

import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { DriftFindingAnswer, DriftFindingsAnswer } from '../../../api/routes/drift.ts'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, SwitchFilter, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { AcknowledgeButton, type Acknowledged } from './acknowledge-button.tsx'
import { FINDINGS, findingSentence } from './drift-words.ts'

interface Filters extends Record<string, string | boolean | undefined> {
  readonly finding?: string
  readonly source?: string
  readonly eventType?: string
  /** Also what was acknowledged. */
  readonly all?: boolean
}

const PAGE = 100
const EVERY_MS = 5_000

export function DriftPage() {
  const [filters, change] = useFilters<Filters>()
  const filter = read(filters)
  const sources = useAnswer<{ sources: SourceAnswer[] }>('/sources')
  const findings = usePages<DriftFindingsAnswer, DriftFindingAnswer>('/drift', {
    query: { ...filter, ...(filters.all === true ? {} : { acknowledged: false }), limit: PAGE },
    rows: ({ findings: rows }) => rows,
    next: ({ next }) => (next === null ? undefined : { cursor: next }),
    everyMs: EVERY_MS,
    keep: true,
  })
  const [first] = (findings.result.data as { pages: readonly DriftFindingsAnswer[] } | undefined)?.pages ?? []
  return (
    <Page
      title="Drift"
      intro="What senders began to send without telling anybody. It flows on unharmed; here one sees it, decides whether it is all right, and says so."
      beside={
        first !== undefined && (
          <StateBadge
            state={`${count(first.unacknowledged)} open`}
            mood={first.unacknowledged === 0 ? 'good' : 'wait'}
          />
        )
      }
      calls={['GET /api/v1/drift', 'POST /api/v1/drift/acknowledge']}
      commands={['thalweg drift list', 'thalweg drift acknowledge <id> --note <text>']}
    >
      <FilterBar>
        <ChoiceFilter
          label="Finding"
          value={filter.finding}
          choices={Object.entries(FINDINGS).map(([value, label]) => ({ value, label }))}
          change={(finding) => change({ finding })}
        />
        <ChoiceFilter
          label="Source"
          value={filter.source}
          choices={(sources.data?.sources ?? []).map(({ name }) => name)}
          change={(source) => change({ source })}
        />
        <TextFilter
          label="Event type"
          value={filter.eventType}
          change={(eventType) => change({ eventType })}
          width={260}
        />
        <SwitchFilter
          label="Also what was acknowledged"
          value={filters.all === true}
          change={(all) => change({ all: all || undefined })}
        />
      </FilterBar>
      <Answer of={findings.result} lines={8}>
        {() => <Findings findings={findings} filter={filter} />}
      </Answer>
    </Page>
  )
}

/** Leniently: an address may have been written by hand. */
function read(filters: Filters): { finding?: string; source?: string; eventType?: string } {
  const { finding, source, eventType } = filters
  return {
    ...(typeof finding === 'string' && finding in FINDINGS ? { finding } : {}),
    ...(source === undefined ? {} : { source: String(source) }),
    ...(eventType === undefined ? {} : { eventType: String(eventType) }),
  }
}

interface FindingsProps {
  readonly findings: ReturnType<typeof usePages<DriftFindingsAnswer, DriftFindingAnswer>>
  readonly filter: ReturnType<typeof read>
}

function Findings({ findings: { rows, result }, filter }: FindingsProps) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  /** What is first seen after it was chosen is not chosen. */
  const [allUntil, setAllUntil] = useState<number>()
  const choose = (next: ReadonlySet<string>): void => {
    setChosen(next)
    setAllUntil(undefined)
  }
  const ids = rows
    .filter(({ id, acknowledgedAt }) => chosen.has(id) && acknowledgedAt === null)
    .map(({ id }) => id)
  const which: Acknowledged = allUntil === undefined ? { ids } : { filter, until: allUntil }
  const open = rows.some(({ acknowledgedAt }) => acknowledgedAt === null)
  return (
    <Stack gap="sm">
      <Group justify="space-between" mih={36}>
        <Text size="sm" c="dimmed" role="status">
          {allUntil !== undefined
            ? 'All that match are chosen'
            : ids.length > 0
              ? `${count(ids.length)} chosen`
              : ''}
        </Text>
        <Group gap="xs">
          {open && allUntil === undefined && (
            <Button size="sm" variant="subtle" onClick={() => setAllUntil(Date.now())}>
              Choose all that match
            </Button>
          )}
          {(allUntil !== undefined || ids.length > 0) && (
            <AcknowledgeButton
              which={which}
              many={allUntil === undefined ? ids.length : undefined}
              done={() => choose(new Set())}
            />
          )}
        </Group>
      </Group>
      <DataTable
        label="Findings"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        rowTo={({ eventType }) => `/drift/types/${encodeURIComponent(eventType)}`}
        paged={result}
        selection={{
          chosen: allUntil === undefined ? chosen : new Set(rows.map(({ id }) => id)),
          change: choose,
        }}
        empty={
          <Empty title="Nothing is new">
            When a sender adds an event type or a field, leaves out one that the catalog requires, or sends
            another kind of value, it stands here with the first event that had it. Nothing is ever refused
            for it.
          </Empty>
        }
      />
    </Stack>
  )
}

const COLUMNS: readonly Column<DriftFindingAnswer>[] = [
  { id: 'type', header: 'Event type', cell: ({ eventType }) => eventType || 'no type' },
  { id: 'finding', header: 'Finding', cell: ({ finding }) => FINDINGS[finding], spare: true },
  { id: 'what', header: 'What', cell: (row) => findingSentence(row) },
  { id: 'sample', header: 'First value', cell: ({ sample }) => sample || '–', spare: true },
  { id: 'count', header: 'Events', align: 'right', cell: ({ count: some }) => count(some) },
  {
    id: 'first',
    header: 'First seen',
    cell: ({ firstSeenAt, firstOffset }) => (
      <Anchor component={Link} to={`/records/${firstOffset}`} inherit>
        <When at={firstSeenAt} />
      </Anchor>
    ),
  },
  { id: 'last', header: 'Last seen', cell: ({ lastSeenAt }) => <When at={lastSeenAt} />, spare: true },
  { id: 'source', header: 'Source', cell: ({ source }) => source ?? 'deleted', spare: true },
  {
    id: 'known',
    header: 'Acknowledged',
    cell: ({ acknowledgedAt, note }) =>
      acknowledgedAt === null ? '–' : <span title={note}>{note || <When at={acknowledgedAt} />}</span>,
    spare: true,
  },
]
