import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import type { SavedQueryAnswer } from '../../../api/routes/queries.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { changeSheet, type Sheet } from './sheets.ts'

/** Keeps the text of a sheet under a name; of one that has its name, a further version. */
export function SaveButton({ sheet: { id, sql, engine, saved } }: { sheet: Sheet }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [name, setName] = useState(saved ?? '')
  const [description, setDescription] = useState('')
  const isVersion = saved !== undefined && name === saved
  const save = useChange<void, SavedQueryAnswer>({
    method: isVersion ? 'PATCH' : 'POST',
    path: () => (isVersion ? at`/queries/${name}` : '/queries'),
    body: () => ({
      ...(isVersion ? {} : { name }),
      ...(description === '' ? {} : { description }),
      ...{ engine, sql },
    }),
    changes: ['/queries'],
    done: ({ name: kept, version }) => {
      changeSheet(id, { saved: kept })
      told(version === 1 ? `${kept} is saved` : `Version ${version} of ${kept} is saved`)
      close()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <>
      <Button size="xs" variant="default" disabled={sql.trim() === ''} onClick={open}>
        Save
      </Button>
      <Modal opened={opened} onClose={close} title="Save the query" centered>
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label="Name"
              data-autofocus
              required
              description="Letters, digits, dots, - and _"
              value={name}
              onChange={({ currentTarget }) => setName(currentTarget.value)}
            />
            <TextInput
              label="Description"
              value={description}
              onChange={({ currentTarget }) => setDescription(currentTarget.value)}
            />
            {isVersion && (
              <Text size="sm" c="dimmed">
                This becomes a new version of {saved}; the earlier ones stay.
              </Text>
            )}
            {save.error !== null && <FailureNote error={save.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Leave it
              </Button>
              <Button type="submit" loading={save.isPending} disabled={name === ''}>
                {isVersion ? 'Save version' : 'Save query'}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  )
}
