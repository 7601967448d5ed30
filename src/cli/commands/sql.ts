/** sql: one statement that reads, as a grid for people, as CSV, NDJSON or JSON for programs, or into a file. */

import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { QueryAnswer, ResultAnswer } from '../../api/routes/sql.ts'
import { refusalFrom, ThalwegError } from '../../core/errors.ts'
import type { Client } from '../client.ts'
import { gridOf, NULL_TEXT, pointedAt } from '../grid.ts'
import type { Session } from '../session.ts'
import { grouped, span, wholeFrom } from '../words.ts'

const FORMATS = ['table', 'csv', 'ndjson', 'json', 'parquet'] as const
type Format = (typeof FORMATS)[number]

/** Of a grid: more than people look at. */
const GRID_ROWS = 100
const DAY_MS = 86_400_000

interface Options {
  readonly engine?: string
  readonly saved?: string
  readonly format?: Format
  readonly rows?: number
  readonly timeout?: number
  readonly out?: string
}

/** What the API is asked. */
interface Question {
  readonly sql?: string
  readonly saved?: string
  readonly engine?: string
  readonly rowsMax?: number
  readonly timeoutMs?: number
}

export function sqlCommand(program: Command, session: Session): void {
  withQueryOptions(program.command('sql'))
    .description('run one statement that reads; - takes it from standard input. Ctrl-C ends it on the server')
    .argument('[statement]', "the statement, such as 'select 1'")
    .option('--saved <name>', 'run a saved query instead')
    .action(async (statement: string | undefined, options: Options, command: Command) => {
      if ((statement === undefined) === (options.saved === undefined))
        command.error('error: give a statement or --saved', { exitCode: 2 })
      const sql = statement === '-' ? await session.readText('-') : statement
      await runQuery(session, sql, options)
    })
}

/** What every way to run a query takes. */
export function withQueryOptions(command: Command): Command {
  return command
    .option('--engine <name>', 'the engine to ask (default: warehouse, or the saved query’s own)')
    .addOption(
      new Option(
        '--format <format>',
        'default: table on a terminal, csv elsewhere; parquet needs --out',
      ).choices(FORMATS),
    )
    .option('--rows <n>', 'rows at most (default: 100 in a table, else all)', wholeFrom(1, 1_000_000_000_000))
    .option('--timeout <time>', 'time at most, such as 30s, 10m, 1h (default: 60s)', durationFrom)
    .option('--out <file>', 'write into a file; it is there only when the result is whole')
}

/** Runs the statement, or `options.saved`, and writes its result as asked. */
export async function runQuery(session: Session, sql: string | undefined, options: Options): Promise<void> {
  const format = formatOf(session, options)
  const client = await session.client()
  const question: Question = {
    ...(sql === undefined ? {} : { sql }),
    ...(options.saved === undefined ? {} : { saved: options.saved }),
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    ...(options.rows === undefined ? {} : { rowsMax: options.rows }),
  }
  const signal = session.io.interruption()
  try {
    if (options.out !== undefined) await writeFile(session, client, question, format, options.out, signal)
    else if (format === 'table' || format === 'json')
      await showResult(session, client, question, format, signal)
    else await passOn(session, client, question, format, signal)
  } catch (error) {
    if (sql !== undefined) pointAtMistake(session, sql, error)
    throw signal.aborted ? signal.reason : error
  }
}

function formatOf(session: Session, { format, out }: Options): Format {
  if (format === 'parquet' && out === undefined)
    throw new InvalidArgumentError('Parquet is for files: add --out <file>.')
  if (format === 'table' && out !== undefined)
    throw new InvalidArgumentError('A table is for people: give --out another --format.')
  if (session.out.forPrograms && out === undefined) return 'json'
  if (format !== undefined) return format
  return out === undefined && session.io.stdout.isTTY ? 'table' : 'csv'
}

async function showResult(
  session: Session,
  client: Client,
  question: Question,
  format: 'table' | 'json',
  signal: AbortSignal,
): Promise<void> {
  const limited = format === 'table' ? { rowsMax: GRID_ROWS, ...question } : question
  const answer = await client.stream('/sql', { ...limited, format: 'json' }, signal)
  const result = (await answer.json()) as ResultAnswer
  if (result.error !== null) throw refusalFrom(result.error)
  if (format === 'table') showGrid(session, result)
  else session.out.line(JSON.stringify(result, null, 2))
}

