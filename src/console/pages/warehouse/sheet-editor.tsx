/** One sheet: its text, the engine it asks, running, cancelling, saving. */

import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core'
import { Play, Square } from 'lucide-react'
import { type RefObject, useEffect, useMemo, useState } from 'react'
import type { EngineAnswer, TableAnswer } from '../../../api/routes/engines.ts'
import { CodeEditor, type CodeProblem, type EditorHandle } from '../../elements/code-editor.tsx'
import { count, duration } from '../../elements/words.ts'
import { tableName } from './names.ts'
import { placeOf } from './place.ts'
import { SaveButton } from './save-button.tsx'
import { cancel, changeSheet, ROWS_CHOICES, type Run, run as runSheet, type Sheet } from './sheets.ts'

export interface SheetEditorProps {
  readonly sheet: Sheet
  readonly run: Run | undefined
  readonly engines: readonly EngineAnswer[]
  /** Of the sheet's engine. */
  readonly tables: readonly TableAnswer[]
  readonly editor: RefObject<EditorHandle | null>
}

export function SheetEditor({ sheet, run, engines, tables, editor }: SheetEditorProps) {
  const kind = engines.find(({ name }) => name === sheet.engine)?.kind ?? ''
  const schema = useMemo(
    () =>
      Object.fromEntries(
        tables.map((table) => [tableName(table, kind), table.columns.map(({ name }) => name)] as const),
      ),
    [tables, kind],
  )
  const isFailed = run?.state === 'failed' && run.sql === sheet.sql
  const problems = useMemo((): CodeProblem[] => {
    const place = isFailed ? placeOf(run.error, run.sql) : undefined
    return place === undefined || run?.state !== 'failed' ? [] : [{ ...place, message: run.error.message }]
  }, [isFailed, run])
  return (
    <Stack gap="xs">
      <CodeEditor
        label="SQL"
        language="sql"
        value={sheet.sql}
        onChange={(sql) => changeSheet(sheet.id, { sql })}
        onRun={() => void runSheet(sheet)}
        schema={schema}
        problems={problems}
        minHeight="120px"
        maxHeight="320px"
        handle={editor}
      />
      <Group gap="sm" align="flex-end">
        {run?.state === 'running' ? (
          <Button
            size="xs"
            variant="default"
            leftSection={<Square size={12} aria-hidden />}
            onClick={() => cancel(sheet.id)}
          >
            Cancel
          </Button>
        ) : (
          <Button
            size="xs"
            leftSection={<Play size={12} aria-hidden />}
            disabled={sheet.sql.trim() === ''}
            onClick={() => void runSheet(sheet)}
          >
            Run
          </Button>
        )}
        <NativeSelect
          size="xs"
          label="Engine"
          value={sheet.engine}
          data={engines.map(({ name, kind: what }) => ({ value: name, label: `${name} (${what})` }))}
          onChange={({ currentTarget }) => changeSheet(sheet.id, { engine: currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          label="Rows to look at"
          value={String(sheet.rowsMax)}
          data={ROWS_CHOICES.map((rows) => ({ value: String(rows), label: `first ${count(rows)}` }))}
          onChange={({ currentTarget }) => changeSheet(sheet.id, { rowsMax: Number(currentTarget.value) })}
        />
        <SaveButton key={sheet.saved} sheet={sheet} />
        {run?.state === 'running' ? (
          <Elapsed since={run.startedAt} />
        ) : (
          <Text size="xs" c="dimmed" pb={7} visibleFrom="sm">
            Ctrl+Enter runs it
          </Text>
        )}
      </Group>
    </Stack>
  )
}

const TICK_MS = 100

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <Text size="sm" pb={6} className="tw-number">
      Running for {duration(Math.max(0, now - since))}
    </Text>
  )
}
