/** Credentials of vendors, which go in and never come out. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { HealthBadge } from './health-badge.tsx'

interface Filters {
  readonly [name: string]: string | undefined
  readonly provider?: string
  readonly label?: string
}

export function AuthorizationsPage() {
  const [{ provider = '', label = '' }, change] = useFilters<Filters>()
  const answer = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations', { everyMs: 15_000 })
  return (
    <Page
      title="Authorizations"
      intro="Credentials of vendors, sealed. They are given once, replaced at will, and shown to nobody."
      calls={['GET /api/v1/authorizations', 'POST /api/v1/authorizations']}
      commands={['thalweg authorizations list', 'thalweg authorizations create --provider … --label …']}
      actions={
        <Button component={Link} to="/authorizations/new" size="sm">
          New authorization
        </Button>
      }
    >
      <Answer of={answer}>
        {({ authorizations }) => {
          const providers = [...new Set(authorizations.map((one) => one.provider))].sort()
          const wanted = String(label).toLowerCase()
          const shown = authorizations.filter(
            (one) =>
              (provider === '' || one.provider === provider) && one.label.toLowerCase().includes(wanted),
          )
          return (
            <>
              <FilterBar>
                <TextFilter
                  label="Label"
                  value={String(label)}
                  change={(value) => change({ label: value })}
                />
                <ChoiceFilter
                  label="Provider"
                  value={provider}
                  choices={providers}
                  change={(value) => change({ provider: value })}
                />
              </FilterBar>
              <DataTable
                label="Authorizations"
                rows={shown}
                columns={COLUMNS}
                rowKey={({ id }) => id}
                rowTo={({ id }) => `/authorizations/${id}`}
                empty={
                  <Empty title={authorizations.length === 0 ? 'No credentials yet' : 'No label fits'}>
                    A destination, a query engine, a bucket or a mail server is opened by an authorization.
                    Keep its key here once, and name it wherever it is needed.
                  </Empty>
                }
              />
            </>
          )
        }}
      </Answer>
    </Page>
  )
}

const COLUMNS: readonly Column<AuthorizationAnswer>[] = [
  { id: 'label', header: 'Label', cell: ({ label }) => label, sortBy: ({ label }) => label },
  {
    id: 'health',
    header: 'Health',
    cell: (row) => <HealthBadge of={row} />,
    sortBy: ({ health }) => health,
  },
  {
    id: 'provider',
    header: 'Provider',
    cell: ({ provider }) => provider,
    sortBy: ({ provider }) => provider,
  },
  { id: 'fields', header: 'Set', cell: ({ fields }) => fields.join(', '), spare: true },
  { id: 'checked', header: 'Last heard of', cell: ({ checkedAt }) => <When at={checkedAt} />, spare: true },
  {
    id: 'rotated',
    header: 'Secret from',
    cell: ({ rotatedAt, createdAt }) => <When at={rotatedAt ?? createdAt} />,
    sortBy: ({ rotatedAt, createdAt }) => rotatedAt ?? createdAt,
    spare: true,
  },
]
