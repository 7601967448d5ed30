/** What a double keeps of one kind: profiles, members of a cohort, rows of a table, calls. */

import { Anchor } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { DoubleAnswer, SandboxPageAnswer } from '../../../api/routes/sandbox.ts'
import { at } from '../../api/client.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { JsonView } from '../../elements/json-view.tsx'
import { Page } from '../../elements/page.tsx'
import { titleOf } from './double-words.ts'

type Item = Readonly<Record<string, unknown>>

interface Keyed {
  readonly key: string
  readonly item: Item
}

const PAGE_ROWS = 100
const COLUMNS_MAX = 7
const CELL_CHARS_MAX = 80

export function HoldingPage() {
  const { double: name = '', holding = '' } = useParams({ strict: false })
  const double = useAnswer<DoubleAnswer>(at`/sandbox/${name}`)
  const { rows, result } = usePages<SandboxPageAnswer, Item>(at`/sandbox/${name}/holdings/${holding}`, {
    query: { limit: PAGE_ROWS },
    rows: ({ items }) => items as Item[],
    next: ({ next }) => (next === null ? undefined : { offset: next }),
    everyMs: 3_000,
    keep: true,
  })
  const [chosen, setChosen] = useState<Item>()
  const title = double.data?.holdings.find((one) => one.name === holding)?.title ?? holding
  return (
    <Page
      title={title}
      up={{ to: `/sandbox/${encodeURIComponent(name)}`, label: titleOf(name) }}
      intro="The newest first, where they have an order in time. A press on the first cell shows all of a row below."
      calls={['GET /api/v1/sandbox/{double}/holdings/{holding}']}
      commands={[]}
    >
      <Answer of={result}>
        {() => (
          <>
            <DataTable
              label={title}
              rows={rows.map((item, i) => ({ item, key: String(i) }))}
              columns={columnsOf(rows, setChosen)}
              paged={result}
              rowKey={({ key }) => key}
              empty={<Empty title="Nothing here yet">It fills with what the hub sends.</Empty>}
            />
            {chosen !== undefined && <JsonView value={chosen} label="The chosen one, whole" />}
          </>
        )}
      </Answer>
    </Page>
  )
}

/** The members that most have, as columns; the whole of one is shown below. */
function columnsOf(rows: readonly Item[], choose: (row: Item) => void): Column<Keyed>[] {
  const times = new Map<string, number>()
  for (const row of rows) for (const name of Object.keys(row)) times.set(name, (times.get(name) ?? 0) + 1)
  const names = [...times].sort((a, b) => b[1] - a[1]).slice(0, COLUMNS_MAX)
  return names.map(([name], i) => ({
    id: name,
    header: name,
    cell: ({ item }) =>
      i === 0 ? (
        <Anchor component="button" type="button" size="sm" ta="left" onClick={() => choose(item)}>
          {cellText(item[name])}
        </Anchor>
      ) : (
        cellText(item[name])
      ),
    ...(i > 2 ? { spare: true } : {}),
  }))
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '–'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX - 1)}…` : text
}
