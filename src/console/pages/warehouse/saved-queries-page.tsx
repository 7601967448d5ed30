/** Saved queries, to open again. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { SavedQueryAnswer } from '../../../api/routes/queries.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { WarehouseTabs } from './warehouse-tabs.tsx'

const COLUMNS: readonly Column<SavedQueryAnswer>[] = [
  { id: 'name', header: 'Query', cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
  {
    id: 'open',
    header: 'Editor',
    cell: ({ name }) => (
      <Link to="/warehouse" search={{ saved: name } as never}>
        Open
      </Link>
    ),
  },
  { id: 'engine', header: 'Engine', cell: ({ engine }) => engine, sortBy: ({ engine }) => engine },
  { id: 'description', header: 'About', cell: ({ description }) => description || '–', spare: true },
  { id: 'version', header: 'Version', align: 'right', cell: ({ version }) => version, spare: true },
  { id: 'author', header: 'Saved by', cell: ({ author }) => author || '–', spare: true },
  {
    id: 'saved',
    header: 'Saved',
    cell: ({ savedAt }) => <When at={savedAt} />,
    sortBy: ({ savedAt }) => savedAt,
  },
]

export function SavedQueriesPage() {
  const [{ search = '' }, change] = useFilters<{ search?: string | undefined }>()
  const queries = useAnswer<{ queries: SavedQueryAnswer[] }>('/queries')
  const sought = String(search).toLowerCase()
  return (
    <Page
      title="Saved queries"
      intro="Named texts with their versions. Activations and the command line run them by name."
      calls={['GET /api/v1/queries']}
      commands={['thalweg queries list', 'thalweg queries run <name>']}
    >
      <WarehouseTabs at="/warehouse/queries" />
      <Answer of={queries}>
        {({ queries: all }) => (
          <>
            {all.length > 0 && (
              <FilterBar>
                <TextFilter
                  label="Name or words"
                  value={String(search)}
                  change={(text) => change({ search: text })}
                />
              </FilterBar>
            )}
            <DataTable
              label="saved queries"
              rows={all.filter(({ name, description, sql }) =>
                [name, description, sql].some((text) => text.toLowerCase().includes(sought)),
              )}
              columns={COLUMNS}
              rowKey={({ name }) => name}
              rowTo={({ name }) => at`/warehouse/queries/${name}`}
              empty={
                all.length > 0 ? (
                  <Empty title="No query has these words" />
                ) : (
                  <Empty
                    title="Nothing is saved yet"
                    action={
                      <Button component={Link} to="/warehouse" mt="xs">
                        Write SQL
                      </Button>
                    }
                  >
                    Save a query in the editor: it gets a name, a link to send to others, and keeps its
                    earlier versions.
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