function showGrid({ out }: Session, result: ResultAnswer): void {
  const { columns, rows, hidden } = gridOf(result, out.width)
  const visible = rows.map((row) => row.map((cell) => cell ?? out.colour('dim', NULL_TEXT)))
  out.table(columns, visible, columns.map(({ title }) => title).join('  '))
  const count = result.rowCount === 1 ? '1 row' : `${grouped(result.rowCount)} rows`
  out.line(out.colour('dim', `${count}, ${span(result.elapsedMs)}`))
  if (hidden > 0)
    out.aside(`${hidden} more columns find no room: name fewer in the statement, or use --format json.`)
  if (result.cut !== null)
    out.aside('Cut here: there are more rows. See more with --rows, or all with --format csv --out <file>.')
}

/** Rows as they come, to standard output; what the hub says behind them goes to people instead. */
async function passOn(
  session: Session,
  client: Client,
  question: Question,
  format: Format,
  signal: AbortSignal,
): Promise<void> {
  const answer = await client.stream('/sql', { ...question, format }, signal)
  const lines = new HeldBack()
  const decoder = new TextDecoder()
  try {
    for await (const piece of answer.body ?? [])
      session.out.text(lines.take(decoder.decode(piece, { stream: true })))
  } catch (error) {
    throw signal.aborted ? error : await failureBehind(client, answer, error)
  }
  const cut = cutOf(lines.last)
  if (cut === undefined) session.out.text(lines.last)
  else session.out.aside(cutNotice(cut))
}

async function writeFile(
  session: Session,
  client: Client,
  question: Question,
  format: Format,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const path = format === 'json' ? '/sql' : '/sql/export'
  const answer = await client.stream(path, { ...question, format }, signal)
  const part = `${file}.part`
  const lines = format === 'parquet' ? undefined : new HeldBack()
  let bytes = 0
  try {
    await pipeline(
      Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
      async function* (pieces: AsyncIterable<Uint8Array>) {
        const decoder = new TextDecoder()
        for await (const piece of pieces) {
          const kept = lines === undefined ? piece : lines.take(decoder.decode(piece, { stream: true }))
          bytes += Buffer.byteLength(kept)
          yield kept
        }
        if (lines === undefined || cutOf(lines.last) !== undefined) return
        bytes += Buffer.byteLength(lines.last)
        yield lines.last
      },
      createWriteStream(part),
      { signal },
    )
  } catch (error) {
    await rm(part, { force: true })
    throw signal.aborted ? error : await failureBehind(client, answer, error)
  }
  await rename(part, file)
  const cut = cutOf(lines?.last ?? '')
  session.out.show({ file, bytes, cut: cut ?? null }, () => session.out.line(`Wrote ${file}.`))
  if (cut !== undefined) session.out.aside(cutNotice(cut))
}

/** Holds the last line back until it is known to be the last. */
class HeldBack {
  last = ''

  /** What comes before the last line. */
  take(text: string): string {
    const all = this.last + text
    const end = all.lastIndexOf('\n', all.length - 2) + 1
    this.last = all.slice(end)
    return all.slice(0, end)
  }
}

function cutNotice(cut: string): string {
  return `Cut by the limit of ${cut}: there are more rows.`
}

/** The limit that a last line names; undefined for a row. */
function cutOf(line: string): string | undefined {
  const [, csv, json] = /^(?:# cut: (rows|bytes)|\{"\$cut":"(rows|bytes)"\})\n$/.exec(line) ?? []
  return csv ?? json
}

/** Why an answer broke off: the hub keeps the reason for a while. */
async function failureBehind(client: Client, answer: Response, error: unknown): Promise<unknown> {
  const id = answer.headers.get('x-thalweg-query')
  const { queries } = await client
    .get<{ queries: QueryAnswer[] }>('/sql/running')
    .catch(() => ({ queries: [] as QueryAnswer[] }))
  const record = queries.find((one) => one.id === id)
  if (record?.error) {
    const { position, ...said } = record.error
    return refusalFrom({ ...said, ...(position === null ? {} : { details: { position } }) })
  }
  if (record?.state === 'cancelled') return new ThalwegError('QUERY_CANCELLED', 'The query was cancelled')
  const words = error instanceof Error ? error.message : String(error)
  return new ThalwegError('HUB_UNREACHABLE', `The answer broke off: ${words}`, { cause: error })
}

function pointAtMistake({ out }: Session, sql: string, error: unknown): void {
  if (out.forPrograms || !(error instanceof ThalwegError)) return
  const { position } = (error.details ?? {}) as { position?: { line: number; column: number } }
  if (position !== undefined) out.aside(pointedAt(sql, position.line, position.column, out.width))
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function durationFrom(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(amount) * (UNITS[unit] ?? 0)
  if (ms >= 1 && ms <= DAY_MS) return ms
  throw new InvalidArgumentError('Write a time such as 30s, 10m or 1h, at most 24h.')
}
