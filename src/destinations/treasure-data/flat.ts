/**
 * The flat layout: an event as one row of columns, at most two levels deep, as Treasure Data's own Braze
 * connector lays it out.
 *
 * | in the event                  | in the row                                                                  |
 * |-------------------------------|-----------------------------------------------------------------------------|
 * | top-level scalar or array     | column of the same name                                                     |
 * | top-level object              | one column per member, `<object>_<member>`                                  |
 * | string, number                | as it is                                                                    |
 * | boolean                       | the text "true" or "false"                                                  |
 * | array, object below level two | JSON text                                                                   |
 * | null                          | no column                                                                   |
 * | top-level `time`              | `event_time`: the column `time` is Treasure Data's own, the time of receipt |
 *
 * Column names are lower-case letters, digits and underscores and begin with no digit (Treasure Data,
 * naming): other characters become underscores, a leading digit gets one before it. `uuid` becomes
 * `event_uuid`: that column belongs to the records API. When two members come to the same name, the first in
 * the event keeps it and the later ones get `_2`, `_3` and so on.
 */

import { isObject } from '../exact.ts'

export type FlatRow = Record<string, unknown>

/** Names that mean something else to Treasure Data. */
const TAKEN: ReadonlyMap<string, string> = new Map([
  ['time', 'event_time'],
  ['uuid', 'event_uuid'],
])

export function flatRow(event: Readonly<Record<string, unknown>>): FlatRow {
  const row = new Row()
  for (const [key, value] of Object.entries(event)) {
    if (isObject(value)) {
      for (const [inner, leaf] of Object.entries(value)) row.add(`${key}_${inner}`, leaf)
    } else {
      row.add(key, value)
    }
  }
  return row.columns
}

class Row {
  /** Without a prototype: a member called __proto__ is a name like any other. */
  readonly columns: FlatRow = Object.create(null) as FlatRow
  /**
   * The number that a name got last. Counting on from there keeps a thousand equal names from costing a
   * million looks.
   */
  readonly #numbers = new Map<string, number>()

  add(name: string, value: unknown): void {
    if (value === null) return
    this.columns[this.#free(columnName(name))] = cell(value)
  }

  #free(name: string): string {
    let free = name
    // Ends: each round tries a new name, and there are only as many columns as members.
    while (free in this.columns) {
      const number = (this.#numbers.get(name) ?? 1) + 1
      this.#numbers.set(name, number)
      free = `${name}_${number}`
    }
    return free
  }
}

function columnName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9_]/g, '_')
  const column = plain === '' || /^[0-9]/.test(plain) ? `_${plain}` : plain
  return TAKEN.get(column) ?? column
}

function cell(value: unknown): unknown {
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value) || isObject(value)) return JSON.stringify(value)
  return value
}
