/** Tables and columns of every engine; what is clicked is put into the query. */

import { TextInput } from '@mantine/core'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import type { EngineAnswer, TableAnswer } from '../../../api/routes/engines.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { short } from '../../elements/words.ts'
import { quoted, tableName } from './names.ts'
import classes from './warehouse.module.css'

/** Tables of one engine that are drawn; a search finds the others. */
const TABLES_MAX = 200

export interface SchemaTreeProps {
  readonly engines: readonly EngineAnswer[]
  /** The one whose tables are shown from the start. */
  readonly engine: string
  readonly insert: (text: string, engine: string) => void
}

export function SchemaTree({ engines, engine, insert }: SchemaTreeProps) {
  const [search, setSearch] = useState('')
  return (
    <section className={classes.tree} aria-label="Tables">
      <TextInput
        label="Find a table or column"
        size="xs"
        mb="xs"
        value={search}
        onChange={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      <div className={classes.scroll}>
        <ul>
          {engines.map((one) => (
            <Node
              key={`${one.name} ${one.name === engine}`}
              label={one.name}
              about={one.kind}
              begins={one.name === engine}
            >
              <EngineTables engine={one} search={search.trim().toLowerCase()} insert={insert} />
            </Node>
          ))}
        </ul>
      </div>
    </section>
  )
}

interface NodeProps {
  readonly label: string
  readonly about: string
  readonly begins?: boolean
  /** Clicking the name does this; without it, it opens and closes. */
  readonly choose?: () => void
  readonly children: ReactNode
}

function Node({ label, about, begins = false, choose, children }: NodeProps) {
  const [isOpen, setOpen] = useState(begins)
  const toggle = (): void => setOpen(!isOpen)
  return (
    <li>
      <div className={classes.node}>
        <button
          type="button"
          className={classes.fold}
          aria-expanded={isOpen}
          aria-label={`Open ${label}`}
          onClick={toggle}
        >
          {isOpen ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
        </button>
        <button type="button" className={classes.name} title={label} onClick={choose ?? toggle}>
          {label}
        </button>
        <span className={classes.about}>{about}</span>
      </div>
      {isOpen && children}
    </li>
  )
}

interface EngineTablesProps {
  readonly engine: EngineAnswer
  /** In lower case. */
  readonly search: string
  readonly insert: SchemaTreeProps['insert']
}

function EngineTables({ engine: { name, kind }, search, insert }: EngineTablesProps) {
  const tables = useAnswer<{ tables: TableAnswer[] }>(at`/engines/${name}/tables`)
  return (
    <Answer of={tables} lines={5}>
      {({ tables: all }) => {
        const found = all.filter(
          ({ table, columns }) =>
            table.toLowerCase().includes(search) ||
            (search !== '' && columns.some((column) => column.name.toLowerCase().includes(search))),
        )
        return (
          <ul>
            {found.slice(0, TABLES_MAX).map((table) => (
              <Node
                key={`${table.database} ${table.table}`}
                label={tableName(table, kind)}
                about={table.rows === null ? '' : `${short(table.rows)} rows`}
                choose={() => insert(tableName(table, kind), name)}
              >
                <ul>
                  {table.columns.map((column) => (
                    <li key={column.name} className={`${classes.node} ${classes.column}`}>
                      <button
                        type="button"
                        className={classes.name}
                        title={column.name}
                        onClick={() => insert(quoted(column.name, kind), name)}
                      >
                        {column.name}
                      </button>
                      <span className={classes.about} title={column.type}>
                        {column.type}
                      </span>
                    </li>
                  ))}
                </ul>
              </Node>
            ))}
            {found.length === 0 && (
              <li className={classes.about}>{all.length === 0 ? 'No tables yet' : 'Nothing found'}</li>
            )}
            {found.length > TABLES_MAX && (
              <li className={classes.about}>and {found.length - TABLES_MAX} more: search for them</li>
            )}
          </ul>
        )
      }}
    </Answer>
  )
}
