/**
 * Rows in columns: a real table of which only the rows in sight are drawn, however many there are. Lists that the API pages ask for the next
 * page when the end comes near; sorting is offered where all rows are at hand.
 */

import { Checkbox, Loader } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import {
  type ColumnDef,
  columnSizingFeature,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { memo, type ReactNode, useEffect, useMemo, useRef } from 'react'
import type { Paged } from '../api/queries.ts'
import { Breakable } from './breakable.tsx'
import classes from './data-table.module.css'

export interface Column<Row> {
  readonly id: string
  readonly header: string
  /** Below the header, small: a unit, a type. */
  readonly note?: string
  readonly cell: (row: Row) => ReactNode
  /** Makes the column sortable. Only where all rows are at hand. */
  readonly sortBy?: (row: Row) => string | number
  /** In pixels; unset: as wide as what is in it. */
  readonly width?: number
  readonly align?: 'right'
  /** A sentence: goes on in the next line where there is no room, and is cut after the second; whole when pointed at or by keyboard. */
  readonly wraps?: boolean
  /** Left out where the window is narrower than 700 pixels. */
  readonly spare?: boolean
}

export interface DataTableProps<Row> {
  /** What the rows are, for those who hear the page. */
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  readonly rowKey: (row: Row) => string
  /** Where a row leads; its first cell becomes the link. */
  readonly rowTo?: (row: Row) => string
  /** Of the list that the rows are the first pages of. */
  readonly paged?: Paged<Row>['result']
  readonly selection?: {
    readonly chosen: ReadonlySet<string>
    readonly change: (chosen: ReadonlySet<string>) => void
  }
  /** In place of the rows when there are none. */
  readonly empty?: ReactNode
  /** Largest height of the part that scrolls, as CSS; the default leaves room for head and filters. */
  readonly height?: string
}

const ROW_PX = 37
const features = tableFeatures({
  columnSizingFeature,
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
})

export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const {
    label,
    rows,
    columns,
    rowKey,
    rowTo,
    paged,
    selection,
    empty,
    height = 'max(320px, calc(100dvh - 300px))',
  } = props
  const definitions = useMemo(() => columns.map(definitionOf<Row>), [columns])
  const table = useTable({ features, columns: definitions, data: rows as Row[], getRowId: rowKey })
  const sorted = table.getRowModel().rows
  const box = useRef<HTMLDivElement>(null)
  const isNarrow = useMediaQuery('(max-width: 700px)', false)
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    getItemKey: (i) => sorted[i]?.id ?? i,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const { hasNextPage = false, isFetchingNextPage = false, fetchNextPage } = paged ?? {}
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= sorted.length - 20) void fetchNextPage?.()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, sorted.length])

  if (rows.length === 0 && empty !== undefined && !hasNextPage)
    return <div className={classes.frame}>{empty}</div>
  const above = items[0]?.start ?? 0
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  const width = columns.length + (selection === undefined ? 0 : 1)
  return (
    // What scrolls can be reached by keyboard.
    <section
      className={classes.frame}
      ref={box}
      style={{ maxHeight: height }}
      tabIndex={0}
      aria-label={label}
    >
      <table className={classes.table} aria-rowcount={hasNextPage ? -1 : sorted.length + 1}>
        <thead className={classes.head}>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {selection !== undefined && (
                <th className={classes.pick}>
                  <Checkbox
                    size="xs"
                    aria-label={`All ${label} on this page`}
                    checked={selection.chosen.size > 0 && selection.chosen.size >= sorted.length}
                    indeterminate={selection.chosen.size > 0 && selection.chosen.size < sorted.length}
                    onChange={({ currentTarget }) =>
                      selection.change(new Set(currentTarget.checked ? sorted.map(({ id }) => id) : []))
                    }
                  />
                </th>
              )}
              {group.headers.map(({ column }, i) => {
                const { header, note, align, spare, width: px } = columns[i] ?? {}
                const order = column.getIsSorted()
                return (
                  <th
                    key={column.id}
                    data-align={align}
                    data-spare={spare}
                    style={px === undefined ? {} : { width: px }}
                    {...(order === false
                      ? {}
                      : { 'aria-sort': order === 'asc' ? 'ascending' : 'descending' })}
                  >
                    {column.getCanSort() ? (
                      <button type="button" className={classes.sort} onClick={() => column.toggleSorting()}>
                        {header}
                        {order === 'asc' && <ArrowUp size={13} aria-hidden />}
                        {order === 'desc' && <ArrowDown size={13} aria-hidden />}
                      </button>
                    ) : (
                      header
                    )}
                    {note !== undefined && <span className={classes.note}>{note}</span>}
                  </th>
                )
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {above > 0 && <Gap px={above} span={width} />}
          {items.map(({ index }) => {
            const row = sorted[index]
            if (row === undefined) return null
            return (
              <Line
                key={row.id}
                id={row.id}
                row={row.original}
                index={index}
                columns={columns}
                isNarrow={isNarrow}
                measure={virtual.measureElement}
                {...(rowTo === undefined ? {} : { rowTo })}
                {...(selection === undefined ? {} : { selection })}
              />
            )
          })}
          {below > 0 && <Gap px={below} span={width} />}
          {isFetchingNextPage && (
            <tr>
              <td colSpan={width}>
                <Loader size="xs" role="status" aria-label="Loading more" />
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  )
}

interface LineProps<Row> extends Pick<DataTableProps<Row>, 'columns' | 'rowTo' | 'selection'> {
  readonly id: string
  readonly row: Row
  readonly index: number
  readonly isNarrow: boolean
  readonly measure: (element: Element | null) => void
}

/** Whoever scrolls waits only for the rows that come into sight: those that are there already are not drawn anew. */
const Line = memo(DrawnLine) as typeof DrawnLine

function DrawnLine<Row>({
  id: key,
  row,
  index,
  columns,
  isNarrow,
  measure,
  rowTo,
  selection,
}: LineProps<Row>) {
  return (
    <tr data-index={index} ref={measure} aria-rowindex={index + 2}>
      {selection !== undefined && (
        <td className={classes.pick}>
          <Checkbox
            size="xs"
            aria-label={`Choose ${key}`}
            checked={selection.chosen.has(key)}
            onChange={() => selection.change(toggled(selection.chosen, key))}
          />
        </td>
      )}
      {columns.map(({ id, cell, align, spare, wraps }, i) => (
        <td key={id} data-align={align} data-spare={spare} data-wraps={wraps}>
          {i === 0 ? (
            <First to={rowTo?.(row)} isNarrow={isNarrow}>
              {cell(row)}
            </First>
          ) : wraps === true ? (
            <Sentence>{cell(row)}</Sentence>
          ) : (
            cell(row)
          )}
        </td>
      ))}
    </tr>
  )
}

interface FirstProps {
  readonly to: string | undefined
  /** A line is broken at its places even where text is not to be broken, so they are set only here. */
  readonly isNarrow: boolean
  readonly children: ReactNode
}

/** What names the row: on a phone it goes on in the next line, so that other columns are seen beside it. */
function First({ to, isNarrow, children }: FirstProps) {
  const content = isNarrow && typeof children === 'string' ? <Breakable text={children} /> : children
  return (
    <div className={classes.first}>
      {to === undefined ? (
        content
      ) : (
        <Link to={to} className={classes.lead}>
          {content}
        </Link>
      )}
    </div>
  )
}

function Sentence({ children }: { children: ReactNode }) {
  return (
    <div className={classes.sentence} {...(typeof children === 'string' ? { title: children } : {})}>
      {children}
    </div>
  )
}

/** Stands for the rows that are out of sight. */
function Gap({ px, span }: { px: number; span: number }) {
  return (
    <tr>
      <td colSpan={span} style={{ height: px, padding: 0, border: 0 }} />
    </tr>
  )
}

function toggled(chosen: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(chosen)
  if (!next.delete(id)) next.add(id)
  return next
}

function definitionOf<Row extends object>({
  id,
  header,
  sortBy,
  width,
}: Column<Row>): ColumnDef<typeof features, Row> {
  return {
    id,
    header,
    ...(width === undefined ? {} : { size: width }),
    ...(sortBy === undefined
      ? { enableSorting: false }
      : { accessorFn: (row: Row) => sortBy(row), enableSorting: true, sortFn: 'basic' as const }),
  } as ColumnDef<typeof features, Row>
}
