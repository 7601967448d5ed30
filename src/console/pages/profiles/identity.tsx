/** By what somebody is known: a picture of identifiers and how they came together, and the same as lists. */

import { Anchor, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import type {
  ConflictAnswer,
  MergeAnswer,
  NeverLinksAnswer,
  ProfileAnswer,
} from '../../../api/routes/profiles.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import { Waiting } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { ConflictsTable } from './conflicts-table.tsx'
import classes from './identity.module.css'
import { pictureOf } from './identity-picture.ts'

const Graph = lazy(() => import('./identity-graph.tsx'))
/** Conflicts that the picture shows, the newest of each identifier. */
const SHOWN = 50

/** Height of the picture of many, and of a few. */
const TALL_PX = 520
const LOW_PX = 300

type Held = ProfileAnswer['identifiers'][number] & { readonly rank: number }

const COLUMNS: readonly Column<Held>[] = [
  { id: 'field', header: 'Kind', cell: ({ field }) => field, sortBy: ({ field }) => field },
  { id: 'rank', header: 'Rank', cell: ({ rank }) => count(rank), sortBy: ({ rank }) => rank, align: 'right' },
  { id: 'value', header: 'Value', cell: ({ value }) => value, sortBy: ({ value }) => value },
  {
    id: 'records',
    header: 'Records',
    cell: ({ records }) => count(records),
    sortBy: ({ records }) => records,
    align: 'right',
  },
  { id: 'streams', header: 'Came by', cell: ({ streams }) => streams.join(', ') || '–', spare: true },
  {
    id: 'first',
    header: 'First',
    cell: ({ firstAt }) => <When at={firstAt} />,
    sortBy: ({ firstAt }) => firstAt,
    spare: true,
  },
  { id: 'last', header: 'Last', cell: ({ lastAt }) => <When at={lastAt} />, sortBy: ({ lastAt }) => lastAt },
  {
    id: 'state',
    header: '',
    cell: ({ sharedAt }) =>
      sharedAt === null ? null : (
        <StateBadge state="Shared" mood="wait" title="Too many people use it: it joins nobody any more" />
      ),
  },
]

export function Identity({ profile }: { profile: ProfileAnswer }) {
  const query = { profile: profile.id, limit: SHOWN }
  const merges = useAnswer<{ merges: MergeAnswer[] }>('/profiles/merges', { query })
  const conflicts = useAnswer<{ conflicts: ConflictAnswer[] }>('/profiles/conflicts', { query })
  const apart = useAnswer<NeverLinksAnswer>('/profiles/never-links', { query })
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const ranks = new Map(
    (schema.data?.definition.fields ?? []).map(({ name, identifier }) => [name, identifier?.rank ?? 0]),
  )
  const rows = profile.identifiers
    .map((held) => ({ ...held, rank: ranks.get(held.field) ?? 0 }))
    .sort((a, b) => a.rank - b.rank || b.lastAt - a.lastAt)
  const tall = rows.length + (conflicts.data?.conflicts.length ?? 0) > 4 ? TALL_PX : LOW_PX
  const whole = merges.data && conflicts.data && apart.data && schema.data
  return (
    <Stack gap="md" miw={0}>
      <div className={classes.picture} style={{ '--tall': `${tall}px` } as React.CSSProperties}>
        {whole === undefined ? (
          <Waiting lines={8} />
        ) : (
          <Suspense fallback={<Waiting lines={8} />}>
            <Graph
              picture={pictureOf(
                profile,
                {
                  merges: merges.data?.merges ?? [],
                  conflicts: conflicts.data?.conflicts ?? [],
                  apart: apart.data?.pairs ?? [],
                },
                ranks,
              )}
            />
          </Suspense>
        )}
      </div>
      <Title order={2}>Identifiers</Title>
      <DataTable
        label="Identifiers"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ field, value }) => `${field} ${value}`}
        height="420px"
        empty={<Text p="md">Nothing finds this profile.</Text>}
      />
      {profile.retired.length > 0 && (
        <section aria-label="Retired identifiers">
          <Title order={2} mb={4}>
            Retired
          </Title>
          <Text size="sm" c="dimmed" mb={6}>
            Given up for newer ones of their kind: they find nobody now, and what came by them stays.
          </Text>
          <ul className={classes.list}>
            {profile.retired.map(({ field, value, firstAt, lastAt }) => (
              <li key={`${field} ${value}`}>
                {field} {value}: first <When at={firstAt} />, last <When at={lastAt} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {(conflicts.data?.conflicts.length ?? 0) > 0 && (
        <section aria-label="Conflicts">
          <Title order={2} mb={6}>
            Conflicts
          </Title>
          <ConflictsTable rows={conflicts.data?.conflicts ?? []} height="320px" />
          <Anchor component={Link} to={`/profiles/${profile.id}/history`} size="sm">
            All conflicts and joins of this profile
          </Anchor>
        </section>
      )}
    </Stack>
  )
}
