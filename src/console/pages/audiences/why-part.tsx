/** Why somebody is in it or not: the rule with what each condition found, since when, and what was told to whom. */

import { Button, Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { AudienceWhyAnswer } from '../../../api/routes/audiences.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { useFilters } from '../../elements/filters.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import type { PartProps } from './audience-page.tsx'
import { Carried } from './carried.tsx'
import { Cause } from './cause.tsx'
import { ProfileLink } from './person.tsx'
import { WhyTree } from './why-tree.tsx'

/** What finds a profile by its number instead of an identifier. */
const NUMBER = 'profile'

export function WhyPart({ audience }: PartProps) {
  const [said, change] = useFilters<{
    profile?: number | undefined
    field?: string | undefined
    value?: string | number | undefined
  }>()
  const isAsked = said.profile !== undefined || (said.field !== undefined && said.value !== undefined)
  const why = useAnswer<AudienceWhyAnswer>(at`/audiences/${audience.slug}/why`, {
    query: said.profile === undefined ? { field: said.field, value: said.value } : { profile: said.profile },
    enabled: isAsked,
  })
  return (
    <Stack gap="md">
      <WhoForm
        key={JSON.stringify(said)}
        field={said.profile === undefined ? said.field : NUMBER}
        value={String(said.profile ?? said.value ?? '')}
        ask={(field, value) =>
          change(
            field === NUMBER
              ? { profile: Number(value), field: undefined, value: undefined }
              : { profile: undefined, field, value },
          )
        }
      />
      {isAsked ? (
        <Answer of={why}>{(answer) => <WhyAnswer answer={answer} name={audience.name} />}</Answer>
      ) : (
        <div className="tw-card">
          <Empty title="Ask about somebody">
            Name a person by any identifier. The rule is then shown with what each condition finds in their
            profile, until when the answer holds by itself, and what was told to a vendor.
          </Empty>
        </div>
      )}
    </Stack>
  )
}

interface WhoFormProps {
  readonly field: string | undefined
  readonly value: string
  readonly ask: (field: string, value: string) => void
}

function WhoForm({ field: asked, value: askedValue, ask }: WhoFormProps) {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const identifiers = (schema.data?.definition.fields ?? []).flatMap(({ name, identifier }) =>
    identifier === undefined ? [] : [name],
  )
  const [chosen, setChosen] = useState(asked)
  const field = chosen ?? identifiers[0] ?? NUMBER
  const [value, setValue] = useState(askedValue)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (value.trim() !== '') ask(field, value.trim())
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        <NativeSelect
          label="Known by"
          size="xs"
          value={field}
          data={[...identifiers, { value: NUMBER, label: 'number of the profile' }]}
          onChange={({ currentTarget }) => setChosen(currentTarget.value)}
        />
        <TextInput
          label="Person"
          size="xs"
          w={260}
          value={value}
          {...(field === NUMBER ? { inputMode: 'numeric' as const, pattern: '\\d+' } : {})}
          onChange={({ currentTarget }) => setValue(currentTarget.value)}
        />
        <Button type="submit" size="xs">
          Ask why
        </Button>
      </Group>
    </form>
  )
}

function WhyAnswer({ answer, name }: { answer: AudienceWhyAnswer; name: string }) {
  const { profile, why, since, moves, carried } = answer
  return (
    <Stack gap="md">
      <section className="tw-card" aria-label="Answer">
        <Group gap="sm">
          <Title order={2}>
            Profile <ProfileLink profile={profile} /> is {since === null ? 'not ' : ''}in {name}
          </Title>
          <StateBadge
            state={since === null ? 'not in it' : 'in it'}
            mood={since === null ? 'calm' : 'good'}
          />
        </Group>
        <Text size="sm" c="dimmed" component="div">
          {since !== null && (
            <>
              Since <When at={since} exact />.{' '}
            </>
          )}
          {why.flipAt !== null && (
            <>
              This may change by itself <When at={why.flipAt} />.{' '}
            </>
          )}
          {why.holds !== (since !== null) &&
            'The rule says otherwise already: everybody is being judged by its latest version.'}
        </Text>
        <WhyTree why={why} />
      </section>
      <Carried carried={carried} isMember={since !== null} />
      <section className="tw-card" aria-label="Moves of this person">
        <Title order={2} mb="xs">
          Moves of this person
        </Title>
        {moves.length === 0 ? (
          <Text size="sm" c="dimmed">
            They never entered.
          </Text>
        ) : (
          <Stack gap={4}>
            {moves.map((move) => (
              <Group key={move.id} gap="sm">
                <StateBadge state={move.entered ? 'entered' : 'left'} mood={move.entered ? 'good' : 'bad'} />
                <Text size="sm">
                  <When at={move.at} exact /> because <Cause {...move} />
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </section>
      <Text size="sm">
        <Link to={at`/profiles/${profile}`}>All that is known of this person</Link>
      </Text>
    </Stack>
  )
}
