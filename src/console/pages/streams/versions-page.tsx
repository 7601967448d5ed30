/** What the schema was when, and what each version changed. */

import { Button, Group, Stack, Text } from '@mantine/core'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { saveJson } from '../../elements/save-file.ts'
import { When } from '../../elements/when.tsx'
import { differenceOf } from './difference.ts'
import { Difference, SaveVersion } from './save-version.tsx'
import { SchemaTabs } from './schema-tabs.tsx'

const PAGE = 20

export function VersionsPage() {
  const present = useAnswer<SchemaAnswer>('/profile-schema')
  const { rows, result } = usePages<{ versions: SchemaAnswer[] }, SchemaAnswer>('/profile-schema/versions', {
    query: { limit: PAGE },
    rows: ({ versions }) => versions,
    next: ({ versions }) => (versions.length < PAGE ? undefined : { before: versions.at(-1)?.version }),
  })
  return (
    <Page
      title="Versions of the schema"
      up={{ to: '/streams', label: 'Streams' }}
      intro="Every save is a version. An earlier one can be saved again, as a new one."
      calls={['GET /api/v1/profile-schema/versions']}
      commands={['thalweg streams schema']}
    >
      <SchemaTabs />
      <Answer of={result} lines={8}>
        {() => (
          <Stack gap="sm">
            {rows.map((row, i) => (
              <VersionCard key={row.version} version={row} before={rows[i + 1]} present={present.data} />
            ))}
            {result.hasNextPage && (
              <Button
                variant="default"
                size="xs"
                loading={result.isFetchingNextPage}
                onClick={() => void result.fetchNextPage()}
              >
                Earlier versions
              </Button>
            )}
          </Stack>
        )}
      </Answer>
    </Page>
  )
}

interface VersionCardProps {
  readonly version: SchemaAnswer
  /** undefined: it is on the next page, or there is none. */
  readonly before: SchemaAnswer | undefined
  readonly present: SchemaAnswer | undefined
}

function VersionCard({
  version: { version, definition, note, author, savedAt },
  before,
  present,
}: VersionCardProps) {
  return (
    <article className="tw-card" aria-label={`Version ${version}`}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Text fw={600}>
            Version {version}
            {version === present?.version && ', the present one'}
          </Text>
          <Text size="sm" c="dimmed">
            {version === 0 ? (
              'What the hub began with'
            ) : (
              <>
                <When at={savedAt} exact /> by {author || 'nobody named'}
              </>
            )}
            {note !== '' && `: ${note}`}
          </Text>
        </div>
        {present !== undefined && version !== present.version && (
          <SaveVersion
            label="Save again"
            size="compact-sm"
            variant="default"
            before={present.definition}
            after={definition}
          />
        )}
      </Group>
      {before !== undefined && <Difference lines={differenceOf(before.definition, definition)} />}
      <Button
        size="compact-xs"
        variant="subtle"
        onClick={() => saveJson(`profile-schema-${version}.json`, definition)}
      >
        Download as JSON
      </Button>
    </article>
  )
}
