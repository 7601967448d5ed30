/** The name, the contact, and where the current begins. */

import { Group, Radio, Stack, TextInput } from '@mantine/core'
import type { SectionProps } from '../definition/definition.ts'
import { NameSection } from '../definition/name-section.tsx'
import { localText } from '../local-time.ts'
import type { Draft, DraftState } from './draft.ts'

export interface LaunchStepProps extends SectionProps {
  readonly draft: Draft
  readonly change: DraftState['change']
}

export function LaunchStep({ draft: { from, timeMs }, change, ...section }: LaunchStepProps) {
  return (
    <Stack gap="lg">
      <NameSection {...section} />
      <Radio.Group
        label="Begin with"
        description="Fixed at the launch. What came before can be brought later by a replay."
        value={from}
        onChange={(next) => change({ from: next as Draft['from'] })}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="now" label="Events from now on" />
          <Radio
            value="earliest"
            label="The earliest event that is kept"
            description="All that the log still holds goes to the destination first"
          />
          <Group align="flex-end" gap="sm">
            <Radio value="time" label="Events accepted since" mb={4} />
            <TextInput
              type="datetime-local"
              size="xs"
              step={1}
              aria-label="Accepted since"
              disabled={from !== 'time'}
              value={timeMs === null ? '' : localText(timeMs)}
              onChange={({ currentTarget }) => {
                const ms = new Date(currentTarget.value).getTime()
                change({ timeMs: Number.isNaN(ms) ? null : ms })
              }}
            />
          </Group>
        </Stack>
      </Radio.Group>
    </Stack>
  )
}
