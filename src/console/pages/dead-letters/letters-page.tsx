/** Dead letters: choose them by what went wrong, look into one, or send or discard many at once. */

import { Button, Group, Stack, Text } from '@mantine/core'
import { type MouseEvent, useEffect, useState } from 'react'
import type { DeadLetterSummary, LetterCountsAnswer } from '../../../api/routes/dead-letters.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { goOnAt, placeAround } from '../../elements/focus.ts'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, spoken } from '../../elements/words.ts'
import { BulkButton, type LetterFilter, type Which } from './bulk-button.tsx'
import { type LetterState, STATE_WORDS, STATES } from './letter-words.ts'
import { ReasonChips } from './reason-chips.tsx'

interface Filters extends LetterFilter, Record<string, string | undefined> {
  /** Unset: dead; any: all. */
  readonly state?: string
}

interface LettersAnswer {
  readonly deadLetters: readonly DeadLetterSummary[]
  readonly next: string | null
}

const PAGE = 100
const EVERY_MS = 5_000

export function LettersPage() {
  const [filters, change] = useFilters<Filters>()
  const { filter, state } = read(filters)
  const query = { ...filter, ...(state === undefined ? {} : { state }) }
  const letters = usePages<LettersAnswer, DeadLetterSummary>('/dead-letters', {
    query: { ...query, limit: PAGE },
    rows: ({ deadLetters }) => deadLetters,
    next: ({ next }) => (next === null ? undefined : { cursor: next }),
    everyMs: EVERY_MS,
    keep: true,
  })
  const { eventId: _eventId, ...counted } = query
  const counts = useAnswer<LetterCountsAnswer>('/dead-letters/counts', {
    query: counted,
    everyMs: EVERY_MS,
    keep: true,
  })
  return (
    <Page
      title="Dead letters"
      intro="Records that a vendor refused for good. Nothing else waits for them. Mend and redrive them, or discard them with a note; until then they stay counted."
      calls={[
        'GET /api/v1/dead-letters',
        'GET /api/v1/dead-letters/counts',
        'POST /api/v1/dead-letters/redrive',
      ]}
      commands={['thalweg dead-letters list', 'thalweg dead-letters redrive --current <name>']}
    >
      <Choice filters={filters} change={change} counts={counts.data} state={state} />
      <Answer of={letters.result} lines={8}>
        {() => (
          <Letters
            letters={letters}
            filter={filter}
            state={state}
            matching={counts.data}
            total={filter.eventId === undefined ? counts.data?.total : undefined}
          />
        )}
      </Answer>
    </Page>
  )
}

/** Leniently: an address may have been written by hand. */
function read(filters: Filters): { filter: LetterFilter; state: LetterState | undefined } {
  const filter = Object.fromEntries(
    (['current', 'reason', 'eventType', 'eventId'] as const)
      .filter((name) => filters[name] !== undefined)
      .map((name) => [name, String(filters[name])]),
  )
  const state = STATES.find((one) => one === (filters.state ?? 'dead'))
  return { filter, state: filters.state === 'any' ? undefined : (state ?? 'dead') }
}

interface ChoiceProps {
  readonly filters: Filters
  readonly change: (part: Partial<Filters>) => void
  readonly counts: LetterCountsAnswer | undefined
  readonly state: LetterState | undefined
}

function Choice({ filters, change, counts, state }: ChoiceProps) {
  const withCount = (name: string, some: number): string => `${name} (${count(some)})`
  const stateLabel = (one: LetterState): string =>
    counts === undefined ? STATE_WORDS[one] : withCount(STATE_WORDS[one], counts.states[one])
  const kept = (values: readonly { value: string; label: string }[], value: string | undefined) =>
    value === undefined || values.some((one) => one.value === value)
      ? values
      : [...values, { value, label: value }]
  return (
    <Stack gap="sm">
      <FilterBar>
        <ChoiceFilter
          label="State"
          value={state === 'dead' ? '' : (state ?? 'any')}
          all={stateLabel('dead')}
          choices={[
            ...STATES.slice(1).map((one) => ({ value: one, label: stateLabel(one) })),
            { value: 'any', label: 'Any state' },
          ]}
          change={(value) => change({ state: value })}
        />
        <ChoiceFilter
          label="Current"
          value={filters.current}
          choices={kept(
            (counts?.currents ?? []).flatMap(({ current, count: some }) =>
              current === null ? [] : [{ value: current, label: withCount(current, some) }],
            ),
            filters.current,
          )}
          change={(current) => change({ current })}
        />
        <ChoiceFilter
          label="Event type"
          value={filters.eventType}
          choices={kept(
            (counts?.eventTypes ?? []).map(({ value, count: some }) => ({
              value,
              label: withCount(value === '' ? 'no type' : value, some),
            })),
            filters.eventType,
          )}
          change={(eventType) => change({ eventType })}
        />
        <TextFilter
          label="Event id"
          value={filters.eventId === undefined ? undefined : String(filters.eventId)}
          change={(eventId) => change({ eventId })}
          width={250}
        />
      </FilterBar>
      <ReasonChips
        reasons={counts?.reasons ?? []}
        chosen={filters.reason}
        change={(reason) => change({ reason })}
      />
    </Stack>
  )
}

