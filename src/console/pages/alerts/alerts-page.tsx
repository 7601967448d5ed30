/** What contacts should know: open alerts first, and the history. */

import { Anchor, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AlertAnswer } from '../../../api/routes/alerts.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, SwitchFilter, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { AlertTabs } from './alert-tabs.tsx'
import { KINDS, standingOf, subjectTo, toldOf } from './alert-words.ts'

interface Filters {
  readonly [name: string]: string | boolean | undefined
  readonly history?: boolean
  readonly kind?: string
  readonly sort?: string
  readonly name?: string
  readonly since?: string
}

interface AlertsAnswer {
  readonly alerts: readonly AlertAnswer[]
  readonly next: string | null
}

const PAGE_ROWS = 100

export function AlertsPage() {
  const [{ history = false, kind, sort = '', name = '', since }, change] = useFilters<Filters>()
  const from = since === undefined ? Number.NaN : Date.parse(String(since))
  const { rows, result } = usePages<AlertsAnswer, AlertAnswer>('/alerts', {
    query: {
      limit: PAGE_ROWS,
      ...(history ? {} : { open: true }),
      kind: kind ?? '',
      subject: sort === '' || name === '' ? '' : `${sort}:${name}`,
      from: Number.isNaN(from) ? '' : from,
    },
    rows: ({ alerts }) => alerts,
    next: ({ next }) => (next === null ? undefined : { cursor: next }),
    everyMs: 15_000,
    keep: true,
  })
  return (
    <Page
      title="Alerts"
      intro="What needs somebody, since when, and who was told. An alert ends by itself when its trouble does."
      calls={['GET /api/v1/alerts', 'POST /api/v1/alerts/{alert}/acknowledge']}
      commands={['thalweg alerts --open', 'thalweg alerts show <id>']}
    >
      <AlertTabs active="alerts" />
      <FilterBar>
        <ChoiceFilter
          label="Kind"
          value={kind}
          choices={KINDS.map((value) => ({ value, label: spoken(value) }))}
          change={(value) => change({ kind: value })}
        />
        <ChoiceFilter
          label="About"
          value={sort}
          all="Anything"
          choices={['current', 'activation', 'export'].map((value) => ({ value, label: spoken(value) }))}
          change={(value) => change({ sort: value, ...(value === '' ? { name: '' } : {}) })}
        />
        {sort !== '' && (
          <TextFilter label="Name" value={String(name)} change={(value) => change({ name: value })} />
        )}
        {history && (
          <TextInput
            label="Raised since"
            type="date"
            size="xs"
            value={String(since ?? '')}
            onChange={({ currentTarget }) => change({ since: currentTarget.value })}
          />
        )}
        <SwitchFilter
          label="With those that are over"
          value={history}
          change={(on) => change({ history: on || undefined, ...(on ? {} : { since: '' }) })}
        />
      </FilterBar>
      <Answer of={result}>
        {() => (
          <DataTable
            label="Alerts"
            rows={rows}
            columns={COLUMNS}
            rowKey={({ id }) => id}
            rowTo={({ id }) => `/alerts/${id}`}
            paged={result}
            empty={
              history ? (
                <Empty title="No alert fits">Change the filters above.</Empty>
              ) : (
                <Empty title="Nothing needs anybody">
                  A halted current, a vendor that is away for long, a held run or books that do not balance
                  would stand here, and be mailed to their contact. Say by which mail server under{' '}
                  <Anchor component={Link} to="/alerts/channels" inherit>
                    Channels
                  </Anchor>
                  .
                </Empty>
              )
            }
          />
        )}
      </Answer>
    </Page>
  )
}

const COLUMNS: readonly Column<AlertAnswer>[] = [
  { id: 'subject', header: 'What', cell: ({ subject }) => subject },
  {
    id: 'state',
    header: 'State',
    cell: (alert) => {
      const { state, mood } = standingOf(alert)
      return <StateBadge state={state} mood={mood} />
    },
  },
  { id: 'since', header: 'Since', cell: ({ createdAt }) => <When at={createdAt} /> },
  {
    id: 'until',
    header: 'Until',
    cell: ({ resolvedAt }) => <When at={resolvedAt} />,
    spare: true,
  },
  { id: 'kind', header: 'Kind', cell: ({ kind }) => spoken(kind), spare: true },
  {
    id: 'about',
    header: 'About',
    cell: (alert) => {
      const to = subjectTo(alert)
      if (to === undefined || alert.about === null) return '–'
      return (
        <Anchor component={Link} to={to} size="sm">
          {alert.about.name}
        </Anchor>
      )
    },
    spare: true,
  },
  {
    id: 'told',
    header: 'Told',
    cell: (alert) => {
      const { state, mood } = toldOf(alert)
      return <StateBadge state={state} mood={mood} title={alert.contact} />
    },
    spare: true,
  },
]
