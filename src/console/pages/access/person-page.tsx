/** One person: what they are called, what they may, and how they come in. */

import { Anchor, Button, Group, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { PersonAnswer, PersonWithLinkAnswer } from '../../../api/routes/people.ts'
import { at, call } from '../../api/client.ts'
import { askAnew, useAnswer, useChange } from '../../api/queries.ts'
import { useMe } from '../../api/session.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { Facts } from '../../elements/facts.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { AdminsOnly } from './admins-only.tsx'
import { LinkShown } from './link-shown.tsx'
import { RoleChoice } from './roles.tsx'

export function PersonPage() {
  const { person = '' } = useParams({ strict: false })
  return (
    <AdminsOnly what="People and their roles">
      <PersonOf id={person} />
    </AdminsOnly>
  )
}

function PersonOf({ id }: { id: string }) {
  const path = at`/people/${id}`
  const answer = useAnswer<PersonAnswer>(path)
  const person = answer.data
  return (
    <Page
      title={person?.name ?? 'Person'}
      up={{ to: '/access', label: 'Access' }}
      beside={person !== undefined && <StateBadge state={person.state} />}
      calls={[`GET /api/v1${path}`, `PATCH /api/v1${path}`, `POST /api/v1${path}/link`]}
      commands={[
        `thalweg people role ${person?.email ?? id} operator`,
        `thalweg people link ${person?.email ?? id}`,
        `thalweg people disable ${person?.email ?? id}`,
      ]}
    >
      <Answer of={answer}>
        {(one) => (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Details key={one.updatedAt} person={one} path={path} />
            <Entrance person={one} path={path} />
          </SimpleGrid>
        )}
      </Answer>
    </Page>
  )
}

/** What the kept answers about people, and about ourselves, may say otherwise now. */
const CHANGES = ['/people', '/session', '/audit']

interface Part {
  readonly person: PersonAnswer
  readonly path: string
}

function Details({ person, path }: Part) {
  const [name, setName] = useState(person.name)
  const [email, setEmail] = useState(person.email)
  const [role, setRole] = useState(person.role)
  const change = useChange<void, PersonAnswer>({
    method: 'PATCH',
    path: () => path,
    body: () => ({
      ...(name === person.name ? {} : { name }),
      ...(email === person.email ? {} : { email }),
      ...(role === person.role ? {} : { role }),
    }),
    changes: CHANGES,
    done: ({ name: called }) => told(`${called} was changed; it counts at once.`),
  })
  const same = name === person.name && email === person.email && role === person.role
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <form className="tw-card" onSubmit={submit}>
      <Stack>
        <Title order={2}>Name and role</Title>
        <TextInput
          label="Name"
          required
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <TextInput
          label="E-mail address"
          type="email"
          required
          value={email}
          onChange={({ currentTarget }) => setEmail(currentTarget.value)}
        />
        <RoleChoice value={role} change={setRole} />
        {change.error !== null && <FailureNote error={change.error} />}
        <Group justify="flex-end">
          <Button type="submit" disabled={same} loading={change.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Entrance({ person, path }: Part) {
  const [link, setLink] = useState<PersonWithLinkAnswer>()
  const me = useMe()
  const disabled = person.state === 'disabled'
  const change = async (wanted: object): Promise<void> => {
    await call('PATCH', path, { body: wanted })
    await askAnew(CHANGES)
  }
  const remove = useChange({
    method: 'DELETE',
    path: () => path,
    changes: ['/people', '/audit'],
    leadsTo: () => '/access',
    done: () => told(`${person.name} was removed.`),
  })
  return (
    <Stack className="tw-card">
      <Title order={2}>Way in</Title>
      <Facts
        label="Way in"
        facts={[
          ['Last seen', <When key="seen" at={person.seenAt} />],
          ['Open link', person.linkUntil === null ? 'none' : <When key="link" at={person.linkUntil} />],
          ['Made', <When key="made" at={person.createdAt} exact />],
          [
            'What they changed',
            <Anchor key="audit" component={Link} to="/audit" search={{ who: person.id } as never} inherit>
              In the audit
            </Anchor>,
          ],
        ]}
      />
      {link !== undefined && <LinkShown {...link} />}
      <Group gap="xs">
        <ConfirmButton
          label="New link"
          variant="default"
          disabled={disabled}
          onConfirm={async () => {
            setLink(await call<PersonWithLinkAnswer>('POST', `${path}/link`))
            await askAnew(CHANGES)
          }}
        >
          <Text size="sm">
            {person.name} can choose {person.state === 'invited' ? 'a password' : 'another password'} by it,
            once, within 24 hours. A link given out before works no more.
            {person.state === 'active' && ' When it is used, they are signed out everywhere.'}
          </Text>
        </ConfirmButton>
        {disabled ? (
          <ConfirmButton label="Enable" variant="default" onConfirm={() => change({ disabled: false })}>
            <Text size="sm">{person.name} can sign in again, with the same role and password.</Text>
          </ConfirmButton>
        ) : (
          <ConfirmButton label="Disable" variant="default" onConfirm={() => change({ disabled: true })}>
            <Text size="sm">
              {person.name} is signed out everywhere at once{me?.id === person.id ? ' (that is you)' : ''} and
              cannot sign in until somebody enables them again.
            </Text>
          </ConfirmButton>
        )}
        <ConfirmButton
          label="Remove"
          color="red"
          variant="outline"
          typed={person.email}
          onConfirm={remove.mutateAsync}
        >
          <Text size="sm">
            {person.name} is signed out everywhere and is gone from the list for ever. What they changed stays
            in the audit, with their name.
          </Text>
        </ConfirmButton>
      </Group>
    </Stack>
  )
}
