/** People: whom an identifier or a value finds, how far the profiles are, and everybody. */

import { Button, Group, Progress, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { ProfileAnswer, ProfileSearchAnswer } from '../../../api/routes/profiles.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { count } from '../../elements/words.ts'
import { PeopleTable } from './people-table.tsx'
import { PeopleTabs } from './people-tabs.tsx'
import { StatusStats } from './status-stats.tsx'

type Filters = {
  readonly value?: string | number
  /** Unset: identifiers. */
  readonly look?: string
}

const PAGE = 50
const VALUES = 'values'

export function ProfilesPage() {
  const [{ value: said = '', look = '' }, change] = useFilters<Filters>()
  const text = String(said).trim()
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const fields = schema.data?.definition.fields ?? []
  return (
    <Page
      title="Profiles"
      intro="Everybody whom the streams tell of: one profile per person, joined by identifiers."
      calls={['GET /api/v1/profiles', 'GET /api/v1/profiles/search', 'GET /api/v1/profiles/status']}
      commands={[
        'thalweg profiles find ada@example.com',
        'thalweg profiles search Lovelace',
        'thalweg profiles status',
      ]}
    >
      <StatusStats />
      <PeopleTabs />
      <FilterBar>
        <TextFilter
          label="Search"
          value={String(said)}
          placeholder="E-mail address, external id, any value…"
          width={300}
          change={(typed) => change({ value: typed })}
        />
        <ChoiceFilter
          label="Where"
          value={look}
          all="In identifiers"
          choices={[
            { value: VALUES, label: 'In values of all fields' },
            ...fields.map(({ name }) => ({ value: name, label: `In ${name}` })),
          ]}
          change={(where) => change({ look: where })}
        />
      </FilterBar>
      {text === '' ? (
        <Everybody />
      ) : look === '' ? (
        <ByIdentifier text={text} elsewhere={() => change({ look: VALUES })} />
      ) : (
        <ByValue key={`${text} ${look}`} text={text} {...(look === VALUES ? {} : { field: look })} />
      )}
    </Page>
  )
}

function Everybody() {
  const { rows, result } = usePages<{ profiles: ProfileAnswer[] }, ProfileAnswer>('/profiles', {
    query: { limit: PAGE },
    rows: ({ profiles }) => profiles,
    next: ({ profiles }) => (profiles.length < PAGE ? undefined : { after: profiles.at(-1)?.id ?? 0 }),
  })
  return (
    <Answer of={result}>
      {() => (
        <PeopleTable
          rows={rows}
          paged={result}
          empty={
            <Empty title="Nobody yet">
              A profile comes about with the first record of a stream that names somebody: rows sent to
              <code> /collect/json/braze_users</code>, files that are imported, or Currents events once the
              stream braze_events is on.
            </Empty>
          }
        />
      )}
    </Answer>
  )
}

/** As they are typed: an identifier that is whole comes first, then those that begin so. */
function ByIdentifier({ text, elsewhere }: { text: string; elsewhere: () => void }) {
  const exact = useAnswer<{ profiles: ProfileAnswer[] }>('/profiles', { query: { value: text }, keep: true })
  const begins = useAnswer<{ profiles: ProfileAnswer[] }>('/profiles', {
    query: { value: text, begins: true, limit: PAGE },
    keep: true,
  })
  return (
    <Answer of={exact}>
      {({ profiles }) => {
        const first = new Set(profiles.map(({ id }) => id))
        const rows = [...profiles, ...(begins.data?.profiles ?? []).filter(({ id }) => !first.has(id))]
        return (
          <PeopleTable
            rows={rows}
            empty={
              <Empty
                title={`No identifier begins with ${text}`}
                action={
                  <Button size="xs" variant="default" onClick={elsewhere}>
                    Look in values of all fields
                  </Button>
                }
              >
                Identifiers are found by how they begin. Names, cities and everything else are looked for in
                the values.
              </Empty>
            }
          />
        )
      }}
    </Answer>
  )
}

/** Goes through everybody, page by page, until the table is full; then on as it is scrolled. */
function ByValue({ text, field }: { text: string; field?: string }) {
  const [stopped, setStopped] = useState(false)
  const [looked, setLooked] = useState<[at: number, of: number]>([0, 0])
  const { rows, result } = usePages<ProfileSearchAnswer, ProfileAnswer>('/profiles/search', {
    query: { text, field, limit: PAGE },
    rows: ({ profiles }) => profiles,
    next: ({ next }) => (next === null || stopped ? undefined : { after: next }),
  })
  const pages = (result.data as { pages?: ProfileSearchAnswer[] } | undefined)?.pages
  const last = pages?.at(-1)
  useEffect(() => {
    if (last !== undefined) setLooked([last.next ?? last.last, last.last])
  }, [last])
  const [at, of] = looked
  const busy = result.isFetching || (result.hasNextPage && rows.length < PAGE)
  return (
    <>
      <Group gap="md" mih={28}>
        <Text size="sm" c="dimmed" role="status">
          {at >= of
            ? `All ${count(of)} were looked through`
            : `${count(at)} of ${count(of)} were looked through${stopped ? ', then stopped' : ''}`}
        </Text>
        <Progress value={of === 0 ? 0 : (at / of) * 100} w={160} size="sm" aria-label="Looked through" />
        {busy && !stopped && at < of && (
          <Button size="compact-xs" variant="default" onClick={() => setStopped(true)}>
            Stop
          </Button>
        )}
        {stopped && (
          <Button size="compact-xs" variant="default" onClick={() => setStopped(false)}>
            Go on
          </Button>
        )}
      </Group>
      <Answer of={result}>
        {() => (
          <PeopleTable
            rows={rows}
            paged={result}
            empty={
              <Empty title={`Nobody has ${text} in ${field ?? 'a value'}`}>
                Letters of either case count.
              </Empty>
            }
          />
        )}
      </Answer>
    </>
  )
}
