/**
 * Postback: `POST /postback/v3/event/{database}/{table}`, one JSON object = one row whose top-level keys are
 * the columns, so a Currents batch lands as one row with a column `events` (TD docs, "Postback API"; Postback
 * v2). A JSON array is 400 (ours: TD says nothing). Answers `{}`.
 *
 *                            legacy                                 v2
 *   the key is               X-TD-Write-Key, else ?td_write_key=    Authorization: TD1, else X-TD-Write-Key
 *   none                     403                                    403
 *   wrong, lenient           200, dropped in silence (what Treasure Data does)
 *   wrong, strict            403
 *   database does not exist  lenient: 200, dropped; strict: 404 (ours)
 *   body                     any size                               413 beyond 1,048,064 bytes
 *   GET (pixel)              yes                                    405
 */

import { type Answer, isObject, json, parsed } from './answer.ts'
import type { Call } from './double.ts'
import {
  globalIdOf,
  type Intake,
  idOf,
  isName,
  type Place,
  recordTime,
  specialColumns,
  td1Key,
} from './treasure-data-intake.ts'

export const POSTBACK_V2_BYTES_MAX = 1_048_064

export type PostbackForm = 'legacy' | 'v2'
export type KeyMode = 'strict' | 'lenient'

const STORED: Answer = { status: 200, body: '{}' }
/** The smallest transparent GIF: 1 x 1. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

export function answerPostback(
  call: Call,
  place: Place,
  intake: Intake,
  form: PostbackForm,
  keyMode: KeyMode,
): Answer {
  if (call.method === 'GET' && form === 'legacy') return answerPixel(call, place, intake, keyMode)
  if (call.method !== 'POST') return json(405, { error: 'method not allowed' })
  if (form === 'v2' && call.body.length > POSTBACK_V2_BYTES_MAX) {
    return json(413, { error: 'request entity too large' })
  }
  const key = form === 'v2' ? (td1Key(call) ?? writeKeyHeader(call)) : legacyKey(call)
  if (key === undefined) return json(403, { error: 'forbidden' })
  const body = parsed(call.body)
  if (!isObject(body) || !isName(place.database) || !isName(place.table)) {
    return json(400, { error: 'bad request' })
  }
  const lost = turnedAway(key, place, intake, keyMode, call.body)
  if (lost !== undefined) return lost
  return keepBody(call, place, intake, body)
}

function keepBody(call: Call, place: Place, intake: Intake, body: Record<string, unknown>): Answer {
  const events = Array.isArray(body.events) ? body.events : [body]
  for (const event of events) {
    const refusal = intake.faults.refusal(call.path, idOf(event), event)
    if (refusal !== undefined) return json(400, { error: refusal })
  }
  const filled = specialColumns(body, call, () => globalIdOf(call, intake.random))
  const time = recordTime(body.td_record_time, intake.clock.now())
  intake.keep(place, 'postback', call.body, time, filled)
  intake.arrived(events.map(idOf))
  return { ...STORED, accepted: events.length }
}

/** The answer to a caller whose key or database is unknown; undefined for everybody else. */
function turnedAway(
  key: string,
  place: Place,
  intake: Intake,
  keyMode: KeyMode,
  bytes: Buffer,
): Answer | undefined {
  const known = intake.knowsKey(key)
  if (known && intake.hasDatabase(place.database)) return undefined
  if (keyMode === 'strict') {
    return known ? json(404, { error: 'database not found' }) : json(403, { error: 'forbidden' })
  }
  intake.drop(place, known ? 'unknown_database' : 'unknown_key', bytes)
  return STORED
}

/**
 * Tracking pixel: every parameter is a text column; answers an image, a redirect or `{}` (TD docs, "Tracking
 * pixels").
 */
function answerPixel(call: Call, place: Place, intake: Intake, keyMode: KeyMode): Answer {
  const parameters = new URLSearchParams(call.query)
  const key = parameters.get('td_write_key')
  if (key === null || key === '') return json(403, { error: 'forbidden' })
  if (!isName(place.database) || !isName(place.table)) return json(400, { error: 'bad request' })
  const values = Object.fromEntries(parameters)
  const bytes = Buffer.from(call.query)
  const lost = turnedAway(key, place, intake, keyMode, bytes)
  if (lost !== undefined) return lost.status === 200 ? pixelAnswer(values, call, intake) : lost
  const refusal = intake.faults.refusal(call.path, values.id, values)
  if (refusal !== undefined) return json(400, { error: refusal })
  const filled = specialColumns(values, call, () => globalIdOf(call, intake.random))
  intake.keep(place, 'pixel', bytes, recordTime(values.td_record_time, intake.clock.now()), filled)
  intake.arrived([values.id])
  return { ...pixelAnswer(values, call, intake), accepted: 1 }
}

function pixelAnswer(values: Record<string, string>, call: Call, intake: Intake): Answer {
  const target = values.td_redirect
  if (target !== undefined) {
    const location = target.replaceAll('td_global_id', globalIdOf(call, intake.random))
    return { status: 302, headers: { location: headerSafe(location) }, body: '' }
  }
  return values.td_format === 'pixel'
    ? { status: 200, headers: { 'content-type': 'image/gif' }, body: PIXEL }
    : STORED
}

/** A header value must not hold line ends or characters beyond Latin-1. */
function headerSafe(location: string): string {
  return location.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()))
}

function legacyKey(call: Call): string | undefined {
  return writeKeyHeader(call) ?? nonEmpty(new URLSearchParams(call.query).get('td_write_key') ?? undefined)
}

function writeKeyHeader(call: Call): string | undefined {
  const header = call.headers['x-td-write-key']
  return typeof header === 'string' ? nonEmpty(header) : undefined
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
