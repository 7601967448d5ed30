/** Who is in it now, or was at an instant, page by page. */

import { Button, Stack, Text } from '@mantine/core'
import type { AudienceMembersAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { FailureNote, Waiting } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, useFilters } from '../../elements/filters.tsx'
import { InstantFilter } from '../../elements/instant-filter.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import type { PartProps } from './audience-page.tsx'
import { Identifiers } from './person.tsx'

type Member = AudienceMembersAnswer['members'][number]

const COLUMNS: readonly Column<Member>[] = [
  { id: 'profile', header: 'Profile', cell: ({ profile }) => profile },
  { id: 'identifiers', header: 'Known by', cell: (member) => <Identifiers {...member} /> },
  { id: 'since', header: 'In it since', cell: ({ since }) => <When at={since} /> },
]

export function MembersPart({ audience: { slug } }: PartProps) {
  const [{ at: said }, change] = useFilters<{ at?: number | undefined }>()
  const instant = typeof said === 'number' ? said : undefined
  const size = useAnswer<{ size: number }>(at`/audiences/${slug}/size`, {
    query: { at: instant },
    keep: true,
  })
  const { rows, result } = usePages<AudienceMembersAnswer, Member>(at`/audiences/${slug}/members`, {
    query: { at: instant, limit: 100 },
    rows: ({ members }) => members,
    next: ({ next }) => (next === null ? undefined : { after: next }),
    keep: true,
  })
  return (
    <Stack gap="sm">
      <FilterBar>
        <InstantFilter label="As of" value={instant} change={(ms) => change({ at: ms })} />
        {instant !== undefined && (
          <Button size="xs" variant="default" onClick={() => change({ at: undefined })}>
            Now
          </Button>
        )}
        {size.data !== undefined && (
          <Text size="sm" pb={6} role="status">
            {count(size.data.size)} {size.data.size === 1 ? 'person' : 'people'}{' '}
            {instant === undefined ? 'now' : 'at that moment'}
          </Text>
        )}
      </FilterBar>
      {result.error !== null && <FailureNote error={result.error} />}
      {result.isLoading ? (
        <Waiting lines={8} />
      ) : (
        <DataTable
          label="members"
          rows={rows}
          columns={COLUMNS}
          rowKey={({ profile }) => String(profile)}
          rowTo={({ profile }) => at`/profiles/${profile}`}
          paged={result}
          empty={
            <Empty title={instant === undefined ? 'Nobody is in it now' : 'Nobody was in it then'}>
              People enter as soon as a record or the clock makes the rule true for them.
            </Empty>
          }
        />
      )}
    </Stack>
  )
}
