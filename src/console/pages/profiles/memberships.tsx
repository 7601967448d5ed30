/** The audiences that somebody is in, since when, and why. */

import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'

interface Membership {
  readonly number: number
  readonly slug: string
  readonly name: string
  readonly since: number | null
  readonly profile: number
}

const COLUMNS: readonly Column<Membership>[] = [
  { id: 'name', header: 'Audience', cell: ({ name }) => name, sortBy: ({ name }) => name },
  {
    id: 'since',
    header: 'In it',
    cell: ({ since }) =>
      since === null ? (
        'no'
      ) : (
        <>
          since <When at={since} />
        </>
      ),
    sortBy: ({ since }) => since ?? 0,
  },
  {
    id: 'at',
    header: 'Entered',
    cell: ({ since }) => <When at={since} exact />,
    spare: true,
  },
  {
    id: 'why',
    header: '',
    cell: ({ slug, since, profile }) => (
      <Anchor component={Link} to={at`/audiences/${slug}/why`} search={{ profile } as never} size="sm">
        {since === null ? 'Why not' : 'Why'}
      </Anchor>
    ),
  },
]

export function Memberships({ profile }: { profile: ProfileAnswer }) {
  const audiences = useAnswer<{ audiences: AudienceAnswer[] }>('/audiences')
  const since = new Map(profile.audiences.map((one) => [one.audience, one.since]))
  const rows = (audiences.data?.audiences ?? [])
    .map(({ number, slug, name }) => ({
      number,
      slug,
      name,
      since: since.get(number) ?? null,
      profile: profile.id,
    }))
    .sort((a, b) => (b.since ?? 0) - (a.since ?? 0))
  return (
    <DataTable
      label="Audiences"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ number }) => String(number)}
      rowTo={({ slug }) => at`/audiences/${slug}`}
      empty={
        audiences.data === undefined ? undefined : (
          <Empty title="There are no audiences">
            An audience is a rule about people. Once there is one, this page says whether and why this person
            is in it.
          </Empty>
        )
      }
    />
  )
}
