/** Names two identifiers that are never to be joined. */

import { Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'

type Named = readonly [field: string, value: string]

/** `given`: of the profile that this is about; the first one is offered. */
export function KeepApart({ given = [] }: { given?: readonly Named[] }) {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const fields = (schema.data?.definition.fields ?? [])
    .filter(({ identifier }) => identifier !== undefined)
    .map(({ name }) => name)
  const [first] = given
  const [one, setOne] = useState<Named>()
  const [other, setOther] = useState<Named>()
  const [note, setNote] = useState('')
  const a = one ?? first ?? [fields[0] ?? '', '']
  const b = other ?? [fields[0] ?? '', '']
  const put = useChange({
    method: 'PUT',
    path: () => '/profiles/never-links',
    body: () => ({ a, b, note }),
    changes: ['/profiles'],
    done: () => {
      told('The two are kept apart from now on.')
      setOther(undefined)
    },
  })
  return (
    <ConfirmButton
      label="Keep two apart"
      deed="Keep apart"
      variant="default"
      onConfirm={() => put.mutateAsync()}
    >
      <Stack gap="sm">
        <Text size="sm">
          No record joins them from now on. Whoever has both already keeps both until the join is undone.
        </Text>
        <Pair label="One identifier" fields={fields} value={a} change={setOne} />
        <Pair label="The other" fields={fields} value={b} change={setOther} />
        <TextInput
          label="Note"
          placeholder="Why, for those who come later"
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </Stack>
    </ConfirmButton>
  )
}

function Pair({
  label,
  fields,
  value: [field, value],
  change,
}: {
  label: string
  fields: readonly string[]
  value: Named
  change: (named: Named) => void
}) {
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <NativeSelect
        label={label}
        data={[...fields]}
        value={field}
        onChange={({ currentTarget }) => change([currentTarget.value, value])}
      />
      <TextInput
        aria-label={`${label}: value`}
        style={{ flex: 1 }}
        value={value}
        onChange={({ currentTarget }) => change([field, currentTarget.value])}
      />
    </Group>
  )
}
