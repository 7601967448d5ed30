/** The authorization that a destination is written to with: one that is kept, or a new one made on the spot. */

import { Button, Fieldset, Group, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AuthorizationAnswer } from '../../../../api/routes/authorizations.ts'
import { useAnswer, useChange } from '../../../api/queries.ts'
import { FailureNote } from '../../../elements/answer.tsx'
import { told } from '../../../elements/notices.ts'
import { type JsonSchema, problemsOf, SchemaForm, type Values } from '../../../elements/schema-form.tsx'

export interface AuthorizationFieldProps {
  readonly provider: string
  /** Of the destination, for people. */
  readonly title: string
  /** Of the credentials. */
  readonly schema: JsonSchema
  readonly value: string | null
  readonly problem: string | undefined
  readonly onChange: (authorization: string | null) => void
}

const HEALTH: Readonly<Record<string, string>> = {
  good: 'accepted when last used',
  bad: 'refused when last used',
  unknown: 'not tried yet',
}

export function AuthorizationField(props: AuthorizationFieldProps) {
  const { provider, title, schema, value, problem, onChange } = props
  const { data } = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const fitting = (data?.authorizations ?? []).filter((one) => one.provider === provider)
  const [making, setMaking] = useState(false)
  const optional = (schema.required ?? []).length === 0
  const none = optional ? 'None: it takes events from anybody' : 'Choose one'
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <NativeSelect
          label="Authorization"
          description={`Credentials for ${title}, kept sealed`}
          required={!optional}
          miw={280}
          value={value ?? ''}
          error={problem}
          data={[
            {
              value: '',
              label: data !== undefined && fitting.length === 0 && !optional ? 'None is kept yet' : none,
            },
            ...fitting.map(({ id, label, health }) => ({ value: id, label: `${label} (${HEALTH[health]})` })),
          ]}
          onChange={({ currentTarget }) => onChange(currentTarget.value === '' ? null : currentTarget.value)}
        />
        {!making && (
          <Button variant="default" onClick={() => setMaking(true)}>
            New authorization
          </Button>
        )}
      </Group>
      {making && (
        <NewAuthorization
          {...props}
          done={(id) => {
            setMaking(false)
            if (id !== undefined) onChange(id)
          }}
        />
      )}
    </Stack>
  )
}

interface NewAuthorizationProps extends Pick<AuthorizationFieldProps, 'provider' | 'title' | 'schema'> {
  /** undefined: nothing was made. */
  readonly done: (id: string | undefined) => void
}

function NewAuthorization({ provider, title, schema, done }: NewAuthorizationProps) {
  const [label, setLabel] = useState(title)
  const [credentials, setCredentials] = useState<Values>({})
  const making = useChange<void, AuthorizationAnswer>({
    method: 'POST',
    path: () => '/authorizations',
    body: () => ({ label, provider, credentials }),
    changes: ['/authorizations'],
    done: (made) => {
      told(`Kept the authorization ${made.label}`)
      done(made.id)
    },
  })
  const { details } = (making.error ?? {}) as { details?: unknown }
  return (
    <Fieldset legend="New authorization" maw={560}>
      <Stack gap="sm">
        <TextInput
          label="Label"
          required
          value={label}
          error={problemsOf(details).label}
          onChange={({ currentTarget }) => setLabel(currentTarget.value)}
        />
        <SchemaForm
          schema={schema}
          value={credentials}
          onChange={setCredentials}
          problems={problemsOf(details, 'credentials')}
          secret
        />
        {making.error !== null && <FailureNote error={making.error} />}
        <Group gap="xs">
          <Button
            size="sm"
            loading={making.isPending}
            disabled={label === ''}
            onClick={() => making.mutate()}
          >
            Keep it
          </Button>
          <Button size="sm" variant="default" onClick={() => done(undefined)}>
            Leave it
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  )
}
