/** Undoes a join, after a look at who would be whom. */

import { Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { MergeAnswer } from '../../../api/routes/profiles.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'
import { ChangePreview } from './change-preview.tsx'

export function UndoMerge({ merge: { id, survivor, loser } }: { merge: MergeAnswer }) {
  const [note, setNote] = useState('')
  const path = at`/profiles/merges/${id}/undo`
  const undo = useChange({
    method: 'POST',
    path: () => path,
    body: () => ({ note }),
    changes: ['/profiles', '/audiences'],
    done: () => told(`The join is undone: profile ${count(loser)} is there again.`),
  })
  return (
    <ConfirmButton
      label="Undo"
      deed="Undo the join"
      size="compact-xs"
      variant="default"
      onConfirm={() => undo.mutateAsync()}
    >
      <Stack gap="sm">
        <Text size="sm">
          Profile {count(loser)} comes back with what it had, out of profile {count(survivor)}. The two are
          kept apart from now on, whatever records say.
        </Text>
        <ChangePreview path={path} body={{}} />
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
