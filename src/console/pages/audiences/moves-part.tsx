/** Every entry and departure, newest first, with its cause. */

import { Stack } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AudienceMovesAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { FailureNote, Waiting } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { InstantFilter } from '../../elements/instant-filter.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import type { PartProps } from './audience-page.tsx'
import { Cause } from './cause.tsx'
import { Identifiers, ProfileLink } from './person.tsx'

type Move = AudienceMovesAnswer['moves'][number]

export function MovesPart({ audience: { slug } }: PartProps) {
  const [{ profile, from, to }, change] = useFilters<{
    profile?: number | string | undefined
    from?: number | undefined
    to?: number | undefined
  }>()
  const { rows, result } = usePages<AudienceMovesAnswer, Move>(at`/audiences/${slug}/moves`, {
    query: { profile: /^\d+$/.test(String(profile)) ? Number(profile) : undefined, from, to, limit: 100 },
    rows: ({ moves }) => moves,
    next: ({ next }) => (next === null ? undefined : { before: next }),
    keep: true,
  })
  const columns: readonly Column<Move>[] = [
    { id: 'at', header: 'When', cell: (move) => <When at={move.at} /> },
    {
      id: 'entered',
      header: 'Move',
      cell: ({ entered }) => (
        <StateBadge state={entered ? 'entered' : 'left'} mood={entered ? 'good' : 'bad'} />
      ),
    },
    { id: 'profile', header: 'Profile', cell: (move) => <ProfileLink {...move} /> },
    { id: 'identifiers', header: 'Known by', cell: (move) => <Identifiers {...move} /> },
    { id: 'cause', header: 'Cause', cell: (move) => <Cause {...move} /> },
    {
      id: 'why',
      header: 'Explain',
      cell: (move) => (
        <Link to={at`/audiences/${slug}/why`} search={{ profile: move.profile } as never}>
          Why
        </Link>
      ),
    },
  ]
  return (
    <Stack gap="sm">
      <FilterBar>
        <TextFilter
          label="Profile"
          placeholder="Its number"
          width={130}
          value={profile === undefined ? '' : String(profile)}
          change={(text) => change({ profile: text })}
        />
        <InstantFilter label="From" value={from} change={(ms) => change({ from: ms })} />
        <InstantFilter label="Until" value={to} change={(ms) => change({ to: ms })} />
      </FilterBar>
      {result.error !== null && <FailureNote error={result.error} />}
      {result.isLoading ? (
        <Waiting lines={8} />
      ) : (
        <DataTable
          label="moves"
          rows={rows}
          columns={columns}
          rowKey={({ id }) => String(id)}
          paged={result}
          empty={
            <Empty title="Nobody moved">Entries and departures stand here, each with what caused it.</Empty>
          }
        />
      )}
    </Stack>
  )
}
