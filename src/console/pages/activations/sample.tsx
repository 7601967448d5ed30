/** Some rows of a query, with what each column means for the activation. */

import { Button, Group, Stack, Text } from '@mantine/core'
import { useMemo } from 'react'
import type { ActivationPreviewAnswer } from '../../../api/routes/activation-previews.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Notice } from '../../elements/notice.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count } from '../../elements/words.ts'
import { INVALID, KINDS } from '../runs/run-words.ts'

interface Row {
  readonly number: number
  readonly cells: ActivationPreviewAnswer['rows'][number]
}

export function Sample({
  preview,
  aliases,
  addAlias,
}: {
  preview: ActivationPreviewAnswer
  aliases: readonly string[]
  addAlias: (column: string) => void
}) {
  const { columns, usable, invalid, notices, problem } = preview
  const shown = useMemo<Column<Row>[]>(
    () =>
      columns.map(({ name }, place) => ({
        id: `${place}`,
        header: name,
        cell: ({ cells }) => textOf(cells[place]),
      })),
    [columns],
  )
  const rows = useMemo<Row[]>(() => preview.rows.map((cells, number) => ({ number, cells })), [preview.rows])
  return (
    <Stack gap="xs" component="section" aria-label="Sample">
      {problem !== null && (
        <Notice mood="bad" role="alert" title="A run would fail">
          {problem}
        </Notice>
      )}
      <Group gap="md">
        {columns.map(({ name, kind, label }, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name
          <Group key={place} gap={6}>
            <Text size="sm" ff="monospace">
              {name}
            </Text>
            <StateBadge
              state={kind === null ? 'ignored' : `${KINDS[kind] ?? kind}${label === '' ? '' : ` ${label}`}`}
              mood={kind === null ? 'calm' : 'good'}
            />
            {kind === null && !aliases.includes(name) && (
              <Button size="compact-xs" variant="subtle" onClick={() => addAlias(name)}>
                Use {name} as alias
              </Button>
            )}
          </Group>
        ))}
      </Group>
      {problem === null && (
        <Text size="sm" className="tw-number">
          {count(usable)} of these {count(rows.length)} rows name somebody.
          {Object.entries(invalid).map(
            ([reason, n]) => ` ${count(n ?? 0)} do not: ${INVALID[reason] ?? reason}.`,
          )}
        </Text>
      )}
      {notices.map((notice) => (
        <Text key={notice} size="sm" c="var(--tw-wait)">
          {notice}
        </Text>
      ))}
      <DataTable
        label="sample rows"
        rows={rows}
        columns={shown}
        rowKey={({ number }) => String(number)}
        height="260px"
        empty={<Text p="md">The query gives no row now.</Text>}
      />
    </Stack>
  )
}

function textOf(cell: Row['cells'][number] | undefined): string {
  return cell === null || cell === undefined ? '–' : String(cell)
}
