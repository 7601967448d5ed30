/** What a channel says, as a form; the authorization is chosen among those of its provider. */

import { Anchor, NativeSelect, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ChannelKindAnswer } from '../../../api/routes/alert-channels.ts'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import { useAnswer } from '../../api/queries.ts'
import { type JsonSchema, SchemaForm, type Values } from '../../elements/schema-form.tsx'

/** What it is called and where it is; whom it tells of what comes below the credentials. It is switched on and off beside its name. */
const FIRST = ['name', 'settings']

export interface ChannelFormProps {
  readonly kind: ChannelKindAnswer
  readonly value: Values
  readonly onChange: (value: Values) => void
  readonly problems: Readonly<Record<string, string>>
}

export function ChannelForm({ kind, value, onChange, problems }: ChannelFormProps) {
  const { data } = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const fitting = (data?.authorizations ?? []).filter(({ provider }) => provider === kind.provider)
  const schema = kind.definition as JsonSchema
  const names = Object.keys(schema.properties ?? {})
  const form = { schema, value, onChange, problems }
  return (
    <Stack gap="sm" maw={640}>
      <SchemaForm {...form} without={names.filter((name) => !FIRST.includes(name))} />
      <NativeSelect
        label="Authorization"
        description={
          <Text component="span" size="xs">
            Credentials of the provider {kind.provider}.{' '}
            <Anchor underline="always" component={Link} to={`/authorizations/new/${kind.provider}`} inherit>
              Keep new ones
            </Anchor>
          </Text>
        }
        error={problems.authorization}
        data={[{ value: '', label: 'None' }, ...fitting.map(({ id, label }) => ({ value: id, label }))]}
        value={typeof value.authorization === 'string' ? value.authorization : ''}
        onChange={({ currentTarget }) =>
          onChange({ ...value, authorization: currentTarget.value === '' ? null : currentTarget.value })
        }
      />
      <SchemaForm {...form} without={['kind', 'authorization', 'enabled', ...FIRST]} />
    </Stack>
  )
}
