/**
 * How Treasure Data's Braze streaming connector lays an event out in columns: two levels, `{parent}_{field}`,
 * names lower-cased with underscores, booleans and arrays as text, nulls left out (TD docs, "Braze Currents
 * Import Integration"). Deeper objects become JSON text, and the event's own `time` goes to `event_time`
 * because `time` is the receive time of the row (both ours: not documented). Decimals keep their value: TD
 * types them `long` but casts on reading.
 */

import { isObject } from './answer.ts'

export type Column = string | number

export function flattened(event: Record<string, unknown>): Record<string, Column> {
  const columns: Record<string, Column> = {}
  for (const [name, value] of Object.entries(event)) {
    if (isObject(value)) {
      for (const [field, inner] of Object.entries(value)) put(columns, `${name}_${field}`, inner)
    } else {
      put(columns, name === 'time' ? 'event_time' : name, value)
    }
  }
  return columns
}

/**
 * The table of one event type with "Multiple Tables" on: `users.messages.email.Open` becomes
 * `users_messages_email_open`.
 */
export function tableOfType(type: string): string {
  return columnName(type.replace(/([a-z0-9])([A-Z])/g, '$1_$2'))
}

export function columnName(name: string): string {
  const column = name.toLowerCase().replace(/[^a-z0-9_]/g, '_')
  return /^[0-9]/.test(column) ? `_${column}` : column
}

function put(columns: Record<string, Column>, name: string, value: unknown): void {
  if (value === null || value === undefined) return
  columns[columnName(name)] = columnValue(value)
}

/** Schema-on-read: numbers and text stay, booleans become text, everything nested becomes JSON text. */
export function columnValue(value: unknown): Column {
  if (typeof value === 'number' || typeof value === 'string') return value
  return JSON.stringify(value)
}
