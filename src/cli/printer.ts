/**
 * Writes for people (tables, colours on a terminal) or for programs (--json: one JSON value and nothing
 * else).
 */

import { styleText } from 'node:util'
import Table from 'cli-table3'
import type { Surroundings } from './surroundings.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

export interface Column {
  readonly title: string
  readonly right?: true
}

export class Printer {
  readonly #io: Surroundings
  readonly #json: boolean
  readonly #coloured: boolean

  constructor(io: Surroundings, options: { readonly json: boolean; readonly color: boolean }) {
    this.#io = io
    this.#json = options.json
    const { NO_COLOR = '', TERM } = io.env
    this.#coloured = options.color && io.stdout.isTTY === true && NO_COLOR === '' && TERM !== 'dumb'
  }

  get forPrograms(): boolean {
    return this.#json
  }

  /** Whether a person is watching: then things may move. */
  get live(): boolean {
    return !this.#json && this.#io.stdout.isTTY === true
  }

  /** The value as JSON, or what `render` writes. */
  show(value: unknown, render: () => void): void {
    if (this.#json) this.#io.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    else render()
  }

  /** Characters that fit on a line. */
  get width(): number {
    return this.#io.stdout.columns ?? WIDTH_DEFAULT
  }

  /** Text as it is, without a line end of ours. */
  text(text: string): void {
    this.#io.stdout.write(text)
  }

  /** One line of JSON: for streams of values. */
  jsonLine(value: unknown): void {
    this.#io.stdout.write(`${JSON.stringify(value)}\n`)
  }

  line(text = ''): void {
    this.#io.stdout.write(`${text}\n`)
  }

  /** A line beside the result; on stderr, so that it never mixes with it. */
  aside(text: string): void {
    this.#io.stderr.write(`${text}\n`)
  }

  colour(colour: Colour, text: string): string {
    return this.#coloured ? styleText(colour, text, { validateStream: false }) : text
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[], whenEmpty: string): void {
    this.line(rows.length === 0 ? whenEmpty : this.tableText(columns, rows))
  }

  tableText(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
    const table = new Table({
      head: columns.map((column) => this.colour('bold', column.title)),
      colAligns: columns.map((column) => (column.right ? 'right' : 'left')),
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
      chars: BARE,
    })
    table.push(...rows.map((row) => [...row]))
    return table
      .toString()
      .split('\n')
      .map((text) => text.trimEnd())
      .join('\n')
  }

  /** Names and values below each other. */
  facts(rows: readonly (readonly [name: string, value: string])[]): void {
    const width = Math.max(...rows.map(([name]) => name.length))
    for (const [name, value] of rows) this.line(`${this.colour('dim', name.padEnd(width))}  ${value}`)
  }
}

const WIDTH_DEFAULT = 100

/** No lines between cells: what is printed can be cut and pasted. */
const BARE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}
