/** The form of an export: which audiences, whom it finds people by, where to, and how fast. */

import {
  Checkbox,
  MultiSelect,
  NumberInput,
  Radio,
  SimpleGrid,
  Stack,
  Textarea,
  TextInput,
} from '@mantine/core'
import type { AudienceAnswer } from '../../../api/routes/audiences.ts'
import type { DestinationAnswer } from '../../../api/routes/destinations.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Part } from '../../elements/part.tsx'
import { below, type JsonSchema, SchemaForm } from '../../elements/schema-form.tsx'
import { count } from '../../elements/words.ts'
import { Authorization, tariffText } from '../activations/destination-part.tsx'
import type { Draft } from './draft.ts'

export interface ExportFormProps {
  readonly draft: Draft
  readonly change: (part: Partial<Draft>) => void
  readonly problems: Readonly<Record<string, string>>
}

export function ExportForm({ draft, change, problems }: ExportFormProps) {
  const audiences = useAnswer<{ audiences: AudienceAnswer[] }>('/audiences')
  const destination = useAnswer<DestinationAnswer>(at`/destinations/${draft.kind}`)
  const text = (field: 'externalIdField' | 'brazeIdField' | 'aliasLabel' | 'aliasField', label: string) => (
    <TextInput
      label={label}
      value={draft[field]}
      error={problems[`identifiers.${field}`]}
      onChange={({ currentTarget }) => change({ [field]: currentTarget.value })}
    />
  )
  return (
    <Stack gap="lg">
      <Part title="What it is called">
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          <TextInput
            label="Name"
            required
            value={draft.name}
            error={problems.name}
            onChange={({ currentTarget }) => change({ name: currentTarget.value })}
          />
          <TextInput
            label="Contact"
            description="Who is mailed when it halts, or an array would overflow."
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
          onChange={({ currentTarget }) => change({ description: currentTarget.value })}
        />
      </Part>
      <Part title="Who">
        <MultiSelect
          label="Audiences"
          description="The slug of each is an element of the attribute of its members."
          searchable
          required
          data={(audiences.data?.audiences ?? []).map(({ number, name, size }) => ({
            value: String(number),
            label: `${name} (${count(size)})`,
          }))}
          value={draft.audiences.map(String)}
          error={problems.audiences}
          onChange={(numbers) => change({ audiences: numbers.map(Number) })}
        />
        <Checkbox
          label="Existing users"
          description="Whoever is in an audience at the start is exported, too. Otherwise only who enters or leaves afterwards."
          checked={draft.existingUsers}
          onChange={({ currentTarget }) => change({ existingUsers: currentTarget.checked })}
        />
        <Radio.Group
          label="What is told"
          value={draft.moves}
          onChange={(moves) => change({ moves: moves as Draft['moves'] })}
        >
          <Stack gap={6} mt={4}>
            <Radio value="both" label="Who enters and who leaves" />
            <Radio value="enter" label="Only who enters: slugs are never taken away" />
            <Radio value="exit" label="Only who leaves: slugs are never added" />
          </Stack>
        </Radio.Group>
      </Part>
      <Part title="By what people are found">
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          {text('externalIdField', 'Field with the external id')}
          {text('brazeIdField', 'Field with the Braze id')}
          {text('aliasLabel', 'Label of the alias')}
          {text('aliasField', 'Field with the name of the alias')}
        </SimpleGrid>
        {problems.identifiers}
      </Part>
      <Part title="Where to">
        <Authorization
          provider={draft.kind}
          value={draft.authorization}
          error={problems['destination.authorization']}
          change={(authorization) => change({ authorization })}
        />
        {destination.data !== undefined && (
          <>
            <SchemaForm
              schema={destination.data.settings as JsonSchema}
              value={draft.settings}
              onChange={(settings) => change({ settings })}
              problems={below(problems, 'destination.settings')}
            />
            {tariffText(destination.data)}
          </>
        )}
      </Part>
      <Part title="How fast">
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          <NumberInput
            label="A change waits for company at most"
            suffix=" s"
            min={0}
            max={3_600}
            value={draft.waitSeconds}
            onChange={(value) => change({ waitSeconds: Number(value) })}
          />
          <NumberInput
            label="People in one request at most"
            min={1}
            max={75}
            allowDecimal={false}
            value={draft.batchMax}
            onChange={(value) => change({ batchMax: Number(value) })}
          />
          <NumberInput
            label="Requests in a minute for what is not news"
            description="Existing users, renamed audiences, repairs."
            min={1}
            allowDecimal={false}
            value={draft.backfillPerMinute}
            onChange={(value) => change({ backfillPerMinute: Number(value) })}
          />
          <NumberInput
            label="Elements that the attribute has room for"
            description="Braze keeps 25 unless the workspace says otherwise, and drops the oldest beyond."
            min={1}
            allowDecimal={false}
            value={draft.elements.max}
            onChange={(value) => change({ elements: { ...draft.elements, max: Number(value) } })}
          />
        </SimpleGrid>
      </Part>
    </Stack>
  )
}
