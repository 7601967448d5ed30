/**
 * The records (data ingestion) API: `POST /{database}/{table}`, each record one row, one receipt per record
 * in order (TD docs, "Data Ingestion API"; receipts as td-ios-sdk reads them). Sizes are taken in the
 * strictest reading (1 KB = 1,000 bytes), so that a client that passes here passes there.
 *
 *   401 no `Authorization: TD1 <key>` · 403 unknown key · 404 unknown database · 413 beyond 5 MB or 500 records
 *   400 another media type, not JSON, no array of records, an empty one
 *   200 {"receipts":[{"success":true},{"success":false,"error":{"name":"…"}}]}
 *
 * A record fails alone with InvalidCollectionNameError (the table's name), InvalidPropertyNameError (a name
 * that no column name can be made of: empty, or longer than 128 characters), or InvalidPropertyValueError
 * (not an object, beyond 1,000 KB, `time` no whole number).
 */

import { type Answer, isObject, json, parsed } from './answer.ts'
import type { Call } from './double.ts'
import { rawElements, rawMembers, type Span } from './raw-json.ts'
import {
  globalIdOf,
  type Intake,
  idOf,
  isName,
  type Place,
  specialColumns,
  td1Key,
} from './treasure-data-intake.ts'

export const RECORDS_BODY_BYTES_MAX = 5_000_000
export const RECORDS_MAX = 500
export const RECORD_BYTES_MAX = 1_000_000
const PROPERTY_NAME_CHARS_MAX = 128

type Media = 'batch' | 'single' | 'js' | 'mobile'

const MEDIA: ReadonlyMap<string, Media> = new Map([
  ['application/vnd.treasuredata.v1+json', 'batch'],
  ['application/vnd.treasuredata.v1.single+json', 'single'],
  ['application/vnd.treasuredata.v1.js+json', 'js'],
  ['application/vnd.treasuredata.v1.mobile+json', 'mobile'],
])

interface SentRecord {
  readonly value: unknown
  readonly bytes: Buffer
}

export function answerRecords(call: Call, place: Place, intake: Intake): Answer {
  const key = td1Key(call)
  if (key === undefined) return json(401, { error: 'unauthorized' })
  if (!intake.knowsKey(key)) return json(403, { error: 'forbidden' })
  if (!intake.hasDatabase(place.database)) return json(404, { error: 'database not found' })
  if (call.body.length > RECORDS_BODY_BYTES_MAX) return json(413, { error: 'request entity too large' })
  const media = MEDIA.get(mediaType(call))
  if (media === undefined) return json(400, { error: 'unsupported content type' })
  const records = recordsOf(call.body, media)
  if (records === undefined || records.length === 0) return json(400, { error: 'bad request' })
  if (records.length > RECORDS_MAX) return json(413, { error: `more than ${RECORDS_MAX} records` })
  return answerReceipts(call, place, intake, media, records)
}

/** The receipts of a double that only counts. */
export function successReceipts(count: number): Answer {
  return { status: 200, body: `{"receipts":[${SUCCESS_TEXT.repeat(count).slice(0, -1)}]}` }
}
const SUCCESS_TEXT = '{"success":true},'

function answerReceipts(
  call: Call,
  place: Place,
  intake: Intake,
  media: Media,
  records: readonly SentRecord[],
): Answer {
  let accepted = 0
  const receipts = records.map((record) => {
    const error = faultOf(place, record) ?? intake.faults.refusal(call.path, idOf(record.value), record.value)
    if (error !== undefined) return { success: false, error: { name: error } }
    keepRecord(call, place, intake, media, record)
    accepted++
    return { success: true }
  })
  const kept = intake.faults.receiptsKept(call.path, receipts.length)
  return { ...json(200, { receipts: receipts.slice(0, kept) }), accepted }
}

function keepRecord(call: Call, place: Place, intake: Intake, media: Media, record: SentRecord): void {
  const value = record.value as Record<string, unknown>
  const time = typeof value.time === 'number' ? value.time : undefined
  intake.keep(place, 'record', record.bytes, time, filledBy(media, value, call, intake))
  intake.arrived([idOf(value)])
}

function filledBy(media: Media, value: Record<string, unknown>, call: Call, intake: Intake) {
  if (media === 'js') return specialColumns(value, call, () => globalIdOf(call, intake.random))
  return media === 'mobile' ? { td_ip: call.address } : {}
}

function faultOf(place: Place, record: SentRecord): string | undefined {
  if (!isName(place.table)) return 'InvalidCollectionNameError'
  if (!isObject(record.value) || record.bytes.length > RECORD_BYTES_MAX) return 'InvalidPropertyValueError'
  if (!Object.keys(record.value).every(isPropertyName)) return 'InvalidPropertyNameError'
  const { time } = record.value
  return time === undefined || Number.isSafeInteger(time) ? undefined : 'InvalidPropertyValueError'
}

function isPropertyName(name: string): boolean {
  return name.length > 0 && name.length <= PROPERTY_NAME_CHARS_MAX
}

function mediaType(call: Call): string {
  return (call.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** The records with their exact bytes; undefined when the body is not what its media type promises. */
function recordsOf(body: Buffer, media: Media): SentRecord[] | undefined {
  const value = parsed(body)
  if (value === undefined) return undefined
  if (media === 'single') return [{ value, bytes: body }]
  if (!isObject(value)) return undefined
  const key = media === 'batch' && Array.isArray(value.records) ? 'records' : 'events'
  const values = value[key]
  const span = rawMembers(body).get(key)
  if (!Array.isArray(values) || span === undefined) return undefined
  return rawElements(body, span).map((element, i) => ({ value: values[i], bytes: sliceOf(body, element) }))
}

function sliceOf(body: Buffer, span: Span): Buffer {
  return body.subarray(span.start, span.end)
}
