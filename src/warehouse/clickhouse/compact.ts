/**
 * Reads ClickHouse's JSONCompact format line by line as it arrives: names and types, then one line for each row, then
 * the count. Among the formats that all versions write it is the one whose end can be told from an end that came too
 * early: after a failure in the middle the server appends a text to a 200, and no row or count looks like that text.
 *
 * | state  | line                    | what follows                      |
 * |--------|-------------------------|-----------------------------------|
 * | head   | `"data":`               | rows; names and types are known   |
 * | rows   | `[`                     | rows                              |
 * | rows   | `[…]` or `[…],`         | a row                             |
 * | rows   | `]` or `],`             | tail                              |
 * | tail   | `"rows": n`             | complete                          |
 * | any    | `"exception": "…"`, or nothing of the above | broken: what is left is the server's text |
 */

export interface Meta {
  readonly name: string
  readonly type: string
}

export class CompactReader {
  #state: 'head' | 'rows' | 'tail' | 'complete' | 'broken' = 'head'
  readonly #head: string[] = []
  readonly #broken: string[] = []
  meta: readonly Meta[] | undefined

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /** What the server said instead of an end. */
  get complaint(): string {
    return this.#broken.join('\n')
  }

  /** Gives the row's JSON when the line is one. */
  take(line: string): string | undefined {
    const text = line.trim()
    if (this.#state === 'broken') this.#complain(text)
    else if (this.#state === 'head') this.#takeHead(text)
    else if (this.#state === 'rows') return this.#takeRow(text)
    else this.#takeTail(text)
    return undefined
  }

  #takeHead(text: string): void {
    if (text.startsWith('Code:')) this.#complain(text)
    else if (text === '"data":') this.#enterRows()
    else this.#head.push(text)
  }

  #enterRows(): void {
    const { meta } = JSON.parse(`${this.#head.join('')}"data":0}`) as { readonly meta: readonly Meta[] }
    this.meta = meta
    this.#state = 'rows'
  }

  #takeRow(text: string): string | undefined {
    if (text === '[' || text === '') return undefined
    if (text === ']' || text === '],') {
      this.#state = 'tail'
      return undefined
    }
    const row = text.endsWith(',') ? text.slice(0, -1) : text
    if (row.startsWith('[') && row.endsWith(']')) return row
    // The text may stand right behind the last row.
    this.#complain(text.slice(Math.max(0, text.lastIndexOf('Code:'))))
    return undefined
  }

  #takeTail(text: string): void {
    if (text.startsWith('"exception":')) this.#complain(text.slice('"exception":'.length).trim().slice(1, -1))
    else if (text.startsWith('Code:')) this.#complain(text)
    else if (text.startsWith('"rows":')) this.#state = 'complete'
  }

  #complain(text: string): void {
    this.#state = 'broken'
    if (this.#broken.length < COMPLAINT_LINES_MAX) this.#broken.push(text)
  }
}

const COMPLAINT_LINES_MAX = 100
