/** What ClickHouse's errors mean: texts of the form `Code: 62. DB::Exception: …`, in an answer by itself or behind rows. */

import type { ThalwegError } from '../../core/errors.ts'
import {
  engineUnreachable,
  type FaultDetails,
  type Position,
  positionAt,
  queryFailed,
  queryTimedOut,
} from '../failures.ts'

/** The server answered something else than a whole result. */
export class ClickhouseRefusal extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}

const TIMEOUT_EXCEEDED = 159
const CONNECTION_FAULTS: ReadonlyMap<number, FaultDetails['fault']> = new Map([
  [192, 'unauthorized'], // unknown user
  [193, 'unauthorized'], // wrong password
  [194, 'unauthorized'], // password required
  [195, 'unauthorized'], // the user may not connect from here
  [516, 'unauthorized'], // authentication failed
  [202, 'unavailable'], // too many simultaneous queries
])

/** Version 18 writes `Code: 62, e.displayText() = DB::Exception: …, e.what() = DB::Exception`, later ones `Code: 62. DB::Exception: … (version 24.3)`. */
const EXCEPTION =
  /Code: (\d+)[.,] (?:e\.displayText\(\) = )?DB::\w*Exception: ([\s\S]*?)(?:, e\.what\(\) = [\s\S]*|\s*\(version .*\)\s*)?$/

export function clickhouseFailure(error: unknown, sql: string, timeoutMs: number): ThalwegError {
  if (!(error instanceof ClickhouseRefusal)) {
    const reason = error instanceof Error ? error.message || error.name : String(error)
    return engineUnreachable(reason, 'unreachable', error)
  }
  const [, number = '', message = ''] = EXCEPTION.exec(error.message) ?? []
  const code = Number(number)
  if (number === '') return notClickhouse(error)
  if (code === TIMEOUT_EXCEEDED) return queryTimedOut(timeoutMs)
  const fault = CONNECTION_FAULTS.get(code)
  if (fault !== undefined) return engineUnreachable(message, fault, error)
  return queryFailed(message.trim(), positionOf(message, sql), error)
}

/** A proxy, or another server altogether. */
function notClickhouse(error: ClickhouseRefusal): ThalwegError {
  const { status, message } = error
  if (status === 200) return queryFailed(message, undefined, error)
  const fault =
    status === 401 || status === 403 ? 'unauthorized' : status >= 500 ? 'unavailable' : 'misconfigured'
  return engineUnreachable(`it answered ${status} and nothing that ClickHouse says`, fault, error)
}

/** `failed at position 14`: bytes of UTF-8, from 1. */
function positionOf(message: string, sql: string): Position | undefined {
  const [, number = ''] = /failed at position (\d+)/.exec(message) ?? []
  if (number === '') return undefined
  return positionAt(sql, Buffer.from(sql).toString('utf8', 0, Number(number) - 1).length)
}
