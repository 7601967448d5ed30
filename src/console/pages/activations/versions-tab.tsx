/** Every definition that an activation had: when, why, and what it said. */

import { Accordion, Group, Text } from '@mantine/core'
import type { ActivationAnswer, ActivationVersionsAnswer } from '../../../api/routes/activations.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { When } from '../../elements/when.tsx'

export function VersionsTab({ activation, path }: { activation: ActivationAnswer; path: string }) {
  const versions = useAnswer<ActivationVersionsAnswer>(`${path}/versions`)
  return (
    <Answer of={versions}>
      {({ versions: all }) => (
        <Accordion variant="contained" defaultValue={String(activation.version)}>
          {[...all].reverse().map(({ version, createdAt, note, definition }, i, list) => (
            <Accordion.Item key={version} value={String(version)}>
              <Accordion.Control>
                <Group gap="md">
                  <Text fw={600} size="sm">
                    Version {version}
                  </Text>
                  <Text size="sm" c="dimmed" component="span">
                    <When at={createdAt} exact />
                  </Text>
                  <Text size="sm">{note}</Text>
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <Text size="sm" mb="xs">
                  {changedText(definition, list[i + 1]?.definition)}
                </Text>
                <JsonView label={`Version ${version}`} value={definition} />
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
    </Answer>
  )
}

type Definition = ActivationAnswer['definition']

/** Names what differs from the version before. */
function changedText(now: Definition, before: Definition | undefined): string {
  if (before === undefined) return 'The first one.'
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])] as (keyof Definition)[]
  const changed = names.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]))
  return changed.length === 0 ? 'As the one before.' : `Changed: ${changed.join(', ')}.`
}
