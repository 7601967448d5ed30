/** Who is in it at one instant and not at another. */

import { SimpleGrid, Stack, Title } from '@mantine/core'
import { useState } from 'react'
import type { AudienceComparisonAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, useFilters } from '../../elements/filters.tsx'
import { InstantFilter } from '../../elements/instant-filter.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { count, dateTime } from '../../elements/words.ts'
import type { PartProps } from './audience-page.tsx'
import { Identifiers, type Named } from './person.tsx'

const DAY_MS = 86_400_000
/** People of each list. */
const SHOWN_MAX = 100

const COLUMNS: readonly Column<Named>[] = [
  { id: 'profile', header: 'Profile', cell: ({ profile }) => profile },
  { id: 'identifiers', header: 'Known by', cell: (one) => <Identifiers {...one} /> },
]

export function ComparePart({ audience: { slug } }: PartProps) {
  const [said, change] = useFilters<{ from?: number | undefined; to?: number | undefined }>()
  const [now] = useState(Date.now)
  const to = typeof said.to === 'number' ? said.to : now
  const from = typeof said.from === 'number' ? said.from : to - DAY_MS
  const comparison = useAnswer<AudienceComparisonAnswer>(at`/audiences/${slug}/compare`, {
    query: { from: Math.min(from, to), to: Math.max(from, to), limit: SHOWN_MAX },
    keep: true,
  })
  return (
    <Stack gap="md">
      <FilterBar>
        <InstantFilter label="First instant" value={from} change={(ms) => change({ from: ms })} />
        <InstantFilter label="Second instant" value={to} change={(ms) => change({ to: ms })} />
      </FilterBar>
      <Answer of={comparison}>
        {({ sizeAtA, sizeAtB, entered, left, enteredSample, leftSample, people }) => {
          const names = new Map(people.map((one) => [one.profile, one.identifiers]))
          const named = (profiles: readonly number[]): Named[] =>
            profiles.map((profile) => ({ profile, identifiers: names.get(profile) ?? [] }))
          const members = at`/audiences/${slug}/members`
          return (
            <Stack gap="md">
              <Stats>
                <Stat
                  label="At the first instant"
                  value={count(sizeAtA)}
                  note={dateTime(Math.min(from, to))}
                  to={`${members}?at=${Math.min(from, to)}`}
                />
                <Stat
                  label="Entered"
                  value={count(entered)}
                  {...(entered > 0 ? { mood: 'good' as const } : {})}
                />
                <Stat label="Left" value={count(left)} {...(left > 0 ? { mood: 'bad' as const } : {})} />
                <Stat
                  label="At the second instant"
                  value={count(sizeAtB)}
                  note={dateTime(Math.max(from, to))}
                  to={`${members}?at=${Math.max(from, to)}`}
                />
              </Stats>
              <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
                <Changed
                  label="entered"
                  total={entered}
                  people={named(enteredSample)}
                  none="Nobody entered in between"
                />
                <Changed label="left" total={left} people={named(leftSample)} none="Nobody left in between" />
              </SimpleGrid>
            </Stack>
          )
        }}
      </Answer>
    </Stack>
  )
}

interface ChangedProps {
  readonly label: string
  readonly total: number
  readonly people: readonly Named[]
  readonly none: string
}

function Changed({ label, total, people, none }: ChangedProps) {
  const rest = total > people.length ? `, the first ${count(people.length)}` : ''
  return (
    <section aria-label={`Who ${label}`} style={{ minWidth: 0 }}>
      <Title order={2} mb="xs">
        Who {label}: {count(total)}
        {rest}
      </Title>
      <DataTable
        label={`people who ${label}`}
        rows={people}
        columns={COLUMNS}
        rowKey={({ profile }) => String(profile)}
        rowTo={({ profile }) => at`/profiles/${profile}`}
        empty={<Empty title={none} />}
        height="420px"
      />
    </section>
  )
}
