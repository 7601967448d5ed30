/**
 * Tables of event types, as Treasure Data's Braze Currents Streaming names them with "Multiple Tables" on:
 * `users.messages.email.Open` becomes `users_messages_email_open`. Treasure Data's own examples follow no one
 * rule about plurals, so a source can say the table of a type itself.
 */

const CAMEL = /([a-z0-9])([A-Z])/g
const OTHER = /[^a-z0-9_]/g
/** Treasure Data: a table name has at most 128 characters in its current pages. */
const NAME_CHARS_MAX = 128

/** What a source says about its tables. */
export interface TableRule {
  /** Takes everything, or what has no type. */
  readonly table: string
  readonly multipleTables: boolean
  /** Event type → table, where the derived name will not do. */
  readonly tables: Readonly<Record<string, string>>
}

/** The table that an event of this type belongs to; '' = it has no type. */
export function tableOf(type: string, { table, multipleTables, tables }: TableRule): string {
  if (!multipleTables || type === '') return table
  return Object.hasOwn(tables, type) ? (tables[type] ?? table) : derivedTable(type)
}

/** Lower-case letters, digits and underscores, beginning with no digit; at least three characters. */
export function derivedTable(type: string): string {
  const plain = type
    .replace(CAMEL, '$1_$2')
    .toLowerCase()
    .replace(OTHER, '_')
    .slice(0, NAME_CHARS_MAX - 1)
  return (/^[0-9]/.test(plain) ? `_${plain}` : plain).padEnd(3, '_')
}
