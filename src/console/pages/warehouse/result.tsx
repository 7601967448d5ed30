/** What became of a run: rows in a grid, or what is wrong, in words. */

import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import type { ResultAnswer } from '../../../api/routes/sql.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { ResultGrid } from '../../elements/result-grid.tsx'
import { count, duration } from '../../elements/words.ts'
import { ExportButton } from './export-button.tsx'
import { placeOf } from './place.ts'
import type { Run } from './sheets.ts'

export function Result({ run, writesParquet }: { run: Run; writesParquet: boolean }) {
  switch (run.state) {
    case 'running':
      return null
    case 'cancelled':
      return (
        <Alert color="gray" variant="outline" role="status">
          Cancelled after {duration(run.endedAt - run.startedAt)}. The query was ended on its server, too.
        </Alert>
      )
    case 'failed': {
      const place = placeOf(run.error, run.sql)
      return (
        <Stack gap={4}>
          {place !== undefined && (
            <Text size="sm" fw={600} c="var(--tw-bad)">
              Line {place.line}, column {place.column}: marked in the text
            </Text>
          )}
          <FailureNote error={run.error} />
        </Stack>
      )
    }
    case 'done':
      return <Rows run={run} result={run.result} writesParquet={writesParquet} />
  }
}

interface RowsProps {
  readonly run: Run & { readonly state: 'done' }
  readonly result: ResultAnswer
  readonly writesParquet: boolean
}

function Rows({ run, result, writesParquet }: RowsProps) {
  const { columns, rows, cut, elapsedMs } = result
  const clipboard = useClipboard({ timeout: 1_500 })
  const some = rows.length === 1 ? '1 row' : `${count(rows.length)} rows`
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text size="sm" role="status">
          {cut === null ? `${some}, all of them` : `The first ${some}: there are more. An export has all.`}{' '}
          <Text span c="dimmed" size="sm">
            in {duration(elapsedMs)} from {run.engine}
          </Text>
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => clipboard.copy(tabbed(result))}>
            {clipboard.copied ? 'Copied' : 'Copy rows'}
          </Button>
          <ExportButton sql={run.sql} engine={run.engine} writesParquet={writesParquet} />
        </Group>
      </Group>
      <ResultGrid
        label="result"
        columns={columns}
        rows={rows}
        none="The query gave no rows"
        height="max(280px, calc(100dvh - 520px))"
      />
    </Stack>
  )
}

/** As spreadsheets take it. */
function tabbed({ columns, rows }: ResultAnswer): string {
  const line = (cells: readonly unknown[]): string =>
    cells.map((cell) => String(cell ?? '').replaceAll(/[\t\r\n]+/g, ' ')).join('\t')
  return [line(columns.map(({ name }) => name)), ...rows.map(line)].join('\n')
}
