/** By what a person is known, written line by line. */

import { ActionIcon, Button, Group, NativeSelect, Stack, TextInput } from '@mantine/core'
import { X } from 'lucide-react'
import type { ErasurePlanAnswer } from '../../../api/routes/erasures.ts'

export type Identifier = ErasurePlanAnswer['identifiers'][number]

const KINDS: readonly { readonly value: Identifier['kind']; readonly label: string }[] = [
  { value: 'external_id', label: 'External id' },
  { value: 'email', label: 'E-mail address' },
  { value: 'phone', label: 'Telephone number' },
  { value: 'braze_id', label: 'Braze id' },
  { value: 'device_id', label: 'Device id' },
  { value: 'anonymous_id', label: 'Anonymous id' },
  { value: 'alias', label: 'Alias' },
]

export const kindLabel = (kind: Identifier['kind']): string =>
  KINDS.find(({ value }) => value === kind)?.label ?? kind

export const EMPTY: Identifier = { kind: 'external_id', label: '', value: '' }

export function IdentifierRows({
  rows,
  change,
}: {
  rows: readonly Identifier[]
  change: (rows: readonly Identifier[]) => void
}) {
  const put = (i: number, part: Partial<Identifier>): void =>
    change(rows.map((row, at) => (at === i ? { ...row, ...part } : row)))
  return (
    <Stack gap={6}>
      {rows.map(({ kind, label, value }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own, and keep their places
        <Group key={i} gap="xs" wrap="nowrap" align="center">
          <NativeSelect
            aria-label={`Kind of identifier ${i + 1}`}
            data={[...KINDS]}
            value={kind}
            w={150}
            onChange={({ currentTarget }) => put(i, { kind: currentTarget.value as Identifier['kind'] })}
          />
          {kind === 'alias' && (
            <TextInput
              aria-label={`Label of alias ${i + 1}`}
              placeholder="Label"
              value={label}
              w={110}
              onChange={({ currentTarget }) => put(i, { label: currentTarget.value })}
            />
          )}
          <TextInput
            aria-label={`Identifier ${i + 1}`}
            value={value}
            style={{ flex: 1 }}
            maw={380}
            onChange={({ currentTarget }) => put(i, { value: currentTarget.value })}
          />
          {rows.length > 1 && (
            <ActionIcon
              variant="subtle"
              aria-label={`Remove identifier ${i + 1}`}
              onClick={() => change(rows.toSpliced(i, 1))}
            >
              <X size={16} aria-hidden />
            </ActionIcon>
          )}
        </Group>
      ))}
      <div>
        <Button variant="default" size="compact-sm" onClick={() => change([...rows, EMPTY])}>
          One more
        </Button>
      </div>
    </Stack>
  )
}
