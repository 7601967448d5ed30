/**
 * CSV with a header (RFC 4180), row by row. Stretches of whole rows go to the parser together. A row that it
 * cannot read costs its first line only: that line is set aside, and reading goes on with the next one, also
 * when a quote that was never closed had swallowed what follows.
 */

import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { ThalwegError } from '../../core/errors.ts'
import { type CsvRecord, plainRecords } from './csv-records.ts'
import { LongLine, NEWLINE, ROW_BYTES_MAX, ROW_LINES_MAX, type Row, type RowReader } from './rows.ts'

export interface CsvForm {
  /** One character. */
  readonly delimiter: string
  /** Unset: the first row holds them. */
  readonly headers: readonly string[] | undefined
  /** Members that every row gets. */
  readonly append: Readonly<Record<string, unknown>>
}

const NOTHING = Buffer.alloc(0)
const QUOTE = 0x22
const MARK = Buffer.from([0xef, 0xbb, 0xbf])

export class CsvRows implements RowReader {
  readonly #form: CsvForm
  #headers: readonly string[] | undefined
  /** `"name":` of each column. */
  #keys: readonly string[] = []
  /** The members that every row gets, with a comma before each. */
  readonly #append: string
  #rest: Buffer = NOTHING
  /** Of the file: where the rest begins. */
  #line = 1
  #long: LongLine | undefined
  #begun = false
  /** Cells may have an apostrophe in front that is not of the value. */
  #isArmoured = false

  /** Throws INPUT_INVALID when the names of the columns will not do. */
  constructor(form: CsvForm) {
    this.#form = form
    this.#append = Object.entries(form.append)
      .map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join('')
    if (form.headers !== undefined) this.#setHeaders(form.headers)
  }

  /** Throws INPUT_INVALID when the header row will not do. */
  push(bytes: Buffer): Row[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    return this.#read(false)
  }

  end(): Row[] {
    return this.#read(true)
  }

