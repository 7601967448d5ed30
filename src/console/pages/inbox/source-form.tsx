/** The settings of a source, to be changed while it works. */

import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { problemsOf, SchemaForm, type Values } from '../../elements/schema-form.tsx'
import type { SourceKindsAnswer } from './new-source.tsx'

export function SourceForm({ source: { name, kind, settings } }: { source: SourceAnswer }) {
  const kinds = useAnswer<SourceKindsAnswer>('/source-kinds')
  const [written, setWritten] = useState<Values>()
  const save = useChange<Values, SourceAnswer>({
    method: 'PUT',
    path: () => at`/sources/${name}`,
    body: (next) => ({ settings: next }),
    changes: ['/sources', '/imports'],
    done: () => {
      setWritten(undefined)
      told('Saved. It holds for the next request.')
    },
  })
  const schema = kinds.data?.kinds.find((one) => one.kind === kind)?.settings
  if (schema === undefined) return null
  const value = written ?? settings
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate(value)
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Title order={2}>Settings</Title>
        {Object.keys(schema.properties ?? {}).length === 0 && (
          <Text size="sm">There is nothing to set for this kind.</Text>
        )}
        <SchemaForm
          schema={schema}
          value={value}
          onChange={setWritten}
          problems={problemsOf(save.error?.details, 'settings')}
        />
        {save.error !== null && <FailureNote error={save.error} />}
        <Group justify="flex-end">
          {written !== undefined && (
            <Button size="sm" variant="default" onClick={() => setWritten(undefined)}>
              As they were
            </Button>
          )}
          <Button size="sm" type="submit" disabled={written === undefined} loading={save.isPending}>
            Save settings
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
