/** One event type as it came: its fields, what is in them, how often, and which of them nobody told us of. */

import { Stack, Text, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { DriftTypeAnswer } from '../../../api/routes/drift.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, share } from '../../elements/words.ts'
import { FINDINGS } from './drift-words.ts'

type OfSource = DriftTypeAnswer['sources'][number]
type Field = OfSource['fields'][number]

export function TypePage() {
  const { type = '' } = useParams({ strict: false })
  const path = at`/drift/types/${type}`
  const seen = useAnswer<DriftTypeAnswer>(path, { everyMs: 10_000 })
  return (
    <Page
      title={type}
      intro="The fields of this event type as they came, by source."
      up={{ to: '/drift', label: 'Drift' }}
      beside={
        seen.data !== undefined && (
          <StateBadge
            state={seen.data.inCatalog ? 'in the catalog' : 'not in the catalog'}
            mood={seen.data.inCatalog ? 'calm' : 'wait'}
          />
        )
      }
      calls={[`GET /api/v1${path}`]}
      commands={[`thalweg drift show ${type}`]}
    >
      <Answer of={seen} lines={8}>
        {({ sources }) =>
          sources.length === 0 ? (
            <section className="tw-card">
              <Empty title="No event of this type was seen">
                The radar counts from the oldest record that the log held when it first ran.
              </Empty>
            </section>
          ) : (
            <Stack gap="xl">
              {sources.map((one, i) => (
                <Source key={one.source ?? `deleted ${i}`} seen={one} type={type} />
              ))}
            </Stack>
          )
        }
      </Answer>
    </Page>
  )
}

function Source({ seen, type }: { seen: OfSource; type: string }) {
  const { source, firstSeenAt, firstOffset, lastSeenAt, unexamined, unlisted, note, fields } = seen
  const looked = seen.count - unexamined
  return (
    <Stack gap="sm">
      <Title order={2}>From {source ?? 'a source that was deleted'}</Title>
      <Stats>
        <Stat label="Events" value={count(seen.count)} note={`${count(looked)} looked into`} />
        <Stat label="Fields" value={count(fields.length)} {...(unlisted > 0 ? { note: 'and more' } : {})} />
        <Stat
          label="First seen"
          value={<When at={firstSeenAt} />}
          note="its record"
          to={`/records/${firstOffset}`}
        />
        <Stat label="Last seen" value={<When at={lastSeenAt} />} />
      </Stats>
      {note !== '' && <Text size="sm">Acknowledged: {note}</Text>}
      <DataTable
        label={`Fields of ${type} from ${source ?? 'a deleted source'}`}
        rows={fields}
        columns={COLUMNS}
        rowKey={({ path, kind }) => `${path} ${kind}`}
        height="560px"
        empty={<Empty title="No fields are listed">Of this type only the number of events is kept.</Empty>}
      />
    </Stack>
  )
}

const COLUMNS: readonly Column<Field>[] = [
  { id: 'path', header: 'Field', cell: ({ path }) => path, sortBy: ({ path }) => path },
  { id: 'kind', header: 'Kind', cell: ({ kind }) => kind, sortBy: ({ kind }) => kind },
  {
    id: 'finding',
    header: 'Finding',
    cell: ({ finding, expected, inCatalog }) =>
      finding === '' ? (
        inCatalog ? (
          'as in the catalog'
        ) : (
          '–'
        )
      ) : (
        <StateBadge
          state={FINDINGS[finding]}
          mood="wait"
          {...(expected === '' ? {} : { title: `Expected: ${expected}` })}
        />
      ),
    sortBy: ({ finding }) => finding,
  },
  {
    id: 'share',
    header: 'Share',
    align: 'right',
    cell: ({ share: part }) => share(part, 1),
    sortBy: ({ share: part }) => part,
  },
  {
    id: 'count',
    header: 'Events',
    align: 'right',
    cell: ({ count: some }) => count(some),
    sortBy: ({ count: some }) => some,
    spare: true,
  },
  { id: 'sample', header: 'First value', cell: ({ sample }) => sample || '–', spare: true },
  {
    id: 'first',
    header: 'First seen',
    cell: ({ firstSeenAt }) => <When at={firstSeenAt} />,
    sortBy: ({ firstSeenAt }) => firstSeenAt,
    spare: true,
  },
]
