/**
 * The records of CSV (RFC 4180) that is well formed, at a third of what the library takes. What is odd in any way is the
 * library's to judge; a property holds the two together.
 */

export interface CsvRecord {
  readonly record: readonly string[]
  /** `lines`: the line on which it ends, from 1. */
  readonly info: { readonly lines: number }
}

const QUOTE = 0x22
const NEWLINE = 0x0a
const RETURN = 0x0d
const LONE_RETURN = /\r(?!\n)/

/** Empty lines are left out. Undefined: something is odd. */
export function plainRecords(text: string, delimiter: string): CsvRecord[] | undefined {
  if (LONE_RETURN.test(text)) return undefined
  const records: CsvRecord[] = []
  let at = 0
  let line = 1
  while (at < text.length) {
    const empty = lineEndAt(text, at)
    if (empty > 0) {
      at += empty
      line++
      continue
    }
    const record: string[] = []
    let lineEnd = endOfLine(text, at)
    for (;;) {
      let end: number
      if (text.charCodeAt(at) === QUOTE) {
        const close = closingQuote(text, at + 1)
        if (close < 0) return undefined
        record.push(text.slice(at + 1, close).replaceAll('""', '"'))
        end = close + 1
        for (; lineEnd < close; lineEnd = endOfLine(text, lineEnd + 1)) line++
      } else {
        end = text.indexOf(delimiter, at)
        if (end < 0 || end > lineEnd) end = withoutReturn(text, at, lineEnd)
        const cell = text.slice(at, end)
        if (cell.includes('"')) return undefined
        record.push(cell)
      }
      at = end + 1
      if (end >= text.length || text[end] !== delimiter) {
        const ended = end >= text.length ? 1 : lineEndAt(text, end)
        if (ended === 0) return undefined
        at = end + ended
        break
      }
    }
    records.push({ record, info: { lines: line } })
    line++
  }
  return records
}

/** Characters of the line's end that is here; 0: there is none. */
function lineEndAt(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === NEWLINE) return 1
  return first === RETURN && text.charCodeAt(at + 1) === NEWLINE ? 2 : 0
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from)
  return newline < 0 ? text.length : newline
}

function withoutReturn(text: string, from: number, lineEnd: number): number {
  return lineEnd < text.length && lineEnd > from && text.charCodeAt(lineEnd - 1) === RETURN
    ? lineEnd - 1
    : lineEnd
}

/** Of two quotes in a row the pair is one of the text. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2))
    if (text.charCodeAt(at + 1) !== QUOTE) return at
  return -1
}
