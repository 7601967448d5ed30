/** The tables that a segment is made of. */

import { NativeSelect, SimpleGrid } from '@mantine/core'
import type { EngineAnswer, TableAnswer } from '../../../api/routes/engines.ts'
import type { SegmentAnswer } from '../../../api/routes/segments.ts'

export type Parent = SegmentAnswer['definition']['parent']

export interface ParentFormProps {
  readonly value: Parent
  readonly onChange: (value: Parent) => void
  readonly engines: readonly EngineAnswer[]
  /** Of the engine. */
  readonly tables: readonly TableAnswer[]
}

export function ParentForm({ value, onChange, engines, tables }: ParentFormProps) {
  const { engine, table, key, events } = value
  const names = tables.map(nameOf)
  const none = { value: '', label: 'none' }
  const changeEvents = (change: Partial<NonNullable<Parent['events']>>): void => {
    if (events !== undefined) onChange({ ...value, events: { ...events, ...change } })
  }
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="sm">
      <Choice
        label="Engine"
        value={engine}
        choices={engines.map(({ name }) => name)}
        change={(next) => onChange({ engine: next, table: '', key: '' })}
      />
      <Choice
        label="Table of people"
        value={table}
        choices={names}
        change={(next) => onChange({ ...value, table: next, key: columnsOf(tables, next)[0]?.name ?? '' })}
      />
      <Choice
        label="Column that names the person"
        value={key}
        choices={columnsOf(tables, table).map(({ name }) => name)}
        change={(next) => onChange({ ...value, key: next })}
      />
      <NativeSelect
        size="xs"
        label="Table of events"
        value={events?.table ?? ''}
        data={[none, ...names]}
        onChange={({ currentTarget }) => {
          const { events: _before, ...rest } = value
          const chosen = currentTarget.value
          const columns = columnsOf(tables, chosen)
          const time = columns.find(({ type }) => /time|date/i.test(type)) ?? columns[0]
          onChange(
            chosen === ''
              ? rest
              : { ...rest, events: { table: chosen, key: columns[0]?.name ?? '', time: time?.name ?? '' } },
          )
        }}
      />
      {events !== undefined && (
        <>
          <Choice
            label="Its column that names the person"
            value={events.key}
            choices={columnsOf(tables, events.table).map(({ name }) => name)}
            change={(next) => changeEvents({ key: next })}
          />
          <Choice
            label="Its column with the moment"
            value={events.time}
            choices={columnsOf(tables, events.table).map(({ name }) => name)}
            change={(next) => changeEvents({ time: next })}
          />
        </>
      )}
    </SimpleGrid>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly value: string
  readonly choices: readonly string[]
  readonly change: (value: string) => void
}

/** What is chosen stays a choice where the engine does not tell it any more. */
function Choice({ label, value, choices, change }: ChoiceProps) {
  const data = choices.includes(value) ? choices : [value, ...choices]
  return (
    <NativeSelect
      size="xs"
      label={label}
      value={value}
      data={data.map((one) => ({ value: one, label: one === '' ? 'choose one' : one }))}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    />
  )
}

export function columnsOf(tables: readonly TableAnswer[], name: string): TableAnswer['columns'] {
  return tables.find((table) => nameOf(table) === name || table.table === name)?.columns ?? []
}

function nameOf({ database, table }: TableAnswer): string {
  return `${database}.${table}`
}
