import { Button, Group, TextInput } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import type { ApiFailure } from '../api/client.ts'
import { FailureNote } from './answer.tsx'

export interface RevisionFormProps {
  /** The fields of what is changed. */
  readonly children: ReactNode
  readonly note: string
  readonly setNote: (note: string) => void
  readonly save: { mutate(): void; readonly isPending: boolean; readonly error: ApiFailure | null }
}

/** What is changed, why, and the button that saves it as a new version. The API checks; what it refused is shown above the button. */
export function RevisionForm({ children, note, setNote, save }: RevisionFormProps) {
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      {children}
      {save.error !== null && <FailureNote error={save.error} />}
      <Group mt="md" align="flex-end">
        <TextInput
          label="Note"
          description="Why, for those who come later"
          w={320}
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        <Button type="submit" loading={save.isPending}>
          Save as a new version
        </Button>
      </Group>
    </form>
  )
}
