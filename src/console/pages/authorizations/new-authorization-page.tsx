/** Credentials are given here once. */

import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import type { ProviderAnswer } from '../../../api/routes/providers.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../elements/schema-form.tsx'

export function NewAuthorizationPage() {
  const { provider: name = '' } = useParams({ strict: false })
  const answer = useAnswer<ProviderAnswer>(at`/providers/${name}`)
  return (
    <Page
      title={answer.data === undefined ? 'New authorization' : `New authorization: ${answer.data.title}`}
      up={{ to: '/authorizations/new', label: 'Providers' }}
      intro={answer.data?.description}
      calls={['GET /api/v1/providers/{provider}', 'POST /api/v1/authorizations']}
      commands={[`thalweg authorizations create --provider ${name} --label …`]}
    >
      <Answer of={answer}>{(provider) => <NewAuthorization provider={provider} />}</Answer>
    </Page>
  )
}

function NewAuthorization({ provider }: { provider: ProviderAnswer }) {
  const [label, setLabel] = useState(provider.title)
  const [description, setDescription] = useState('')
  const [credentials, setCredentials] = useState<Values>({})
  const create = useChange<void, AuthorizationAnswer>({
    method: 'POST',
    path: () => '/authorizations',
    body: () => ({ label, description, provider: provider.name, credentials }),
    changes: ['/authorizations'],
    leadsTo: ({ id }) => at`/authorizations/${id}`,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate()
      }}
    >
      <Stack gap="sm" maw={560}>
        <TextInput
          label="Label"
          description="What it is called wherever it is chosen."
          required
          maxLength={200}
          value={label}
          onChange={({ currentTarget }) => setLabel(currentTarget.value)}
        />
        <Textarea
          label="Description"
          autosize
          maxLength={2_000}
          value={description}
          onChange={({ currentTarget }) => setDescription(currentTarget.value)}
        />
        <SchemaForm
          schema={provider.credentials as JsonSchema}
          value={credentials}
          onChange={setCredentials}
          problems={problemsOf(create.error?.details, 'credentials')}
          secret
        />
        <Text size="xs" c="dimmed">
          Sealed with AES-256-GCM in the store. No page, answer or log shows them again.
        </Text>
        {create.error !== null && <FailureNote error={create.error} />}
        <Group>
          <Button type="submit" loading={create.isPending}>
            Keep these credentials
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
