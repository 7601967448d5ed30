/** Asking the warehouse: its tables on the left, sheets of SQL and their results on the right. */

import { ActionIcon, Group, Stack } from '@mantine/core'
import { Plus, X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { EngineAnswer, TableAnswer } from '../../../api/routes/engines.ts'
import type { SavedQueryAnswer } from '../../../api/routes/queries.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { FailureNote, Waiting } from '../../elements/answer.tsx'
import type { EditorHandle } from '../../elements/code-editor.tsx'
import { useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { Begin } from './begin.tsx'
import { Result } from './result.tsx'
import { SchemaTree } from './schema-tree.tsx'
import { SheetEditor } from './sheet-editor.tsx'
import { addSheet, changeSheet, closeSheet, openSheet, SHEETS_MAX, useSheets } from './sheets.ts'
import classes from './warehouse.module.css'
import { WarehouseTabs } from './warehouse-tabs.tsx'

export function WarehousePage() {
  const { sheets, open, runs } = useSheets()
  const sheet = sheets.find(({ id }) => id === open) ?? sheets[0]
  const engines = useAnswer<{ engines: EngineAnswer[] }>('/engines')
  const editor = useRef<EditorHandle>(null)
  const linked = useLinkedQuery()
  const tables = useAnswer<{ tables: TableAnswer[] }>(at`/engines/${sheet?.engine ?? ''}/tables`, {
    enabled: sheet !== undefined,
  })
  if (sheet === undefined) return null
  const run = runs.get(sheet.id)
  return (
    <Page
      title="Warehouse"
      intro="One statement that reads, asked of the embedded warehouse or of your own database."
      calls={['GET /api/v1/engines/{engine}/tables', 'POST /api/v1/sql', 'POST /api/v1/sql/export']}
      commands={["thalweg sql 'select …' --engine warehouse", 'thalweg tables --columns']}
    >
      <WarehouseTabs at="/warehouse" />
      {linked !== null && <FailureNote error={linked} />}
      <div className={classes.desk}>
        <SchemaTree
          engines={engines.data?.engines ?? []}
          engine={sheet.engine}
          insert={(text, engine) => {
            if (sheet.sql.trim() === '' && engine !== sheet.engine) changeSheet(sheet.id, { engine })
            editor.current?.insert(text)
          }}
        />
        <Stack gap="sm" className={classes.work}>
          <Group gap={4} className={classes.sheets} role="toolbar" aria-label="Sheets">
            {sheets.map(({ id, saved }) => (
              <span key={id} className={classes.sheet} data-open={id === sheet.id || undefined}>
                <button type="button" aria-pressed={id === sheet.id} onClick={() => openSheet(id)}>
                  {saved ?? `Query ${id}`}
                  {runs.get(id)?.state === 'running' && ' …'}
                </button>
                <ActionIcon
                  variant="subtle"
                  size="xs"
                  aria-label={`Close ${saved ?? `Query ${id}`}`}
                  onClick={() => closeSheet(id)}
                >
                  <X size={12} aria-hidden />
                </ActionIcon>
              </span>
            ))}
            <ActionIcon
              variant="default"
              size="sm"
              aria-label="New query"
              disabled={sheets.length >= SHEETS_MAX}
              onClick={() => addSheet()}
            >
              <Plus size={14} aria-hidden />
            </ActionIcon>
          </Group>
          {engines.data === undefined ? (
            <Waiting lines={6} />
          ) : (
            <SheetEditor
              key={sheet.id}
              sheet={sheet}
              run={run}
              engines={engines.data.engines}
              tables={tables.data?.tables ?? NO_TABLES}
              editor={editor}
            />
          )}
          {run === undefined && sheet.sql === '' && tables.data !== undefined && (
            <Begin
              tables={tables.data.tables}
              kind={engines.data?.engines.find(({ name }) => name === sheet.engine)?.kind ?? ''}
              write={(sql) => {
                changeSheet(sheet.id, { sql })
                editor.current?.goTo(sql.length)
              }}
            />
          )}
          {run !== undefined && (
            <Result
              run={run}
              writesParquet={
                engines.data?.engines.some(({ name, builtIn }) => builtIn && name === run.engine) === true
              }
            />
          )}
        </Stack>
      </div>
    </Page>
  )
}

const NO_TABLES: readonly TableAnswer[] = []

/** Opens the saved query that the address names (`?saved=`). Gives why that failed. */
function useLinkedQuery(): Error | null {
  const [{ saved }, change] = useFilters<{ saved?: string | number | undefined }>()
  const query = useAnswer<SavedQueryAnswer>(at`/queries/${saved ?? ''}`, { enabled: saved !== undefined })
  const { data } = query
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each query that comes; the address is then that of the sheets
  useEffect(() => {
    if (data === undefined) return
    addSheet({ saved: data.name, engine: data.engine, sql: data.sql })
    change({ saved: undefined })
  }, [data])
  return query.error
}
