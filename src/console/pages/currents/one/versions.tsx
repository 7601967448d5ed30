/** What was configured when: each version with what it changed. */

import { Accordion, Button, Group, Stack, Text, Title } from '@mantine/core'
import type { CurrentAnswer, VersionAnswer } from '../../../../api/routes/currents.ts'
import { at } from '../../../api/client.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer } from '../../../elements/answer.tsx'
import { JsonView } from '../../../elements/json-view.tsx'
import { When } from '../../../elements/when.tsx'
import { count } from '../../../elements/words.ts'
import type { Definition } from '../definition/definition.ts'
import { differencesOf } from '../definition/difference.ts'
import { DifferenceList } from '../definition/difference-list.tsx'

export interface VersionsProps {
  readonly current: CurrentAnswer
  /** Takes a version's definition as what is to be saved; undefined: it cannot be changed here. */
  readonly putBack: ((definition: Definition) => void) | undefined
}

export function Versions({ current, putBack }: VersionsProps) {
  const answer = useAnswer<{ versions: VersionAnswer[] }>(at`/currents/${current.number}/versions`)
  return (
    <Stack gap="xs">
      <Title order={2}>Versions</Title>
      <Answer of={answer}>
        {({ versions }) => (
          <Accordion variant="contained" aria-label="Versions">
            {versions.toReversed().map((one) => (
              <Version
                key={one.version}
                one={one}
                before={versions.find(({ version }) => version === one.version - 1)}
                present={one.version === current.version}
                putBack={putBack}
              />
            ))}
          </Accordion>
        )}
      </Answer>
    </Stack>
  )
}

interface VersionProps {
  readonly one: VersionAnswer
  readonly before: VersionAnswer | undefined
  readonly present: boolean
  readonly putBack: VersionsProps['putBack']
}

function Version({
  one: { version, createdAt, note, fromOffset, definition },
  before,
  present,
  putBack,
}: VersionProps) {
  return (
    <Accordion.Item value={String(version)}>
      <Accordion.Control>
        <Group gap="sm">
          <Text size="sm" fw={600}>
            Version {version}
            {present && ', the present one'}
          </Text>
          <Text size="sm" c="dimmed">
            <When at={createdAt} /> · from record {count(fromOffset)} on
            {note !== '' && ` · ${note}`}
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm" align="stretch">
          {before !== undefined && (
            <DifferenceList differences={differencesOf(before.definition, definition)} />
          )}
          <JsonView label={`Definition of version ${version}`} value={definition} height="320px" />
          {!present && putBack !== undefined && (
            <Group>
              <Button size="sm" variant="default" onClick={() => putBack(definition)}>
                Take this definition again
              </Button>
            </Group>
          )}
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  )
}
