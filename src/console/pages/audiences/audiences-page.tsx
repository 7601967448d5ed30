/** All audiences: how many are in each, what moved of late, and whether that is up to date. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ListedAudienceAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { Judging } from './judging.tsx'
import { Moved } from './moved.tsx'

const COLUMNS: readonly Column<ListedAudienceAnswer>[] = [
  {
    id: 'name',
    header: 'Audience',
    cell: ({ name, slug }) => name || slug,
    sortBy: ({ name, slug }) => (name || slug).toLowerCase(),
  },
  {
    id: 'size',
    header: 'People',
    align: 'right',
    cell: ({ size }) => count(size),
    sortBy: ({ size }) => size,
  },
  {
    id: 'change',
    header: 'Last 24 hours',
    align: 'right',
    cell: ({ change }) => <Moved {...change} />,
    sortBy: ({ change }) => change.entered + change.left,
  },
  {
    id: 'slug',
    header: 'Slug',
    cell: ({ slug }) => <code>{slug}</code>,
    spare: true,
    sortBy: ({ slug }) => slug,
  },
  {
    id: 'fields',
    header: 'Asks',
    cell: ({ fields, includes }) => [...fields, ...includes].join(', ') || '–',
    spare: true,
  },
  { id: 'version', header: 'Version', align: 'right', cell: ({ version }) => version, spare: true },
  {
    id: 'saved',
    header: 'Changed',
    cell: ({ savedAt }) => <When at={savedAt} />,
    spare: true,
    sortBy: ({ savedAt }) => savedAt,
  },
]

export function AudiencesPage() {
  const [{ search = '' }, change] = useFilters<{ search?: string | undefined }>()
  const audiences = useAnswer<{ audiences: ListedAudienceAnswer[] }>('/audiences', { everyMs: 10_000 })
  const sought = String(search).toLowerCase()
  return (
    <Page
      title="Audiences"
      intro="Rules about people. Who is in an audience follows from their profiles, at every moment."
      beside={<Judging />}
      actions={
        <>
          <Button component={Link} to="/segments" variant="default">
            Segments of tables
          </Button>
          <Button component={Link} to="/audiences/-new">
            New audience
          </Button>
        </>
      }
      calls={['GET /api/v1/audiences', 'GET /api/v1/audience-progress']}
      commands={['thalweg audiences list']}
    >
      <Answer of={audiences}>
        {({ audiences: all }) => (
          <>
            {all.length > 0 && (
              <FilterBar>
                <TextFilter
                  label="Name, slug or field"
                  value={String(search)}
                  change={(text) => change({ search: text })}
                />
              </FilterBar>
            )}
            <DataTable
              label="audiences"
              rows={all.filter(({ name, slug, fields }) =>
                [name, slug, ...fields].some((text) => text.toLowerCase().includes(sought)),
              )}
              columns={COLUMNS}
              rowKey={({ number }) => String(number)}
              rowTo={({ slug }) => at`/audiences/${slug}`}
              empty={
                all.length > 0 ? (
                  <Empty title="No audience has this in its name">
                    Take the search away to see all {all.length}.
                  </Empty>
                ) : (
                  <Empty
                    title="There is no audience yet"
                    action={
                      <Button component={Link} to="/audiences/-new" mt="xs">
                        New audience
                      </Button>
                    }
                  >
                    An audience is a rule, such as “opened three e-mails in seven days”. Put one together from
                    fields and events of profiles, and see at once how many people it means.
                  </Empty>
                )
              }
            />
          </>
        )}
      </Answer>
    </Page>
  )
}
