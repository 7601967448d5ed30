/** Who may sign in, and as what. */

import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { UserPlus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import type { PersonAnswer, PersonWithLinkAnswer } from '../../../api/routes/people.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { useMay } from '../../api/session.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { spoken } from '../../elements/words.ts'
import { AccessTabs } from './access-tabs.tsx'
import { AdminsOnly } from './admins-only.tsx'
import { LinkShown } from './link-shown.tsx'
import { type Role, RoleChoice, RolesExplained } from './roles.tsx'

export function PeoplePage() {
  return (
    <Page
      title="Access"
      intro="People sign in to this console; programs send an API token. Both have a role, which counts from their next request on."
      actions={useMay('admin') && <Invite />}
      calls={['GET /api/v1/people', 'POST /api/v1/people']}
      commands={['thalweg people list', 'thalweg people invite <email> --name <name> --role operator']}
    >
      <AccessTabs />
      <RolesExplained />
      <AdminsOnly what="People and their roles">
        <People />
      </AdminsOnly>
    </Page>
  )
}

function People() {
  const people = useAnswer<{ people: PersonAnswer[] }>('/people')
  return (
    <Answer of={people}>
      {(answer) => (
        <DataTable
          label="People"
          rows={answer.people}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          rowTo={({ id }) => at`/access/people/${id}`}
        />
      )}
    </Answer>
  )
}

const COLUMNS: readonly Column<PersonAnswer>[] = [
  { id: 'name', header: 'Name', cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
  { id: 'email', header: 'E-mail address', cell: ({ email }) => email, sortBy: ({ email }) => email },
  { id: 'role', header: 'Role', cell: ({ role }) => spoken(role), sortBy: ({ role }) => role },
  {
    id: 'state',
    header: 'State',
    cell: ({ state }) => <StateBadge state={state} />,
    sortBy: ({ state }) => state,
  },
  {
    id: 'seen',
    header: 'Last seen',
    cell: ({ seenAt }) => <When at={seenAt} />,
    sortBy: ({ seenAt }) => seenAt ?? 0,
    spare: true,
  },
]

function Invite() {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button size="sm" leftSection={<UserPlus size={16} aria-hidden />} onClick={open}>
        Invite somebody
      </Button>
      <Modal opened={opened} onClose={close} title="Invite somebody" centered>
        <InviteForm close={close} />
      </Modal>
    </>
  )
}

function InviteForm({ close }: { close: () => void }) {
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const invite = useChange<void, PersonWithLinkAnswer>({
    method: 'POST',
    path: () => '/people',
    body: () => ({ email, name, role }),
    changes: ['/people', '/audit'],
  })
  if (invite.data !== undefined)
    return (
      <Stack>
        <LinkShown {...invite.data} />
        <Group justify="flex-end">
          <Button onClick={close}>Done</Button>
        </Group>
      </Stack>
    )
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    invite.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="E-mail address"
          description="They sign in with it; no mail is sent"
          type="email"
          required
          data-autofocus
          value={email}
          onChange={({ currentTarget }) => setEmail(currentTarget.value)}
        />
        <TextInput
          label="Name"
          required
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <RoleChoice value={role} change={setRole} />
        {invite.error !== null && <FailureNote error={invite.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={invite.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
