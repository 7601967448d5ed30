/** Query engines: what SQL can be asked of. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { EngineAnswer } from '../../../api/routes/engines.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { AddEngine } from './add-engine.tsx'
import { WarehouseTabs } from './warehouse-tabs.tsx'

interface Check {
  readonly ok: boolean
  readonly message: string
}

export function EnginesPage() {
  const engines = useAnswer<{ engines: EngineAnswer[] }>('/engines')
  const [adding, { open, close }] = useDisclosure(false)
  return (
    <Page
      title="Engines"
      intro="Databases that can be asked. The hub reads with the rights of the authorization: give it a user that may only read."
      actions={<Button onClick={open}>Add engine</Button>}
      calls={['GET /api/v1/engines', 'POST /api/v1/engines', 'POST /api/v1/engines/{engine}/check']}
      commands={[
        'thalweg engines list',
        'thalweg engines add <name> --kind postgres',
        'thalweg engines check <name>',
      ]}
    >
      <WarehouseTabs at="/warehouse/engines" />
      <AddEngine opened={adding} close={close} />
      <Answer of={engines}>
        {({ engines: all }) => (
          <Stack gap="sm">
            {all.map((engine) => (
              <Engine key={engine.name} engine={engine} />
            ))}
          </Stack>
        )}
      </Answer>
    </Page>
  )
}

function Engine({
  engine: { name, kind, builtIn, settings, description, updatedAt },
}: {
  engine: EngineAnswer
}) {
  const check = useChange<void, Check>({
    method: 'POST',
    path: () => at`/engines/${name}/check`,
    changes: ['/authorizations'],
  })
  const remove = async (): Promise<void> => {
    await call('DELETE', at`/engines/${name}`)
    await askAnew(['/engines'])
  }
  const about = Object.entries(settings).map(([key, value]) => `${key} ${String(value)}`)
  return (
    <section className="tw-card" aria-label={name}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Group gap="sm">
            <Title order={2}>{name}</Title>
            <Text size="sm" c="dimmed">
              {kind}
            </Text>
            {builtIn && <StateBadge state="built in" />}
          </Group>
          <Text size="sm">
            {builtIn ? 'The embedded warehouse: what the warehouse destination writes.' : description}
          </Text>
          {about.length > 0 && (
            <Text size="sm" c="dimmed">
              {about.join(', ')}
              {updatedAt !== null && (
                <>
                  , changed <When at={updatedAt} />
                </>
              )}
            </Text>
          )}
        </div>
        <Group gap="xs">
          <Button size="xs" variant="default" loading={check.isPending} onClick={() => check.mutate()}>
            Check
          </Button>
          {!builtIn && (
            <ConfirmButton label="Disconnect" size="xs" variant="default" onConfirm={remove}>
              <Text>
                {name} can no longer be asked. Saved queries and segments that name it stay, and fail until it
                is back.
              </Text>
            </ConfirmButton>
          )}
        </Group>
      </Group>
      <div role="status">
        {check.data !== undefined && (
          <Text size="sm" mt="xs">
            <StateBadge state={check.data.ok ? 'ok' : 'failed'} /> {check.data.message}
          </Text>
        )}
      </div>
      {check.error !== null && <FailureNote error={check.error} />}
    </section>
  )
}
