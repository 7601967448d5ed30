/**
 * What a value becomes on its way into a statement, so that SQLite and PostgreSQL do the same with it.
 */

/**
 * PostgreSQL's text cannot hold U+0000, and vendors' data does: U+FFFD stands in for it, in both dialects, so that equal
 * values stay equal. Bytes are untouched: what must be kept exactly belongs in a bytes column.
 */
export function bindText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text
}

export function bindForPostgres(value: unknown): unknown {
  return typeof value === 'string' ? bindText(value) : value
}

export type SqliteValue = string | number | bigint | null | Uint8Array

/**
 * node:sqlite binds every JavaScript number as a REAL, which makes `minute / ?` a division of reals where PostgreSQL divides
 * whole numbers: whole numbers are bound as integers. Throws a TypeError for what no column can hold.
 */
export function bindForSqlite(value: unknown): SqliteValue {
  switch (typeof value) {
    case 'string':
      return bindText(value)
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value
    case 'bigint':
      return value
    default:
      if (value === null || value instanceof Uint8Array) return value
      throw new TypeError(`A statement cannot take a value of type ${typeof value}`)
  }
}
