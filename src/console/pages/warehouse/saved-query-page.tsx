/** One saved query with its versions. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import type { SavedQueryAnswer } from '../../../api/routes/queries.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'
import { addSheet } from './sheets.ts'
import { WarehouseTabs } from './warehouse-tabs.tsx'

type Version = Omit<SavedQueryAnswer, 'name' | 'createdAt'>

export function SavedQueryPage() {
  const { query: name = '' } = useParams({ strict: false }) as { query?: string }
  const navigate = useNavigate()
  const versions = useAnswer<{ versions: Version[] }>(at`/queries/${name}/versions`)
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/queries/${name}`,
    changes: ['/queries'],
    leadsTo: () => '/warehouse/queries',
    done: () => told(`${name} is deleted`),
  })
  return (
    <Page
      title={name}
      up={{ to: '/warehouse/queries', label: 'Saved queries' }}
      intro={versions.data?.versions[0]?.description}
      actions={
        <>
          <ConfirmButton label="Delete query" variant="default" onConfirm={remove.mutateAsync}>
            <Text>
              All {versions.data?.versions.length ?? ''} versions of {name} go. Activations that send it fail
              from their next run on.
            </Text>
          </ConfirmButton>
          <Button component={Link} to="/warehouse" search={{ saved: name } as never}>
            Open in the editor
          </Button>
        </>
      }
      calls={[`GET /api/v1${at`/queries/${name}/versions`}`]}
      commands={[`thalweg queries show ${name}`, `thalweg queries run ${name}`]}
    >
      <WarehouseTabs at="/warehouse/queries" />
      <Answer of={versions}>
        {({ versions: all }) => (
          <Stack gap="sm">
            {all.map(({ version, engine, sql, author, savedAt, description }) => (
              <section key={version} className="tw-card" aria-label={`Version ${version}`}>
                <Group justify="space-between" mb="xs">
                  <div>
                    <Title order={2}>Version {version}</Title>
                    <Text size="sm" c="dimmed">
                      For {engine}, <When at={savedAt} exact /> by {author || 'somebody'}
                      {description !== '' && `: ${description}`}
                    </Text>
                  </div>
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => {
                      addSheet({ engine, sql })
                      void navigate({ to: '/warehouse' })
                    }}
                  >
                    Open this version
                  </Button>
                </Group>
                <JsonView value={sql} label={`SQL of version ${version}`} height="300px" />
              </section>
            ))}
          </Stack>
        )}
      </Answer>
    </Page>
  )
}
