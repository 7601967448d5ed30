/** Whose credentials can be kept. */

import type { ProviderAnswer } from '../../../api/routes/providers.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Page } from '../../elements/page.tsx'

export function ProvidersPage() {
  const answer = useAnswer<{ providers: ProviderAnswer[] }>('/providers')
  return (
    <Page
      title="Whose credentials?"
      up={{ to: '/authorizations', label: 'Authorizations' }}
      intro="One provider may be a destination and a query engine at once: its authorization opens both."
      calls={['GET /api/v1/providers']}
      commands={['thalweg authorizations create --provider <name> --label …']}
    >
      <Answer of={answer}>
        {({ providers }) => (
          <DataTable
            label="Providers"
            rows={providers}
            columns={COLUMNS}
            rowKey={({ name }) => name}
            rowTo={({ name }) => `/authorizations/new/${encodeURIComponent(name)}`}
          />
        )}
      </Answer>
    </Page>
  )
}

const COLUMNS: readonly Column<ProviderAnswer>[] = [
  { id: 'title', header: 'Provider', cell: ({ title }) => title, sortBy: ({ title }) => title },
  { id: 'what', header: 'What for', cell: ({ description }) => description },
]