interface LettersProps {
  readonly letters: ReturnType<typeof usePages<LettersAnswer, DeadLetterSummary>>
  readonly filter: LetterFilter
  readonly state: LetterState | undefined
  readonly matching: LetterCountsAnswer | undefined
  /** Letters that match; undefined: not known. */
  readonly total: number | undefined
}

function Letters({ letters: { rows, result }, filter, state, matching, total }: LettersProps) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [all, setAll] = useState(false)
  const key = JSON.stringify([filter, state])
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was chosen of another list is not chosen of this one
  useEffect(() => {
    setChosen(new Set())
    setAll(false)
  }, [key])
  const choose = (next: ReadonlySet<string>): void => {
    setChosen(next)
    setAll(false)
  }
  const chooses =
    (deed: () => void) =>
    ({ currentTarget }: MouseEvent): void => {
      deed()
      goOnAt(placeAround(currentTarget as Element))
    }
  const dead = rows.filter(({ state: one }) => one === 'dead')
  const ids = dead.filter(({ id }) => chosen.has(id)).map(({ id }) => id)
  const which: Which = all ? { filter } : { ids }
  const many = all ? total : ids.length
  return (
    // The buttons above the table come and go with what is chosen: then the focus is here.
    <Stack component="section" gap="sm" aria-label="Letters that match" tabIndex={-1}>
      <Group justify="space-between" mih={36} gap="sm">
        <Text size="sm" c="dimmed" role="status">
          {many !== undefined && many > 0
            ? `${count(many)} chosen`
            : total === undefined
              ? ''
              : `${count(total)} ${total === 1 ? 'letter' : 'letters'}`}
        </Text>
        <Group gap="xs">
          {state === 'dead' && !all && total !== undefined && total > ids.length && total > 0 && (
            <Button size="sm" variant="subtle" onClick={chooses(() => setAll(true))}>
              Choose all {count(total)} that match
            </Button>
          )}
          {(all || ids.length > 0) && (
            <>
              <Button size="sm" variant="subtle" onClick={chooses(() => choose(new Set()))}>
                Choose none
              </Button>
              <BulkButton deed="discard" which={which} done={() => choose(new Set())} />
              <BulkButton deed="redrive" which={which} variant="filled" done={() => choose(new Set())} />
            </>
          )}
        </Group>
      </Group>
      <DataTable
        label="Dead letters"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        rowTo={({ id }) => `/dead-letters/${encodeURIComponent(id)}`}
        paged={result}
        selection={{ chosen: all ? new Set(rows.map(({ id }) => id)) : chosen, change: choose }}
        height="max(320px, calc(100dvh - 390px))"
        empty={<NoLetters state={state} filtered={Object.keys(filter).length > 0} counts={matching} />}
      />
    </Stack>
  )
}

const COLUMNS: readonly Column<DeadLetterSummary>[] = [
  {
    id: 'event',
    header: 'Event',
    cell: ({ eventId, offset }) => (eventId === '' ? `at offset ${offset}` : eventId),
  },
  {
    id: 'message',
    header: 'What went wrong',
    cell: ({ message, reason }) => message || spoken(reason),
    wraps: true,
  },
  {
    id: 'state',
    header: 'State',
    cell: ({ state, edited }) => (
      <Group gap={4} wrap="nowrap">
        <StateBadge state={state} title={STATE_WORDS[state]} />
        {edited && <StateBadge state="edited" mood="calm" />}
      </Group>
    ),
  },
  {
    id: 'current',
    header: 'Current',
    cell: ({ current, currentNumber }) => current ?? `deleted (number ${currentNumber})`,
  },
  { id: 'when', header: 'Refused', cell: ({ createdAt }) => <When at={createdAt} />, spare: true },
  { id: 'type', header: 'Type', cell: ({ eventType }) => eventType || '–', spare: true },
  {
    id: 'status',
    header: 'Answer',
    align: 'right',
    cell: ({ status }) => (status === 0 ? 'none' : status),
    spare: true,
  },
  {
    id: 'attempts',
    header: 'Attempts',
    align: 'right',
    cell: ({ attempts }) => count(attempts),
    spare: true,
  },
]

interface NoLettersProps {
  readonly state: LetterState | undefined
  readonly filtered: boolean
  readonly counts: LetterCountsAnswer | undefined
}

function NoLetters({ state, filtered, counts }: NoLettersProps) {
  const others = Object.values(counts?.states ?? {}).reduce((sum, some) => sum + some, 0)
  if (filtered || (state !== 'dead' && state !== undefined))
    return <Empty title="No letter matches">Take a filter away, or choose another state.</Empty>
  return (
    <Empty title={others > 0 ? 'Nothing waits for you' : 'No dead letters'}>
      A record comes here when a vendor refuses it and would refuse it again: a field it does not take, or too
      many bytes. Outages and slow answers never fill this list; they make a current wait.
    </Empty>
  )
}
