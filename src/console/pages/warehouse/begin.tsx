import { Button, Stack } from '@mantine/core'
import type { TableAnswer } from '../../../api/routes/engines.ts'
import { Empty } from '../../elements/empty.tsx'
import { count } from '../../elements/words.ts'
import { tableName } from './names.ts'

/** Tables that are offered. */
const OFFERED_MAX = 4

export interface BeginProps {
  readonly tables: readonly TableAnswer[]
  readonly kind: string
  readonly write: (sql: string) => void
}

/** Under a sheet on which nothing is written yet. */
export function Begin({ tables, kind, write }: BeginProps) {
  const events = tables.find(({ columns }) => columns.some(({ name }) => name === 'event_type'))
  return (
    <div className="tw-card">
      <Empty
        title="Write a statement, or begin with one of these"
        action={
          <Stack gap={4} mt="xs" align="center">
            {events !== undefined && (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() =>
                  write(
                    `select event_type, count(*) as events\nfrom ${tableName(events, kind)}\ngroup by 1\norder by 2 desc`,
                  )
                }
              >
                Events by type
              </Button>
            )}
            {tables.slice(0, OFFERED_MAX).map((table) => (
              <Button
                key={`${table.database} ${table.table}`}
                size="compact-sm"
                variant="default"
                onClick={() => write(`select *\nfrom ${tableName(table, kind)}\nlimit 100`)}
              >
                Rows of {table.table}
                {table.rows !== null && `, about ${count(table.rows)}`}
              </Button>
            ))}
          </Stack>
        }
      >
        A click on a table or column at the side puts its name where the caret stands. Only statements that
        read are run.
      </Empty>
    </div>
  )
}
