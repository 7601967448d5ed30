/** Copies of this hub, made while it works. */

import { Alert, Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { BackupAnswer, BackupsAnswer } from '../../../api/routes/backups.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, duration } from '../../elements/words.ts'
import { SystemTabs } from './system-tabs.tsx'

export function BackupsPage() {
  const answer = useAnswer<BackupsAnswer>('/system/backups', { everyMs: 2_000 })
  return (
    <Page
      title="Backups"
      intro="Consistent copies, made while everything goes on, and read again before they count. A restored hub goes on from there; its books balance."
      calls={[
        'GET /api/v1/system/backups',
        'POST /api/v1/system/backups',
        'DELETE /api/v1/system/backups/{backup}',
      ]}
      commands={['thalweg backup', 'thalweg restore <folder> --data <empty folder>']}
      actions={<MakeOne isBusy={answer.data?.underWay != null} />}
    >
      <SystemTabs active="backups" />
      <Answer of={answer}>
        {(data) => (
          <>
            <Notes answer={data} />
            <DataTable
              label="Backups"
              rows={data.backups}
              columns={COLUMNS}
              rowKey={({ id }) => id}
              empty={
                <Empty title="No backups yet">
                  They lie in {data.folder}; the newest {count(data.kept)} are kept. Put them on another disk
                  with THALWEG_BACKUPS.
                </Empty>
              }
            />
          </>
        )}
      </Answer>
    </Page>
  )
}

function Notes({ answer: { underWay, lastFailure, storeNote } }: { answer: BackupsAnswer }) {
  return (
    <Stack gap="xs">
      {underWay !== null && (
        <Alert role="status" variant="outline" color="river" title="A backup is being made">
          {underWay.step === 'checking' ? 'Reading every copy again' : `Copying: ${underWay.step}`},{' '}
          {count(underWay.filesDone)} files, {bytes(underWay.bytesDone)} so far; begun{' '}
          <When at={underWay.startedAt} />.
        </Alert>
      )}
      {lastFailure !== null && (
        <Alert role="alert" variant="outline" color="red" title="The last backup could not be made">
          {lastFailure.message} (<When at={lastFailure.at} />)
        </Alert>
      )}
      {storeNote !== null && (
        <Alert variant="outline" color="river" title="Not in these backups">
          {storeNote}
        </Alert>
      )}
    </Stack>
  )
}

function MakeOne({ isBusy }: { isBusy: boolean }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [note, setNote] = useState('')
  const [withKey, setWithKey] = useState(false)
  const start = useChange({
    method: 'POST',
    path: () => '/system/backups',
    body: () => ({ note, withKey }),
    changes: ['/system'],
    done: () => {
      close()
      told('The backup is being made')
    },
  })
  return (
    <>
      <Button size="sm" disabled={isBusy} onClick={open}>
        Make a backup
      </Button>
      <Modal opened={opened} onClose={close} title="Make a backup" centered>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            start.mutate()
          }}
        >
          <Stack>
            <Text size="sm">
              Doors and delivery go on. Runs of activations and queries of the embedded warehouse wait for
              moments.
            </Text>
            <TextInput
              label="Note"
              description="Why, for those who come later."
              value={note}
              onChange={({ currentTarget }) => setNote(currentTarget.value)}
            />
            <Checkbox
              label="With the sealing key"
              description="Then whoever has the backup has the credentials. Without it, keep the key elsewhere."
              checked={withKey}
              onChange={({ currentTarget }) => setWithKey(currentTarget.checked)}
            />
            {start.error !== null && <FailureNote error={start.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Leave it
              </Button>
              <Button type="submit" loading={start.isPending}>
                Begin
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  )
}

function Remove({ backup: { id, finishedAt, bytes: size } }: { backup: BackupAnswer }) {
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/system/backups/${id}`,
    changes: ['/system'],
  })
  return (
    <ConfirmButton
      label="Remove"
      size="compact-xs"
      variant="default"
      deed={`Remove ${id}`}
      onConfirm={() => remove.mutateAsync()}
    >
      <Text size="sm">
        The backup of <When at={finishedAt} exact />, {bytes(size)}, is removed from the disk for ever.
      </Text>
    </ConfirmButton>
  )
}

const COLUMNS: readonly Column<BackupAnswer>[] = [
  {
    id: 'made',
    header: 'Made',
    cell: ({ finishedAt }) => <When at={finishedAt} exact />,
    sortBy: ({ finishedAt }) => finishedAt,
  },
  {
    id: 'size',
    header: 'Size',
    align: 'right',
    cell: ({ bytes: size }) => bytes(size),
    sortBy: (row) => row.bytes,
  },
  { id: 'head', header: 'Up to record', align: 'right', cell: ({ log }) => count(log.head) },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    cell: ({ startedAt, finishedAt }) => duration(finishedAt - startedAt),
    spare: true,
  },
  {
    id: 'key',
    header: 'Sealing key',
    cell: ({ withKey }) => (withKey ? <StateBadge state="in it" mood="wait" /> : 'not in it'),
    spare: true,
  },
  { id: 'note', header: 'Note', cell: ({ note }) => (note === '' ? '–' : note), spare: true },
  { id: 'folder', header: 'Folder', cell: ({ folder }) => <code>{folder}</code>, spare: true },
  { id: 'remove', header: 'Remove', cell: (backup) => <Remove backup={backup} /> },
]
