/** The parameters of Lytics' collect addresses (Lytics, data upload API). */

import { ThalwegError } from '../../core/errors.ts'

export interface Parameters {
  readonly timestampField: string | undefined
  /** Read and tell, keep nothing. */
  readonly isDryRun: boolean
  readonly file: string | undefined
  readonly headers: readonly string[] | undefined
  readonly delimiter: string
  readonly append: Readonly<Record<string, unknown>>
  /** Only told back: rows that cannot be read are always set aside, and the others taken. */
  readonly dropErrors: boolean
}

const TEXT_CHARS_MAX = 1_024
const HEADERS_MAX = 10_000

/** Throws INPUT_INVALID. */
export function parametersOf(query: string): Parameters {
  const values = new URLSearchParams(query)
  return {
    timestampField: textOf(values, 'timestamp_field'),
    isDryRun: booleanOf(values, 'dryrun'),
    file: textOf(values, 'filename'),
    headers: headersOf(values),
    delimiter: delimiterOf(values),
    append: appendOf(values),
    dropErrors: booleanOf(values, 'droperrors'),
  }
}

function textOf(values: URLSearchParams, name: string): string | undefined {
  const text = values.get(name) ?? ''
  if (text.length > TEXT_CHARS_MAX) throw invalid(`${name} has more than ${TEXT_CHARS_MAX} characters`)
  return text === '' ? undefined : text
}

function booleanOf(values: URLSearchParams, name: string): boolean {
  const text = values.get(name) ?? ''
  if (!['', 'true', 'false', '1', '0'].includes(text)) throw invalid(`${name} is neither true nor false`)
  return text === 'true' || text === '1'
}

function headersOf(values: URLSearchParams): readonly string[] | undefined {
  const text = values.get('headers') ?? ''
  if (text === '') return undefined
  const names = text.split(',')
  if (names.length > HEADERS_MAX) throw invalid(`headers names more than ${HEADERS_MAX} columns`)
  return names
}

function delimiterOf(values: URLSearchParams): string {
  const text = values.get('delimiter') ?? ''
  if (text === '') return ','
  if (text === 't') return '\t'
  if (text.length > 1 || '"\r\n'.includes(text))
    throw invalid('delimiter is not one character, or t for a tab')
  return text
}

function appendOf(values: URLSearchParams): Readonly<Record<string, unknown>> {
  const text = values.get('append') ?? ''
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw invalid('append is not a JSON object')
}

function invalid(what: string): ThalwegError {
  return new ThalwegError('INPUT_INVALID', `A parameter cannot be read: ${what}`)
}
