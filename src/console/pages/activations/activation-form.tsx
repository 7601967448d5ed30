/** The form of an activation: who, where to, how, and when. */

import { NumberInput, Radio, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { Part } from '../../elements/part.tsx'
import { OPERATIONS } from '../runs/run-actions.tsx'
import { DestinationPart } from './destination-part.tsx'
import type { Draft } from './draft.ts'
import { QueryPart } from './query-part.tsx'
import { SchedulePart } from './schedule-part.tsx'

export interface PartProps {
  readonly draft: Draft
  readonly change: (part: Partial<Draft>) => void
  /** What the API said, by field. */
  readonly problems: Readonly<Record<string, string>>
}

export function ActivationForm({ named, ...part }: PartProps & { named: boolean }) {
  const { draft, change, problems } = part
  return (
    <Stack gap="lg">
      <Part title="What it is called">
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          <TextInput
            label="Name"
            description="Letters, digits and dashes. The word in addresses and commands; it stays."
            required
            disabled={named}
            value={draft.name}
            error={problems.name}
            onChange={({ currentTarget }) => change({ name: currentTarget.value })}
          />
          <TextInput
            label="Contact"
            description="Who is mailed when a run is held or fails."
            type="email"
            required
            value={draft.contactEmail}
            error={problems.contactEmail}
            onChange={({ currentTarget }) => change({ contactEmail: currentTarget.value })}
          />
        </SimpleGrid>
        <Textarea
          label="Description"
          autosize
          value={draft.description}
          error={problems.description}
          onChange={({ currentTarget }) => change({ description: currentTarget.value })}
        />
      </Part>
      <Part title="Who: the people">
        <QueryPart {...part} />
      </Part>
      <Part title="Where to: the destination">
        <DestinationPart {...part} />
      </Part>
      <Part title="What is done with them">
        <Radio.Group
          label="Operation"
          value={draft.operation}
          onChange={(value) => change({ operation: value as Draft['operation'] })}
        >
          <Stack gap="xs" mt={4}>
            {(['mirror', 'add', 'remove'] as const).map((operation) => (
              <Radio
                key={operation}
                value={operation}
                label={{ mirror: 'Mirror', add: 'Add', remove: 'Remove' }[operation]}
                description={OPERATIONS[operation]}
              />
            ))}
          </Stack>
        </Radio.Group>
        {draft.operation === 'mirror' && (
          <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
            <NumberInput
              label="Brake: largest share removed"
              description="A run that would remove a larger part of the members waits for a person."
              suffix=" %"
              min={0}
              max={100}
              decimalScale={1}
              value={draft.brakePercent}
              error={problems['brake.removedShareMax']}
              onChange={(value) => change({ brakePercent: Number(value) })}
            />
            <NumberInput
              label="Brake: largest number removed"
              description="And so does one that would remove more members than this. Empty: the share decides."
              min={0}
              allowDecimal={false}
              value={draft.brakeMax ?? ''}
              error={problems['brake.removedMax']}
              onChange={(value) => change({ brakeMax: value === '' ? undefined : Number(value) })}
            />
          </SimpleGrid>
        )}
        {draft.operation === 'mirror' && (
          <Text size="sm" c="dimmed">
            A query that fails removes nobody. One that gives no row is always held.
          </Text>
        )}
      </Part>
      <Part title="When it runs">
        <SchedulePart {...part} />
      </Part>
    </Stack>
  )
}
