/** Who may flow, and what becomes of personal data on the way: the external-id rule and a rule for each field. */

import { ActionIcon, Button, Group, Radio, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { X } from 'lucide-react'
import { useState } from 'react'
import type { CatalogAnswer } from '../../../../api/routes/catalog.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer } from '../../../elements/answer.tsx'
import classes from './definition.module.css'
import { type Definition, problemsBelow, type SectionProps } from './definition.ts'
import { flowingIn } from './patterns.ts'

type FieldRule = Definition['fields'][string]

const RULES: { value: FieldRule; label: string }[] = [
  { value: 'keep', label: 'Keep' },
  { value: 'hash', label: 'Hash' },
  { value: 'remove', label: 'Remove' },
]

export function FieldsSection({ value, onChange, problems }: SectionProps) {
  const catalog = useAnswer<CatalogAnswer>('/catalog')
  return (
    <Stack gap="lg">
      <Radio.Group
        label="Events without an external id"
        description="Events of people whom only the vendor of the app knows carry no user.external_user_id."
        value={value.externalId}
        error={problemsBelow(problems, ['externalId'])[0]}
        onChange={(rule) => onChange({ externalId: rule as Definition['externalId'] })}
      >
        <Stack gap="xs" mt="xs">
          <Radio
            value="required"
            label="Are filtered"
            description="As the vendors’ own integrations do. They are counted, by reason."
          />
          <Radio
            value="optional"
            label="Flow too"
            description="The destination must know what to do with them."
          />
        </Stack>
      </Radio.Group>
      <Stack gap="xs">
        <div>
          <Text size="sm" fw={500}>
            Personal data
          </Text>
          <Text size="xs" c="dimmed" maw={640}>
            A rule holds wherever the field stands in user or properties. Remove puts [REDACTED] in its place,
            hash the SHA-256 of its value, in hex. Only texts are touched. Fields that Braze tags as personal
            in the chosen event types are listed; others can be added.
          </Text>
        </div>
        <Answer of={catalog}>
          {({ picker }) => <FieldRules value={value} tagged={taggedIn(picker, value)} onChange={onChange} />}
        </Answer>
        {problemsBelow(problems, ['fields']).map((problem) => (
          <Text key={problem} size="xs" c="var(--tw-bad)" role="alert">
            {problem}
          </Text>
        ))}
      </Stack>
    </Stack>
  )
}

/** Personal fields of the types that flow. */
function taggedIn(picker: CatalogAnswer['picker'], { selection }: Definition): readonly string[] {
  const names = picker.flatMap((category) =>
    category.channels.flatMap((channel) => {
      const on = new Set(flowingIn(selection, category, channel))
      return channel.types.filter(({ name }) => on.has(name)).flatMap(({ pii }) => pii)
    }),
  )
  return [...new Set(names)].sort()
}

interface FieldRulesProps {
  readonly value: Definition
  readonly tagged: readonly string[]
  readonly onChange: SectionProps['onChange']
}

function FieldRules({ value: { fields }, tagged, onChange }: FieldRulesProps) {
  const [name, setName] = useState('')
  const others = Object.keys(fields).filter((field) => !tagged.includes(field))
  const set = (field: string, rule: FieldRule | undefined): void => {
    const { [field]: _before, ...rest } = fields
    onChange({ fields: rule === undefined ? rest : { ...rest, [field]: rule } })
  }
  const add = (): void => {
    const field = name.trim()
    if (field === '') return
    set(field, 'hash')
    setName('')
  }
  return (
    <Stack gap="sm">
      {tagged.length + others.length > 0 && (
        <div className={classes.fields}>
          {[...tagged, ...others].map((field) => (
            <FieldRow
              key={field}
              field={field}
              rule={fields[field] ?? 'keep'}
              set={(rule) => set(field, rule === 'keep' && tagged.includes(field) ? undefined : rule)}
              drop={tagged.includes(field) ? undefined : () => set(field, undefined)}
            />
          ))}
        </div>
      )}
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Another field"
          size="xs"
          w={240}
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return
            event.preventDefault()
            add()
          }}
        />
        <Button size="xs" variant="default" disabled={name.trim() === ''} onClick={add}>
          Add
        </Button>
      </Group>
    </Stack>
  )
}

interface FieldRowProps {
  readonly field: string
  readonly rule: FieldRule
  readonly set: (rule: FieldRule) => void
  readonly drop: (() => void) | undefined
}

function FieldRow({ field, rule, set, drop }: FieldRowProps) {
  return (
    <>
      <Text size="sm" className="tw-code" component="span">
        {field}
      </Text>
      <SegmentedControl
        transitionDuration={0}
        size="xs"
        aria-label={`What becomes of ${field}`}
        data={RULES}
        value={rule}
        onChange={(next) => set(next as FieldRule)}
      />
      {drop === undefined ? (
        <span />
      ) : (
        <ActionIcon variant="subtle" size="sm" aria-label={`No rule for ${field}`} onClick={drop}>
          <X size={14} aria-hidden />
        </ActionIcon>
      )}
    </>
  )
}
