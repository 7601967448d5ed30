/** All currents: what each is doing this second, and what is wrong with it. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useMemo } from 'react'
import type { CurrentAnswer } from '../../../api/routes/currents.ts'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { type LiveStatus, useLive } from '../../api/live.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, SwitchFilter, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count, duration, rate, spoken } from '../../elements/words.ts'
import classes from './currents-page.module.css'
import { addressOf, useDestinations, useDestinationTitle } from './destinations.ts'
import { useLettersWaiting } from './letters-waiting.ts'
import { currentPlace, deadLettersPlace, tabPlace } from './places.ts'
import { type Now, nowOf, type Trouble, troubleOf } from './trouble.ts'

interface Row {
  readonly current: CurrentAnswer
  readonly now: Now
  readonly perSecond: number
  readonly trouble: Trouble | undefined
  /** Dead letters that wait for a person, as the list behind them has them; undefined: not known yet. */
  readonly letters: number | undefined
}

interface Filters extends Record<string, string | boolean | undefined> {
  readonly search?: string
  readonly state?: string
  readonly destination?: string
  readonly source?: string
  /** Only those that something is wrong with. */
  readonly troubled?: boolean
}

const EVERY_MS = 5_000
const STATES = ['running', 'halted', 'paused', 'draft']

export function CurrentsPage() {
  const [filters, change] = useFilters<Filters>()
  const { search, state, destination, source, troubled } = filters
  const answer = useAnswer<{ currents: CurrentAnswer[]; states: Record<string, number> }>('/currents', {
    query: { search: text(search), state, destination, source: text(source) },
    everyMs: EVERY_MS,
    keep: true,
  })
  return (
    <Page
      title="Currents"
      intro="Each carries chosen events from sources to a destination. Delivered and filtered count since the hub started; the ledger of a current has what lasts."
      actions={
        <Button component={Link} to="/currents/new" leftSection={<Plus size={16} aria-hidden />}>
          New current
        </Button>
      }
      calls={['GET /api/v1/currents', 'GET /api/v1/live', 'GET /api/v1/dead-letters/counts']}
      commands={['thalweg currents list', 'thalweg status --watch']}
    >
      <Answer of={answer} lines={8}>
        {({ currents, states }) => (
          <>
            <Filter filters={filters} change={change} states={states} />
            <List
              currents={currents}
              troubled={troubled === true}
              filtered={Object.keys(filters).length > 0}
            />
          </>
        )}
      </Answer>
    </Page>
  )
}

/** The address may say 123 for a name of digits. */
const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value))

function Filter({
  filters: { search, state, destination, source, troubled },
  change,
  states,
}: {
  filters: Filters
  change: (part: Partial<Filters>) => void
  states: Readonly<Record<string, number>>
}) {
  const destinations = useDestinations().data?.destinations ?? []
  const sources = useAnswer<{ sources: SourceAnswer[] }>('/sources').data?.sources ?? []
  return (
    <FilterBar>
      <TextFilter label="Name" value={text(search)} change={(value) => change({ search: value })} />
      <ChoiceFilter
        label="State"
        value={state}
        choices={STATES.map((value) => ({ value, label: `${spoken(value)} (${states[value] ?? 0})` }))}
        change={(value) => change({ state: value })}
      />
      <ChoiceFilter
        label="Destination"
        value={destination}
        choices={destinations.map(({ name, title }) => ({ value: name, label: title }))}
        change={(value) => change({ destination: value })}
      />
      <ChoiceFilter
        label="Source"
        value={text(source)}
        choices={sources.map(({ name }) => name)}
        change={(value) => change({ source: value })}
      />
      <SwitchFilter
        label="Only troubled"
        value={troubled === true}
        change={(on) => change({ troubled: on ? true : undefined } as Partial<Filters>)}
      />
    </FilterBar>
  )
}

interface ListProps {
  readonly currents: readonly CurrentAnswer[]
  readonly troubled: boolean
  readonly filtered: boolean
}

function List({ currents, troubled, filtered }: ListProps) {
  const rows = useRows(currents).filter(
    ({ trouble }) => !troubled || (trouble !== undefined && trouble.mood !== 'calm'),
  )
  const title = useDestinationTitle()
  const columns = useMemo(() => columnsOf(title), [title])
  return (
    <>
      <Totals rows={rows} />
      <DataTable
        label="Currents"
        rows={rows}
        columns={columns}
        rowKey={({ current }) => String(current.number)}
        rowTo={({ current }) => currentPlace(current)}
        empty={
          filtered ? (
            <Empty title="No current fits">Take a filter away to see more.</Empty>
          ) : (
            <Empty
              title="No currents yet"
              action={
                <Button component={Link} to="/currents/new" mt="xs">
                  Make the first one
                </Button>
              }
            >
              A current takes the events that you choose from your sources and brings them to a destination,
              such as Treasure Data or Segment. It is tested before it is launched.
            </Empty>
          )
        }
      />
    </>
  )
}

