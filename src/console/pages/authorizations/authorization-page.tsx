/** One authorization: whether the vendor accepts it, what uses it, a check, a new secret, its end. */

import { Alert, Anchor, Button, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { CheckAnswer } from '../../../api/checks.ts'
import type { AuthorizationAnswer, AuthorizationUse } from '../../../api/routes/authorizations.ts'
import type { ProviderAnswer } from '../../../api/routes/providers.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Facts } from '../../elements/facts.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../elements/schema-form.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { HealthBadge } from './health-badge.tsx'
import { placeOfUse } from './place-of-use.ts'

/** A new secret lets currents go on, and alerts end. */
const CHANGED = ['/authorizations', '/currents', '/exports', '/alerts', '/alert-channels']

export function AuthorizationPage() {
  const { authorization: id = '' } = useParams({ strict: false })
  const answer = useAnswer<AuthorizationAnswer>(at`/authorizations/${id}`, { everyMs: 5_000 })
  const uses = useAnswer<{ uses: AuthorizationUse[] }>(at`/authorizations/${id}/uses`, { everyMs: 5_000 })
  const { data } = answer
  const provider = useAnswer<ProviderAnswer>(at`/providers/${data?.provider ?? ''}`, {
    enabled: data !== undefined,
  })
  return (
    <Page
      title={data?.label ?? 'Authorization'}
      up={{ to: '/authorizations', label: 'Authorizations' }}
      intro={data?.description === '' ? undefined : data?.description}
      beside={data && <HealthBadge of={data} />}
      calls={[
        'GET /api/v1/authorizations/{authorization}',
        'GET /api/v1/authorizations/{authorization}/uses',
        'POST /api/v1/authorizations/{authorization}/check',
        'POST /api/v1/authorizations/{authorization}/rotate',
      ]}
      commands={[`thalweg authorizations check ${id}`, `thalweg authorizations rotate ${id}`]}
      actions={data && uses.data && <Remove authorization={data} uses={uses.data.uses} />}
    >
      <Answer of={answer} lines={8}>
        {(authorization) => (
          <>
            {authorization.health === 'bad' && (
              <Alert color="red" variant="outline" title="The vendor refuses these credentials" role="alert">
                {authorization.healthDetail}
              </Alert>
            )}
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <section className="tw-card" aria-labelledby="kept">
                <Title order={2} id="kept" mb={4}>
                  What is kept
                </Title>
                <Facts
                  label="What is kept"
                  facts={[
                    ['Provider', provider.data?.title ?? authorization.provider],
                    ['Set', authorization.fields.join(', ') || 'nothing'],
                    [
                      'Secret from',
                      <When key="secret" at={authorization.rotatedAt ?? authorization.createdAt} />,
                    ],
                    ['Last heard of', <When key="heard" at={authorization.checkedAt} />],
                    ['Id', authorization.id],
                  ]}
                />
              </section>
              <section className="tw-card" aria-labelledby="uses">
                <Title order={2} id="uses" mb={4}>
                  Where it is used
                </Title>
                <Answer of={uses}>
                  {({ uses: all }) => (
                    <DataTable
                      label="Uses"
                      rows={all}
                      columns={USES}
                      rowKey={({ sort, name }) => `${sort} ${name}`}
                      rowTo={placeOfUse}
                      height="240px"
                      empty={
                        <Empty title="Nothing uses it">Name it in a current, an export or an engine.</Empty>
                      }
                    />
                  )}
                </Answer>
              </section>
              <Answer of={provider}>
                {(of) => <Rotation authorization={authorization} provider={of} />}
              </Answer>
              <Answer of={provider}>{(of) => <Check authorization={authorization} provider={of} />}</Answer>
            </SimpleGrid>
          </>
        )}
      </Answer>
    </Page>
  )
}

const USES: readonly Column<AuthorizationUse>[] = [
  { id: 'name', header: 'Name', cell: ({ name }) => name },
  { id: 'sort', header: 'What', cell: ({ sort }) => spoken(sort) },
  { id: 'state', header: 'State', cell: ({ state }) => (state === '' ? '–' : <StateBadge state={state} />) },
]

interface PartProps {
  readonly authorization: AuthorizationAnswer
  readonly provider: ProviderAnswer
}

function Rotation({ authorization, provider }: PartProps) {
  const [credentials, setCredentials] = useState<Values>({})
  const rotate = useChange<void>({
    method: 'POST',
    path: () => at`/authorizations/${authorization.id}/rotate`,
    body: () => ({ credentials }),
    changes: CHANGED,
    done: () => {
      setCredentials({})
      told('The new secret is in use')
    },
  })
  return (
    <section className="tw-card" aria-labelledby="rotate">
      <Title order={2} id="rotate" mb={4}>
        New secret
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Replaces all fields at once. Whoever uses them takes the new ones in the same moment; what is halted
        tries at once.
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          rotate.mutate()
        }}
      >
        <Stack gap="sm">
          <SchemaForm
            schema={provider.credentials as JsonSchema}
            value={credentials}
            onChange={setCredentials}
            problems={problemsOf(rotate.error?.details, 'credentials')}
            secret
          />
          {rotate.error !== null && <FailureNote error={rotate.error} />}
          <Group>
            <Button type="submit" loading={rotate.isPending}>
              Replace the secret
            </Button>
          </Group>
        </Stack>
      </form>
    </section>
  )
}

