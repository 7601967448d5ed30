/** What a channel says, as a form; the authorization is chosen among those of its provider. */

import { Anchor, NativeSelect, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ChannelKindAnswer } from '../../../api/routes/alert-channels.ts'
import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import { useAnswer } from '../../api/queries.ts'
import { type JsonSchema, SchemaForm, type Values } from '../../elements/schema-form.tsx'

export interface ChannelFormProps {
  readonly kind: ChannelKindAnswer
  readonly value: Values
  readonly onChange: (value: Values) => void
  readonly problems: Readonly<Record<string, string>>
}

export function ChannelForm({ kind, value, onChange, problems }: ChannelFormProps) {
  const { data } = useAnswer<{ authorizations: AuthorizationAnswer[] }>('/authorizations')
  const fitting = (data?.authorizations ?? []).filter(({ provider }) => provider === kind.provider)
  return (
    <Stack gap="sm" maw={640}>
      <NativeSelect
        label="Authorization"
        description={
          <Text component="span" size="xs">
            Credentials of the provider {kind.provider}.{' '}
            <Anchor component={Link} to={`/authorizations/new/${kind.provider}`} inherit>
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
      <SchemaForm
        schema={kind.definition as JsonSchema}
        value={value}
        onChange={onChange}
        problems={problems}
        without={['kind', 'authorization']}
      />
    </Stack>
  )
}