  #read(isLast: boolean): Row[] {
    const rows: Row[] = []
    if (!this.#begun) {
      if (!isLast && this.#rest.length < MARK.length) return rows
      this.#begun = true
      if (this.#rest.subarray(0, MARK.length).equals(MARK)) this.#rest = this.#rest.subarray(MARK.length)
    }
    if (this.#long !== undefined && !this.#passLongLine(rows, isLast)) return rows
    // All rows at once, until one breaks; from then on one by one.
    let isCareful = false
    while (this.#rest.length > 0) {
      const end = isCareful ? firstRowEnd(this.#rest, isLast) : wholeRowsEnd(this.#rest, isLast)
      const parsed = end > 0 ? this.#parse(this.#rest.subarray(0, end)) : undefined
      if (parsed !== undefined) {
        for (const one of parsed) this.#takeRecord(rows, one)
        this.#advance(end)
      } else if (end > 0 && !isCareful) isCareful = true
      else if (end > 0 || isLast) this.#giveUpLine(rows)
      else if (!this.#isTooLong()) return rows
      else if (this.#rest.includes(NEWLINE)) this.#giveUpLine(rows)
      else {
        this.#long = new LongLine(this.#line, this.#rest)
        this.#rest = NOTHING
      }
    }
    return rows
  }

  /** Drops the bytes of a line that is too long. False: its end has not come. */
  #passLongLine(rows: Row[], isLast: boolean): boolean {
    const newline = this.#rest.indexOf(NEWLINE)
    if (newline < 0 && !isLast) {
      this.#rest = NOTHING
      return false
    }
    if (this.#long !== undefined) rows.push(this.#long.row())
    this.#long = undefined
    this.#advance(newline < 0 ? this.#rest.length : newline + 1)
    return true
  }

  #isTooLong(): boolean {
    return this.#rest.length > ROW_BYTES_MAX || newlinesIn(this.#rest) > ROW_LINES_MAX
  }

  /** undefined when the bytes are not CSV in UTF-8 from end to end. */
  #parse(bytes: Buffer): readonly CsvRecord[] | undefined {
    if (!isUtf8(bytes)) return undefined
    const { delimiter } = this.#form
    return plainRecords(bytes.toString(), delimiter) ?? judgedRecords(bytes, delimiter)
  }

  #takeRecord(rows: Row[], { record, info }: CsvRecord): void {
    const line = this.#line + info.lines - 1 - record.reduce((sum, cell) => sum + newlinesInText(cell), 0)
    if (this.#headers === undefined) {
      this.#setHeaders(record)
      return
    }
    if (record.length !== this.#headers.length) {
      rows.push({ line, fault: 'row_broken', raw: Buffer.from(record.join(this.#form.delimiter)) })
      return
    }
    const cells = this.#isArmoured ? record.map(unarmoured) : record
    const members = cells.map((cell, i) => (this.#keys[i] ?? '') + JSON.stringify(cell)).join()
    const fields = `{${members}${this.#append}}`
    const isLong = fields.length > ROW_BYTES_MAX || Buffer.byteLength(fields) > ROW_BYTES_MAX
    rows.push(
      isLong ? new LongLine(line, Buffer.from(record.join(this.#form.delimiter))).row() : { line, fields },
    )
  }

  #setHeaders(names: readonly string[]): void {
    const trimmed = names.map((name) => name.trim())
    const twice = trimmed.find(
      (name, i) => trimmed.indexOf(name) < i || Object.hasOwn(this.#form.append, name),
    )
    if (twice !== undefined || trimmed.includes('')) {
      const what =
        twice === undefined ? 'one column has no name' : `the name ${JSON.stringify(twice)} is there twice`
      throw new ThalwegError('INPUT_INVALID', `The columns cannot be told apart: ${what}`)
    }
    this.#headers = trimmed
    this.#isArmoured = isOfDashboard(trimmed)
    this.#keys = trimmed.map((name) => `${JSON.stringify(name)}:`)
  }

  /** Sets the first line aside. */
  #giveUpLine(rows: Row[]): void {
    const newline = this.#rest.indexOf(NEWLINE)
    const end = newline < 0 ? this.#rest.length : newline
    const raw = Buffer.from(this.#rest.subarray(0, end))
    rows.push(
      raw.length > ROW_BYTES_MAX
        ? new LongLine(this.#line, raw).row()
        : { line: this.#line, fault: 'row_broken', raw },
    )
    this.#advance(Math.min(end + 1, this.#rest.length))
  }

  #advance(bytes: number): void {
    this.#line += newlinesIn(this.#rest.subarray(0, bytes))
    this.#rest = this.#rest.subarray(bytes)
  }
}

/** undefined when the text is no CSV. */
export function judgedRecords(text: Buffer | string, delimiter: string): readonly CsvRecord[] | undefined {
  try {
    return parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as readonly CsvRecord[]
  } catch (error) {
    if (error instanceof CsvError) return undefined
    throw error
  }
}

/** By the columns that only an export of Braze's dashboard has: of user data, or of e-mail addresses. */
function isOfDashboard(headers: readonly string[]): boolean {
  return (
    headers.includes('Appboy ID') ||
    (headers.includes('user_id') && headers.includes('unsubscribed_from_emails_at'))
  )
}

/** Braze puts an apostrophe before what a spreadsheet would take for a formula: `'+4915112345678`. */
function unarmoured(cell: string): string {
  return /^'[-=+@]/.test(cell) ? cell.slice(1) : cell
}

/** Behind the last newline outside of quotes; the end of all when nothing follows and no quote is open; 0 when there is none. */
function wholeRowsEnd(bytes: Buffer, isLast: boolean): number {
  let isQuoted = false
  let end = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) isQuoted = !isQuoted
    else if (byte === NEWLINE && !isQuoted) end = at + 1
  }
  return isLast && !isQuoted ? bytes.length : end
}

/** Behind the first newline outside of quotes, within the bounds of a row; 0 when there is none. */
function firstRowEnd(bytes: Buffer, isLast: boolean): number {
  let isQuoted = false
  let lines = 0
  for (let at = 0; at < Math.min(bytes.length, ROW_BYTES_MAX); at++) {
    const byte = bytes[at]
    if (byte === QUOTE) isQuoted = !isQuoted
    else if (byte === NEWLINE) {
      if (!isQuoted) return at + 1
      if (++lines > ROW_LINES_MAX) return 0
    }
  }
  return isLast && !isQuoted ? bytes.length : 0
}

function newlinesIn(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}

function newlinesInText(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