function Check({ authorization, provider }: PartProps) {
  const [settings, setSettings] = useState<Values>({})
  const check = useChange<void, CheckAnswer>({
    method: 'POST',
    path: () => at`/authorizations/${authorization.id}/check`,
    body: () => ({ settings }),
    changes: ['/authorizations'],
  })
  return (
    <section className="tw-card" aria-labelledby="check">
      <Title order={2} id="check" mb={4}>
        Check
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Tries the credentials at the place named below, as closely as is safe, and notes what the vendor
        thinks of them.
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          check.mutate()
        }}
      >
        <Stack gap="sm">
          <SchemaForm
            schema={provider.settings as JsonSchema}
            value={settings}
            onChange={setSettings}
            problems={problemsOf(check.error?.details, 'settings')}
          />
          {check.error !== null && <FailureNote error={check.error} />}
          {check.data !== undefined && (
            <Alert
              role="status"
              variant="outline"
              color={check.data.ok ? 'river' : 'red'}
              title={check.data.ok ? 'Accepted' : 'Not accepted'}
            >
              <Text size="sm">{check.data.message}</Text>
              {check.data.answer !== null && check.data.answer !== '' && (
                <pre className="tw-code">{check.data.answer}</pre>
              )}
            </Alert>
          )}
          <Group>
            <Button type="submit" variant="default" loading={check.isPending}>
              Check now
            </Button>
          </Group>
        </Stack>
      </form>
    </section>
  )
}

function Remove({
  authorization: { id, label },
  uses,
}: {
  authorization: AuthorizationAnswer
  uses: readonly AuthorizationUse[]
}) {
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/authorizations/${id}`,
    changes: ['/authorizations'],
    leadsTo: () => '/authorizations',
  })
  return (
    <ConfirmButton
      label="Remove"
      variant="default"
      deed={`Remove ${label}`}
      onConfirm={() => remove.mutateAsync()}
    >
      {uses.length === 0 ? (
        <Text size="sm">Nothing uses {label}. Its credentials are gone for ever afterwards.</Text>
      ) : (
        <Stack gap={4}>
          <Text size="sm">
            This will be refused while it is used. Give these another authorization first:
          </Text>
          {uses.map((use) => (
            <Anchor key={`${use.sort} ${use.name}`} component={Link} to={placeOfUse(use)} size="sm">
              {use.sort} {use.name}
            </Anchor>
          ))}
        </Stack>
      )}
    </ConfirmButton>
  )
}
