/** How a current is configured: changed as a new version whose effect is shown first, earlier versions, and its end. */

import { Accordion, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { at } from '../../../api/client.ts'
import { useChange } from '../../../api/queries.ts'
import { ConfirmButton } from '../../../elements/confirm-button.tsx'
import { told } from '../../../elements/notices.ts'
import { count } from '../../../elements/words.ts'
import { type Definition, problemsBelow, problemsIn, type SectionProps } from '../definition/definition.ts'
import { DestinationSection } from '../definition/destination-section.tsx'
import { FieldsSection } from '../definition/fields-section.tsx'
import { NameSection } from '../definition/name-section.tsx'
import { SelectionSection } from '../definition/selection-section.tsx'
import { SourceSection } from '../definition/source-section.tsx'
import { deadLettersPlace } from '../places.ts'
import { nowOf } from '../trouble.ts'
import type { TabProps } from './current-page.tsx'
import { Revision } from './revision.tsx'
import { Versions } from './versions.tsx'

interface Section {
  readonly key: string
  readonly title: string
  readonly fields: readonly string[]
  readonly about: (definition: Definition) => string
  readonly component: (props: SectionProps) => ReactNode
}

const SECTIONS: readonly Section[] = [
  {
    key: 'name',
    title: 'Name, contact and batching',
    fields: ['name', 'contactEmail', 'delivery'],
    about: ({ name, contactEmail }) => `${name}, ${contactEmail}`,
    component: NameSection,
  },
  {
    key: 'sources',
    title: 'Sources',
    fields: ['sources'],
    about: ({ sources }) => sources.join(', '),
    component: SourceSection,
  },
  {
    key: 'events',
    title: 'Events',
    fields: ['selection'],
    about: ({ selection: { include, exclude } }) =>
      `${include.join(', ')}${exclude.length === 0 ? '' : ` but not ${exclude.join(', ')}`}`,
    component: SelectionSection,
  },
  {
    key: 'people',
    title: 'External id and personal data',
    fields: ['externalId', 'fields'],
    about: ({ externalId, fields }) => {
      const rules = Object.entries(fields).map(([field, rule]) => `${rule} ${field}`)
      return [`external id ${externalId}`, ...rules].join(', ')
    },
    component: FieldsSection,
  },
  {
    key: 'destination',
    title: 'Destination',
    fields: ['destination'],
    about: ({ destination }) => destination.kind,
    component: DestinationSection,
  },
]

export default function SettingsTab({ current, live }: TabProps) {
  const [edited, setEdited] = useState<Definition>()
  const [refused, setRefused] = useState<Error>()
  if (current.activation !== null)
    return (
      <Stack gap="lg">
        <Text>
          The activation {current.activation} made this current for itself: it is changed and ended through
          the activation.
        </Text>
        <Versions current={current} putBack={undefined} />
      </Stack>
    )
  const value = edited ?? current.definition
  const problems = problemsIn(refused)
  return (
    <Stack gap="lg">
      <Accordion multiple keepMounted={false} variant="contained" aria-label="Settings">
        {SECTIONS.map(({ key, title, fields, about, component: Body }) => {
          const wrong = problemsBelow(problems, fields).length > 0
          return (
            <Accordion.Item key={key} value={key}>
              <Accordion.Control>
                <Text fw={600} size="sm">
                  {title}
                  {wrong && (
                    <Text component="span" size="sm" c="var(--tw-bad)">
                      {' '}
                      · something is wrong here
                    </Text>
                  )}
                </Text>
                <Text size="xs" c="dimmed" lineClamp={1}>
                  {about(value)}
                </Text>
              </Accordion.Control>
              <Accordion.Panel>
                <Body
                  value={value}
                  problems={problems}
                  onChange={(part) => setEdited({ ...value, ...part })}
                />
              </Accordion.Panel>
            </Accordion.Item>
          )
        })}
      </Accordion>
      {edited !== undefined && (
        <Revision
          current={current}
          edited={edited}
          refused={refused}
          onRefused={setRefused}
          leave={() => {
            setEdited(undefined)
            setRefused(undefined)
          }}
        />
      )}
      <Versions current={current} putBack={setEdited} />
      <End current={current} live={live} />
    </Stack>
  )
}

function End({ current, live }: TabProps) {
  const { pending } = nowOf(current, live)
  const end = useChange({
    method: 'DELETE',
    path: () => at`/currents/${current.number}`,
    changes: ['/currents'],
    leadsTo: () => '/currents',
    done: () => told(`${current.name} is deleted`),
  })
  return (
    <Stack gap="xs" align="flex-start">
      <Title order={2}>End</Title>
      <ConfirmButton
        label="Delete this current"
        color="red"
        variant="default"
        deed="Delete it for ever"
        typed={current.name}
        onConfirm={end.mutateAsync}
      >
        <Text size="sm">
          It stops for ever. {count(pending)} events that wait for it are not sent; they stay in the log and
          can be brought by another current. Its ledger and its{' '}
          <Link to={deadLettersPlace(current.name)}>dead letters</Link> stay. What the destination has, it
          keeps.
        </Text>
      </ConfirmButton>
    </Stack>
  )
}
