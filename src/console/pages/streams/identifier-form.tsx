/** The rules of one kind of identifier. */

import {
  Button,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { Definition } from './field-kinds.ts'
import type { Namespace } from './identifiers-page.tsx'
import { SaveVersion } from './save-version.tsx'

type Rule = Namespace['rule']

const NORMALIZERS = [
  { value: 'trim', label: 'as it is, without blanks around' },
  { value: 'lowercase', label: 'in small letters' },
  { value: 'email', label: 'an e-mail address' },
  { value: 'phone', label: 'a telephone number with its country' },
]

export function IdentifierForm({ definition, field, rule: given }: Namespace & { definition: Definition }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [rule, setRule] = useState<Rule>(given)
  const change = (part: Partial<Rule>): void => setRule((before) => ({ ...before, ...part }))
  const after = {
    ...definition,
    fields: definition.fields.map((one) => (one.name === field.name ? { ...one, identifier: rule } : one)),
  }
  const number = (name: 'rank' | 'perProfileMax' | 'sharedAfter') => (value: number | string) => {
    if (typeof value === 'number') change({ [name]: value })
  }
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Edit ${field.name}`}
        onClick={() => {
          setRule(given)
          open()
        }}
      >
        Edit
      </Button>
      <Modal opened={opened} onClose={close} title={`Identifier ${field.name}`} centered>
        <Stack gap="sm">
          <NumberInput
            label="Rank"
            description="1 is the strongest; each kind has its own"
            min={1}
            max={1_000}
            value={rule.rank}
            onChange={number('rank')}
          />
          <NumberInput
            label="Values of one person"
            description="1: two who differ in it are never joined"
            min={1}
            max={50}
            value={rule.perProfileMax}
            onChange={number('perProfileMax')}
          />
          <Switch
            label="A newer value retires the oldest"
            checked={rule.rotates}
            onChange={({ currentTarget }) => change({ rotates: currentTarget.checked })}
          />
          <NumberInput
            label="Days that a value counts"
            placeholder="ever"
            min={1}
            max={3_650}
            value={rule.windowDays ?? ''}
            onChange={(value) => change({ windowDays: typeof value === 'number' ? value : undefined })}
          />
          <NativeSelect
            label="Compared"
            data={NORMALIZERS}
            value={rule.normalize}
            onChange={({ currentTarget }) => change({ normalize: currentTarget.value as Rule['normalize'] })}
          />
          <TextInput
            label="Pattern that a whole value must match"
            placeholder="none"
            value={rule.pattern ?? ''}
            onChange={({ currentTarget: { value } }) => change({ pattern: value === '' ? undefined : value })}
          />
          <TagsInput
            label="Values that identify nobody"
            description="Beside the built-in ones: null, anonymous, zeros, test@…"
            value={[...rule.blocked]}
            onChange={(blocked) => change({ blocked })}
          />
          <NumberInput
            label="Shared after so many strangers in 30 days"
            min={2}
            max={1_000}
            value={rule.sharedAfter}
            onChange={number('sharedAfter')}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <SaveVersion
              label="Save as a new version"
              before={definition}
              after={after}
              disabled={JSON.stringify(rule) === JSON.stringify(given)}
              saved={close}
            />
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