/** Each current with its numbers of this second. */
function useRows(currents: readonly CurrentAnswer[]): readonly Row[] {
  const { status, samples } = useLive()
  const before = samples.at(-4) ?? samples[0]
  const live = byNumber(status)
  const earlier = byNumber(before)
  const letters = useLettersWaiting()
  const elapsedMs = (status?.at ?? 0) - (before?.at ?? 0)
  return currents.map((current) => {
    const one = live.get(current.number)
    const gained = (one?.delivered ?? 0) - (earlier.get(current.number)?.delivered ?? 0)
    return {
      current,
      now: nowOf(current, one),
      perSecond: elapsedMs <= 0 ? 0 : Math.max(0, (gained * 1_000) / elapsedMs),
      trouble: troubleOf(current, one),
      letters: letters?.of(current.name),
    }
  })
}

function byNumber(status: LiveStatus | undefined) {
  return new Map((status?.currents ?? []).map((one) => [one.number, one]))
}

function Totals({ rows }: { rows: readonly Row[] }) {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const halted = rows.filter(({ now }) => now.state === 'halted')
  const oldest = Math.max(0, ...rows.filter(({ now }) => now.pending > 0).map(({ now }) => now.lagMs))
  const dead = sum(({ letters }) => letters ?? 0)
  const first = halted[0]?.current
  return (
    <Stats>
      <Stat
        label="Delivered"
        value={rate(sum(({ perSecond }) => perSecond))}
        note={`by ${count(rows.length)} currents`}
      />
      <Stat
        label="Halted"
        value={count(halted.length)}
        note={first?.name ?? 'none needs a hand'}
        to={first === undefined ? '/currents?state=halted' : currentPlace(first)}
        {...(halted.length > 0 ? { mood: 'bad' as const } : {})}
      />
      <Stat
        label="Waiting"
        value={count(sum(({ now }) => now.pending))}
        note={oldest === 0 ? 'nothing is late' : `the oldest for ${duration(oldest)}`}
      />
      <Stat
        label="Dead letters"
        value={rows.some(({ letters }) => letters === undefined) ? '–' : count(dead)}
        note="refused, waiting for you"
        to="/dead-letters"
        {...(dead > 0 ? { mood: 'wait' as const } : {})}
      />
    </Stats>
  )
}

const GRAVITY: Readonly<Record<string, number>> = { bad: 0, wait: 1, calm: 2 }

function columnsOf(title: (kind: string) => string): readonly Column<Row>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      cell: ({ current }) => current.name,
      sortBy: ({ current }) => current.name,
    },
    {
      id: 'state',
      header: 'State',
      cell: ({ now }) => <StateBadge state={now.state} />,
      sortBy: ({ now }) => now.state,
    },
    {
      id: 'trouble',
      header: 'What is wrong',
      cell: ({ trouble }) =>
        trouble === undefined ? (
          '–'
        ) : (
          <span className={classes.trouble} data-mood={trouble.mood} title={trouble.what}>
            {trouble.what}
          </span>
        ),
      sortBy: ({ trouble }) => GRAVITY[trouble?.mood ?? ''] ?? 3,
    },
    {
      id: 'rate',
      header: 'Rate',
      align: 'right',
      cell: ({ perSecond }) => rate(perSecond),
      sortBy: ({ perSecond }) => perSecond,
    },
    {
      id: 'pending',
      header: 'Pending',
      align: 'right',
      cell: ({ current, now }) => <Rows n={now.pending} to={tabPlace(current, 'ledger')} />,
      sortBy: ({ now }) => now.pending,
    },
    {
      id: 'oldest',
      header: 'Oldest unsent',
      align: 'right',
      cell: ({ now }) => (now.pending === 0 ? '–' : duration(now.lagMs)),
      sortBy: ({ now }) => (now.pending === 0 ? 0 : now.lagMs),
    },
    {
      id: 'dead',
      header: 'Dead',
      note: 'to mend',
      align: 'right',
      cell: ({ current, letters }) =>
        letters === undefined ? '–' : <Rows n={letters} to={deadLettersPlace(current.name)} />,
      sortBy: ({ letters }) => letters ?? 0,
    },
    {
      id: 'delivered',
      header: 'Delivered',
      align: 'right',
      cell: ({ current, now }) => <Rows n={now.delivered} to={tabPlace(current, 'live')} />,
      sortBy: ({ now }) => now.delivered,
      spare: true,
    },
    {
      id: 'filtered',
      header: 'Filtered',
      align: 'right',
      cell: ({ current, now }) => <Rows n={now.filtered} to={tabPlace(current, 'selection')} />,
      sortBy: ({ now }) => now.filtered,
      spare: true,
    },
    {
      id: 'destination',
      header: 'Destination',
      cell: ({ current: { definition } }) => (
        <span title={addressOf(definition.destination.settings)}>{title(definition.destination.kind)}</span>
      ),
      sortBy: ({ current }) => current.definition.destination.kind,
    },
  ]
}

function Rows({ n, to }: { n: number; to: string }) {
  return n === 0 ? (
    <>0</>
  ) : (
    <Link to={to} className={classes.number}>
      {count(n)}
    </Link>
  )
}
