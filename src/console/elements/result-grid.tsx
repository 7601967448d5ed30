/** Rows that a query gave, each column with its type. */

import { useMemo } from 'react'
import { CellView } from './cell-view.tsx'
import { type Column, DataTable } from './data-table.tsx'
import { Empty } from './empty.tsx'

type Cell = null | boolean | number | string

export interface ResultGridProps {
  readonly label: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly Cell[])[]
  readonly none: string
  readonly height?: string
}

interface Row {
  readonly key: string
  readonly cells: readonly Cell[]
}

export function ResultGrid({ label, columns, rows, none, height }: ResultGridProps) {
  const keyed = useMemo(() => rows.map((cells, i): Row => ({ key: String(i), cells })), [rows])
  const shown = useMemo(
    () =>
      columns.map(
        ({ name, type }, i): Column<Row> => ({
          ...{ id: `${i} ${name}`, header: name, note: type },
          cell: ({ cells }) => <CellView value={cells[i] ?? null} column={name} />,
          ...(isNumeric(type) ? { align: 'right' as const } : {}),
          sortBy: ({ cells }) => orderOf(cells[i] ?? null),
        }),
      ),
    [columns],
  )
  return (
    <DataTable
      label={label}
      rows={keyed}
      columns={shown}
      rowKey={({ key }) => key}
      empty={<Empty title={none} />}
      {...(height === undefined ? {} : { height })}
    />
  )
}

function isNumeric(type: string): boolean {
  return /^(u?(tiny|small|big|huge)?int|integer|u?int\d*|float|double|real|decimal|numeric|number)/i.test(
    type,
  )
}

/** Null comes first; texts of numbers too long for a number stay texts. */
function orderOf(cell: Cell): string | number {
  if (cell === null) return Number.NEGATIVE_INFINITY
  return typeof cell === 'boolean' ? Number(cell) : cell
}
