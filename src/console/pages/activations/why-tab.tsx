/** Why somebody is in the cohort or not: every change with its run and record, and what the query says of them now. */

import { Anchor, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { WhyAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { KINDS, runPath } from '../runs/run-words.ts'

type Filters = Readonly<{ value?: string | number; kind?: string; label?: string }>
type Move = WhyAnswer['moves'][number]

/** `activation`: its name. */
export function whyPath(activation: string, who: { kind: string; label: string; value: string }): string {
  return `${at`/activations/${activation}/why`}?${new URLSearchParams({
    value: JSON.stringify(who.value),
    ...(who.kind === 'external_id' ? {} : { kind: who.kind }),
    ...(who.label === '' ? {} : { label: JSON.stringify(who.label) }),
  })}`
}

export function WhyTab({ path }: { path: string }) {
  const [{ value, kind = 'external_id', label }, change] = useFilters<Filters>()
  return (
    <Stack>
      <FilterBar>
        <TextFilter
          label="Identifier"
          value={value === undefined ? undefined : String(value)}
          placeholder="user-000042"
          change={(text) => change({ value: text })}
        />
        <ChoiceFilter
          label="Kind"
          value={kind}
          choices={Object.entries(KINDS).map(([name, words]) => ({ value: name, label: words }))}
          all="External id"
          change={(text) => change({ kind: text })}
        />
        {kind === 'alias' && (
          <TextFilter
            label="Label of the alias"
            value={label === undefined ? undefined : String(label)}
            change={(text) => change({ label: text })}
          />
        )}
      </FilterBar>
      {value === undefined ? (
        <Empty title="Who is it about?">
          Type an identifier as the query gives it. The answer names each run that brought the person in or
          out, the record that carried it, and what the query says about them now.
        </Empty>
      ) : (
        <Reasons path={path} who={{ value: String(value), kind, label: String(label ?? '') }} />
      )}
    </Stack>
  )
}

function Reasons({ path, who }: { path: string; who: { value: string; kind: string; label: string } }) {
  const why = useAnswer<WhyAnswer>(`${path}/why`, { query: who, keep: true })
  const row = useAnswer<{ row: Record<string, unknown> | null }>(`${path}/query-row`, { query: who })
  const columns: readonly Column<Move>[] = [
    {
      id: 'what',
      header: 'What',
      cell: ({ entered }) => <StateBadge state={entered ? 'entered' : 'left'} mood="calm" />,
    },
    { id: 'when', header: 'When', cell: ({ at: ms }) => <When at={ms} exact /> },
    {
      id: 'run',
      header: 'By',
      cell: ({ activation, run }) => (
        <Anchor component={Link} to={runPath(activation, run)} size="sm">
          run {run}
        </Anchor>
      ),
    },
    {
      id: 'record',
      header: 'Record',
      cell: ({ record }) => (
        <Anchor component={Link} to={at`/events/${record}`} size="sm">
          {record}
        </Anchor>
      ),
    },
  ]
  return (
    <Answer of={why}>
      {({ member, sentence, moves }) => (
        <Stack>
          <Text fw={600}>
            <StateBadge state={member ? 'in' : 'not in'} mood={member ? 'good' : 'calm'} /> {sentence}
          </Text>
          <section aria-label="What the query says now">
            <Text size="sm" fw={600}>
              What the query says now
            </Text>
            {row.error !== null && <FailureNote error={row.error} />}
            {row.data !== undefined &&
              (row.data.row === null ? (
                <Text size="sm">The query does not name them now.</Text>
              ) : (
                <JsonView label="Row of the query" value={row.data.row} height="200px" />
              ))}
          </section>
          {moves.length > 0 && (
            <DataTable
              label="changes"
              rows={[...moves].reverse()}
              columns={columns}
              rowKey={({ record }) => record}
              height="300px"
            />
          )}
        </Stack>
      )}
    </Answer>
  )
}
