/** Another version of an audience; whom it would move is shown before it is saved. */

import { Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { Answer, Waiting } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'
import type { PartProps } from './audience-page.tsx'
import { DefinitionForm, type Naming } from './definition-form.tsx'
import { useDraft } from './draft.ts'
import { type KnownParts, useKnown } from './known.ts'
import { Identifiers } from './person.tsx'
import { usePreview } from './preview.ts'
import { RuleEditor } from './rule-editor.tsx'

export function EditPart({ audience }: PartProps) {
  const known = useKnown(audience.slug)
  return known === undefined ? <Waiting lines={8} /> : <Edit audience={audience} known={known} />
}

function Edit({ audience, known }: PartProps & { known: KnownParts }) {
  // What somebody else saves in the meantime does not change what is being written.
  const [begun] = useState(audience)
  const [naming, setNaming] = useState<Naming>(begun)
  const [note, setNote] = useState('')
  const draft = useDraft(begun.filter, known)
  const isSame =
    draft.text === begun.filter &&
    naming.name === begun.name &&
    naming.slug === begun.slug &&
    naming.description === begun.description
  const { name, slug, description } = naming
  const save = useChange({
    method: 'PUT',
    path: () => at`/audiences/${begun.number}`,
    body: () => ({
      definition: { name, description, filter: draft.text, ...(slug === '' ? {} : { slug }) },
      note,
    }),
    changes: ['/audiences'],
    leadsTo: () => at`/audiences/${slug === '' ? begun.slug : slug}`,
    done: () => told('The new version is kept. Everybody is being judged by it'),
  })
  return (
    <Stack gap="md">
      {audience.version !== begun.version && (
        <Text size="sm" role="status" c="var(--tw-wait)">
          Version {audience.version} was saved by {audience.author} while this is being written; saving puts
          this on top of it.
        </Text>
      )}
      <DefinitionForm value={naming} onChange={setNaming} slugBefore={begun.slug} />
      <RuleEditor draft={draft} known={known} against={begun.slug} />
      <Group align="flex-end">
        <TextInput
          label="Note to this version"
          placeholder="What changes, and why"
          w={320}
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        <ConfirmButton
          label="Save as a new version"
          deed="Save"
          disabled={draft.reading === undefined || isSame}
          onConfirm={save.mutateAsync}
        >
          <WouldMove filter={draft.reading?.filter} against={begun.slug} />
        </ConfirmButton>
      </Group>
    </Stack>
  )
}

/** So many are looked at before a version is saved. */
const LOOK = 200_000

function WouldMove({ filter, against }: { filter: string | undefined; against: string }) {
  const preview = usePreview({ filter, against, look: LOOK })
  return (
    <Answer of={preview} lines={3}>
      {({ change, size, exact }) => {
        const about = exact ? '' : 'about '
        const entered = change?.entered ?? 0
        const left = change?.left ?? 0
        return (
          <Stack gap="xs">
            <Text>
              {entered === 0 && left === 0
                ? 'Nobody enters or leaves by this.'
                : `${about}${count(entered)} would enter and ${about}${count(left)} would leave.`}{' '}
              The audience would have {about}
              {count(size)} people.
            </Text>
            <Some title="For example, these enter" people={change?.enteredSample ?? []} />
            <Some title="For example, these leave" people={change?.leftSample ?? []} />
            <Text size="sm" c="dimmed">
              Exports of this audience tell their vendors about everybody who moves.
            </Text>
          </Stack>
        )
      }}
    </Answer>
  )
}

const SHOWN_MAX = 5

function Some({ title, people }: { title: string; people: readonly Parameters<typeof Identifiers>[0][] }) {
  if (people.length === 0) return null
  return (
    <div>
      <Title order={3}>{title}</Title>
      {people.slice(0, SHOWN_MAX).map((one) => (
        <Text size="sm" key={JSON.stringify(one.identifiers)}>
          <Identifiers identifiers={one.identifiers} />
        </Text>
      ))}
    </div>
  )
}
