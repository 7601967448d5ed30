/**
 * Redrives or discards chosen letters, after showing how many they are and whose. All that match a filter go in steps of some thousands, so
 * that one sees how far it is and can stop.
 */

import { Anchor, Progress, Stack, Text, TextInput } from '@mantine/core'
import { useRef, useState } from 'react'
import type { ManyAnswer } from '../../../api/letter-bulk.ts'
import { call } from '../../api/client.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'

export interface LetterFilter {
  readonly current?: string
  readonly reason?: string
  readonly eventType?: string
  readonly eventId?: string
}

/** Some letters by their ids, or all dead ones that match. */
export type Which = { readonly ids: readonly string[] } | { readonly filter: LetterFilter }

interface Deed {
  readonly path: string
  readonly label: string
  readonly done: string
  readonly noteLabel: string
}

const DEEDS = {
  redrive: {
    path: '/dead-letters/redrive',
    label: 'Redrive',
    done: 'on the way again',
    noteLabel: 'Note (why, for those who come later)',
  },
  discard: {
    path: '/dead-letters/discard',
    label: 'Discard',
    done: 'discarded',
    noteLabel: 'Why they are discarded',
  },
} as const satisfies Record<string, Deed>

export interface BulkButtonProps {
  readonly deed: keyof typeof DEEDS
  readonly which: Which
  readonly variant?: 'filled' | 'default'
  readonly done?: () => void
}

/** The API's bounds of one call. */
const IDS_AT_ONCE = 1_000
const MATCHING_AT_ONCE = 5_000

export function BulkButton({ deed, which, variant = 'default', done }: BulkButtonProps) {
  const { path, label, done: doneWords, noteLabel } = DEEDS[deed]
  const [note, setNote] = useState('')
  const [changed, setChanged] = useState<number>()
  const stopped = useRef(false)
  const act = async (): Promise<void> => {
    stopped.current = false
    if (deed === 'discard' && note.trim() === '')
      throw new Error('Say why they are discarded: a discarded letter is not sent again.')
    setChanged(0)
    let total = 0
    const refused: string[] = []
    try {
      for (const body of 'ids' in which ? inParts(which.ids) : [{ filter: which.filter }]) {
        let cursor: string | undefined
        do {
          const limits =
            'filter' in body ? { limit: MATCHING_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) } : {}
          const answer = await call<ManyAnswer>('POST', path, { body: { ...body, ...limits, note } })
          total += answer.changed
          refused.push(...answer.refused.map(({ message }) => message))
          cursor = answer.next ?? undefined
          setChanged(total)
        } while (cursor !== undefined && !stopped.current)
      }
    } finally {
      setChanged(undefined)
      await askAnew(['/dead-letters', '/currents'])
    }
    told(`${count(total)} ${total === 1 ? 'letter is' : 'letters are'} ${doneWords}.`)
    const [first] = refused
    if (first !== undefined) throw new Error(`${count(refused.length)} were left as they are. ${first}`)
    setNote('')
    done?.()
  }
  return (
    <ConfirmButton
      label={label}
      deed={`${label} now`}
      variant={variant}
      {...(deed === 'discard' ? { color: 'var(--tw-bad-strong)' } : {})}
      onConfirm={act}
    >
      <Stack gap="sm">
        <Preview path={path} deed={deed} which={which} changed={changed} />
        {changed !== undefined && 'filter' in which && (
          <Anchor component="button" type="button" size="sm" onClick={() => (stopped.current = true)}>
            Stop after this step
          </Anchor>
        )}
        <TextInput
          label={noteLabel}
          value={note}
          required={deed === 'discard'}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </Stack>
    </ConfirmButton>
  )
}

function Preview({
  path,
  deed,
  which,
  changed,
}: {
  path: string
  deed: keyof typeof DEEDS
  which: Which
  changed: number | undefined
}) {
  const body = 'ids' in which ? { ids: which.ids.slice(0, IDS_AT_ONCE) } : which
  const preview = useAnswer<ManyAnswer>(path, {
    body: { ...body, preview: true },
    // What is being changed is not counted anew under the reader's eyes.
    enabled: changed === undefined,
  })
  return (
    <Answer of={preview} lines={3}>
      {({ matched, left, preview: shown }) => {
        const total = 'ids' in which ? which.ids.length : matched + left
        const waiting = shown?.currents.filter(({ state }) => state !== 'running') ?? []
        return (
          <Stack gap="xs">
            <Text>
              <b className="tw-number">{count(total)}</b> {total === 1 ? 'letter' : 'letters'}
              {deed === 'redrive'
                ? ` would be sent again: ${total === 1 ? 'as it was edited, or else as it is' : 'those that were edited as they are now, the others as they came'}.`
                : ` would be set aside for good, and ${total === 1 ? 'stays' : 'stay'} counted as dead.`}
            </Text>
            {shown !== null && shown !== undefined && (
              <>
                <Text size="sm" c="dimmed" component="ul" pl="md" m={0}>
                  {shown.currents.slice(0, 8).map(({ current, state, count: some }) => (
                    <li key={`${current}`}>
                      {current ?? 'deleted currents'}: {count(some)}
                      {state === 'running' || deed === 'discard'
                        ? ''
                        : ` (${state}: they wait until it runs)`}
                    </li>
                  ))}
                  {shown.currents.length > 8 && <li>and {count(shown.currents.length - 8)} more currents</li>}
                </Text>
                {deed === 'redrive' && (
                  <Text size="sm">
                    {shown.edited === 0
                      ? `${total === 1 ? 'It was not' : 'None of them was'} edited: what the vendor refused, it will most likely refuse again.`
                      : `${count(shown.edited)} of ${count(Math.min(matched, total))} ${shown.edited === 1 ? 'was' : 'were'} edited.`}
                  </Text>
                )}
                {deed === 'redrive' && waiting.length > 0 && (
                  <Text size="sm">
                    {waiting.length === 1 ? 'One current does' : `${waiting.length} currents do`} not run now.
                  </Text>
                )}
                {shown.leftOut > 0 && (
                  <Text size="sm">
                    {count(shown.leftOut)} more belong to activations: retry their runs instead.
                  </Text>
                )}
              </>
            )}
            {changed !== undefined && total > 0 && (
              <>
                <Progress value={(changed / total) * 100} aria-label="How far it is" />
                <Text size="sm" role="status">
                  {count(changed)} of {count(total)}
                </Text>
              </>
            )}
          </Stack>
        )
      }}
    </Answer>
  )
}

function inParts(ids: readonly string[]): { ids: readonly string[] }[] {
  const parts: { ids: readonly string[] }[] = []
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) parts.push({ ids: ids.slice(i, i + IDS_AT_ONCE) })
  return parts
}
