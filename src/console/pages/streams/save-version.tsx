/** Saves a schema as a new version, after a look at what is otherwise. */

import { List, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { differenceOf } from './difference.ts'
import type { Definition } from './field-kinds.ts'

export interface SaveVersionProps {
  readonly label: string
  readonly before: Definition
  readonly after: Definition
  readonly disabled?: boolean
  readonly size?: string
  readonly variant?: string
  readonly saved?: () => void
}

export function SaveVersion({
  label,
  before,
  after,
  disabled = false,
  size,
  variant,
  saved,
}: SaveVersionProps) {
  const [note, setNote] = useState('')
  const save = useChange({
    method: 'PUT',
    path: () => '/profile-schema',
    body: () => ({ definition: after, note }),
    changes: ['/profile-schema', '/profiles'],
    done: () => {
      setNote('')
      told('Saved: it counts from the next record on.')
      saved?.()
    },
  })
  return (
    <ConfirmButton
      label={label}
      deed="Save the version"
      disabled={disabled}
      {...(size === undefined ? {} : { size })}
      {...(variant === undefined ? {} : { variant })}
      onConfirm={() => save.mutateAsync()}
    >
      <Stack gap="sm">
        <Text size="sm">
          It counts from the next record on. What profiles have already stays until the stream is read again.
        </Text>
        <Difference lines={differenceOf(before, after)} />
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

export function Difference({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Nothing is otherwise.
      </Text>
    )
  return (
    <List size="sm" aria-label="Difference" style={{ overflowWrap: 'anywhere' }}>
      {lines.map((line) => (
        <List.Item key={line}>{line}</List.Item>
      ))}
    </List>
  )
}
