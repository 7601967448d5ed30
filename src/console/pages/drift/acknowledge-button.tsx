/** Says of findings that they are known; a new type is then known with its fields as they are. */

import { Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { call } from '../../api/client.ts'
import { askAnew } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'

/** Findings by their ids, or all that match and were first seen until `until`. */
export type Acknowledged =
  | { readonly ids: readonly string[] }
  | {
      readonly filter: { readonly source?: string; readonly eventType?: string; readonly finding?: string }
      readonly until: number
    }

export interface AcknowledgeButtonProps {
  readonly which: Acknowledged
  /** How many they are; undefined: all that match. */
  readonly many: number | undefined
  readonly done?: () => void
}

/** Of one call. */
const IDS_MAX = 1_000

export function AcknowledgeButton({ which, many, done }: AcknowledgeButtonProps) {
  const [note, setNote] = useState('')
  const act = async (): Promise<void> => {
    let acknowledged = 0
    const bodies =
      'ids' in which
        ? Array.from({ length: Math.ceil(which.ids.length / IDS_MAX) }, (_, i) => ({
            ids: which.ids.slice(i * IDS_MAX, (i + 1) * IDS_MAX),
          }))
        : [which]
    for (const body of bodies) {
      const answer = await call<{ acknowledged: number }>('POST', '/drift/acknowledge', {
        body: { ...body, note },
      })
      acknowledged += answer.acknowledged
    }
    await askAnew(['/drift', '/inbox'])
    told(`${count(acknowledged)} ${acknowledged === 1 ? 'finding is' : 'findings are'} acknowledged.`)
    setNote('')
    done?.()
  }
  return (
    <ConfirmButton label="Acknowledge" variant="filled" onConfirm={act}>
      <Stack gap="sm">
        <Text size="sm">
          {many === undefined ? 'All findings that match' : count(many)}{' '}
          {many === 1 ? 'finding leaves' : 'findings leave'} the list of what is open. Nothing changes in what
          flows: new fields were never held back. A new event type is then known with the fields that it has
          now; what comes later is new again.
        </Text>
        <TextInput
          label="Note (why it is all right, for those who come later)"
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </Stack>
    </ConfirmButton>
  )
}
