/**
 * The doors of Lytics' collect addresses: objects, files and webhooks, into named streams. Answers are those of
 * Lytics; `rejected_count` counts what was set aside, which lies in quarantine. The answer goes out when the
 * last record is synced.
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_START,
  ITEM_WORDS,
  type Kernel,
} from '../../core/kernel/kernel.ts'
import type { LyticsAddress } from '../addresses.ts'
import type { Gatekeeper } from '../admission.ts'
import type { BodyBuffer, Outcome } from '../body.ts'
import type { Caller, Desk, DoorLogger, Visit } from '../desk.ts'
import type { Intake } from '../intake.ts'
import type { Newcomers } from '../newcomers.ts'
import type { Pace } from '../pace.ts'
import { isGzip, type Reception } from '../reception.ts'
import { type Refusal, refusal, refusalBody } from '../refusals.ts'
import type { LyticsSource } from '../sources.ts'
import type { Verdicts } from '../verdicts.ts'
import { BulkUpload, type TakeRow } from './bulk-upload.ts'
import { type Parameters, parametersOf } from './parameters.ts'
import { RecordMaker, streamType } from './record.ts'
import { RecordWriter } from './record-writer.ts'
import { ROW_BYTES_MAX, type Row, type RowReader } from './rows.ts'
import { TextRows } from './text-rows.ts'

export interface LyticsDoorParts {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly logger: DoorLogger
  readonly desk: Desk
  readonly reception: Reception
  readonly gatekeeper: Gatekeeper
  readonly intake: Intake
  readonly pace: Pace
  readonly newcomers: Newcomers
  readonly verdicts: Verdicts
  readonly limits: {
    readonly bodyBytesMax: number
    readonly decompressedBytesMax: number
    readonly bodyTimeoutMs: number
  }
}

/** Lytics, API: 10 MB per request of objects. */
const JSON_BYTES_MAX = 10_000_000
/** Lytics, platform limits: 2,000 bytes for what is sent in an address. */
const ADDRESS_BYTES_MAX = 2_000
/** A bulk upload may take this long. */
export const BULK_MS_MAX = 3_600_000

type LyticsVisit = Visit<LyticsSource>

export class LyticsDoor {
  readonly #parts: LyticsDoorParts

  constructor(parts: LyticsDoorParts) {
    this.#parts = { ...parts, desk: parts.desk.speaking(asLytics) }
  }

  handle(caller: Caller, address: LyticsAddress): void {
    const { method } = caller.request
    const isWebhook = address.door === 'lytics-webhook'
    if (method !== 'POST' && !(isWebhook && method === 'GET')) {
      const allow = isWebhook ? 'GET, POST' : 'POST'
      this.#parts.desk.turnAway(
        caller,
        refusal('METHOD_UNSUPPORTED', `This address takes ${allow}`, {}, ['allow', allow]),
      )
      return
    }
    const source = this.#sourceOf(caller.request.headers, address)
    if (source === undefined) {
      if (!this.#parts.newcomers.mayBe(caller)) this.#parts.desk.turnAway(caller, keyUnknown())
      return
    }
    const visit = this.#parts.desk.visit(caller, source)
    visit.counts.seenAt = visit.startedAt
    const refused = this.#parts.pace.refusal(source) ?? this.#read(visit, address)
    if (refused !== undefined) this.#parts.desk.refuse(visit, refused)
  }

  /** The header beats the address; a webhook's key stands in the address, beside the account. */
  #sourceOf({ authorization }: IncomingHttpHeaders, address: LyticsAddress): LyticsSource | undefined {
    const query = new URLSearchParams(address.query)
    const inAddress =
      query.get('access_token') ?? (address.door === 'lytics-webhook' ? query.get('key') : null)
    const token = authorization ?? inAddress ?? ''
    const source = token === '' ? undefined : this.#parts.gatekeeper.find('lytics', token)?.source
    if (source?.kind !== 'lytics') return undefined
    const account = address.account === '' ? query.get('account_id') : address.account
    return account === null || account === source.settings.account ? source : undefined
  }

  #read(visit: LyticsVisit, address: LyticsAddress): Refusal | undefined {
    try {
      const parameters = parametersOf(address.query)
      if (visit.request.method === 'GET') return this.#readAddress(visit, address, parameters)
      return address.door === 'lytics-bulk'
        ? this.#readFile(visit, address, parameters)
        : this.#readObjects(visit, address, parameters)
    } catch (error) {
      return refusalOfInput(error)
    }
  }

  /** A record from the parameters of the address. */
  #readAddress(visit: LyticsVisit, address: LyticsAddress, parameters: Parameters): Refusal | undefined {
    const { query } = address
    if (query.length > ADDRESS_BYTES_MAX) {
      return refusal(
        'BODY_MISMATCH',
        `An address may hold ${ADDRESS_BYTES_MAX} bytes: send the record as a body`,
      )
    }
    const upload = this.#uploadOf(visit, address, parameters, false)
    this.#inBackground(visit, upload, async () => {
      return (await upload.take({ line: 1, fields: JSON.stringify(fieldsOf(query)) })) ?? 'whole'
    })
    return undefined
  }

  #readObjects(visit: LyticsVisit, address: LyticsAddress, parameters: Parameters): Refusal | undefined {
    const { bodyBytesMax, decompressedBytesMax } = this.#parts.limits
    const refused = this.#parts.reception.take(
      visit.request,
      (gzip) => ({
        received: Math.min(JSON_BYTES_MAX, bodyBytesMax),
        decompressed: Math.min(JSON_BYTES_MAX, gzip ? decompressedBytesMax : bodyBytesMax),
      }),
      (body, outcome) => this.#arrived(visit, address, parameters, body, outcome),
    )
    if (refused !== 'empty') return refused
    return refusal('BODY_MISMATCH', 'The body is empty: send a JSON object, or an array of them')
  }

  #arrived(
    visit: LyticsVisit,
    address: LyticsAddress,
    parameters: Parameters,
    body: BodyBuffer,
    outcome: Outcome,
  ): void {
    const rows = this.#rowsArrived(visit, body, outcome)
    if (rows === undefined) {
      body.free()
      return
    }
    const upload = this.#uploadOf(visit, address, parameters, false)
    this.#inBackground(visit, upload, async () => {
      try {
        for (const row of rows) {
          const refused = await upload.take(row)
          if (refused !== undefined) return refused
        }
      } finally {
        body.free()
      }
      return 'whole'
    })
  }

  /** The objects of a body; undefined when there is nothing to keep, and whoever is there was told. */
  #rowsArrived(visit: LyticsVisit, body: BodyBuffer, outcome: Outcome): Row[] | undefined {
    try {
      if (outcome === 'gone') return undefined
      const rows = outcome === 'whole' ? this.#rowsOf(body.body) : outcome
      if (!('code' in rows)) return rows
      this.#parts.desk.refuse(visit, rows)
    } catch (error) {
      this.#parts.desk.defect(visit, error)
    }
    return undefined
  }

  #rowsOf(body: Buffer): Row[] | Refusal {
    try {
      const { shape, count, items, fault, faultAt } = this.#parts.kernel.scan(body, 'rows')
      if (shape === 'broken') {
        return refusal('BODY_MISMATCH', `Not one object could be made out: ${fault} at byte ${faultAt}`)
      }
      return Array.from({ length: count }, (_, i): Row => {
        const row = i * ITEM_WORDS
        const bytes = body.subarray(items[row + ITEM_START], items[row + ITEM_END])
        const line = i + 1
        const why = ITEM_FAULTS[items[row + ITEM_FAULT] ?? 0] ?? 'none'
        if (bytes.length > ROW_BYTES_MAX) return { line, fault: 'row_oversized', raw: bytes }
        return why === 'none' ? { line, fields: bytes } : { line, fault: why, raw: bytes }
      })
    } catch (error) {
      return refusalOfInput(error)
    }
  }

  #readFile(visit: LyticsVisit, address: LyticsAddress, parameters: Parameters): Refusal | undefined {
    const { clock, limits } = this.#parts
    const gzip = isGzip(visit.request.headers['content-encoding'])
    if (typeof gzip !== 'boolean') return gzip
    const bounds = {
      bytesMax: visit.source.settings.bulkBytesMax,
      idleMs: limits.bodyTimeoutMs,
      wholeMs: BULK_MS_MAX,
    }
    const reading = new BulkUpload(clock, bounds, visit.request, gzip)
    const upload = this.#uploadOf(visit, address, parameters, true)
    this.#inBackground(visit, upload, async () => {
      const end = await reading.run(this.#readerOf(visit.request, parameters), upload.take)
      if (end !== 'whole') this.#tellCut(visit, address, upload, end, reading.line)
      return end
    })
    return undefined
  }

  #readerOf({ headers }: IncomingMessage, parameters: Parameters): RowReader {
    const media = headers['content-type'] ?? ''
    const format = /json/i.test(media) ? 'json-lines' : /csv/i.test(media) ? 'csv' : undefined
    return new TextRows({ kernel: this.#parts.kernel, format, csv: parameters })
  }

  #uploadOf(visit: LyticsVisit, { stream }: LyticsAddress, parameters: Parameters, isFile: boolean): Upload {
    const { timestampField, file, isDryRun } = parameters
    const maker = new RecordMaker({ stream, timestampField, file }, visit.source.settings, isFile)
    const target = { source: visit.source.number, stream, counts: visit.counts, file: file ?? '', isFile }
    const writer = new RecordWriter(this.#parts, target, maker)
    if (!isDryRun) return { parameters, writer, take: (row) => writer.add(row) }
    return {
      parameters,
      writer,
      take(row) {
        writer.pretend(row)
        return undefined
      },
    }
  }

  /** Runs what takes more than a turn, and answers. Never rejects. */
  #inBackground(visit: LyticsVisit, upload: Upload, work: () => Promise<'whole' | 'gone' | Refusal>): void {
    this.#work(visit, upload, work).catch((error: unknown) => this.#parts.desk.defect(visit, error))
  }

  async #work(
    visit: LyticsVisit,
    upload: Upload,
    work: () => Promise<'whole' | 'gone' | Refusal>,
  ): Promise<void> {
    const { writer } = upload
    try {
      const end = await this.#endOf(work)
      // Whatever came of the rest: what was read is kept, and synced before anything is said.
      const refused = await writer.finish()
      if (end === 'gone') return
      if (end !== 'whole') this.#parts.desk.refuse(visit, withProgress(end, writer))
      else if (refused !== undefined) this.#parts.desk.refuse(visit, withProgress(refused, writer))
      else this.#parts.desk.answer(visit, successText(visit.request, upload))
    } catch (error) {
      this.#parts.desk.refuseFailed(visit, error)
    } finally {
      writer.close()
    }
  }

  async #endOf(work: () => Promise<'whole' | 'gone' | Refusal>): Promise<'whole' | 'gone' | Refusal> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ThalwegError && error.code !== 'INPUT_INVALID') throw error
      return refusalOfInput(error)
    }
  }

  /** An upload that ended early is told to the operator: its sender may be gone. */
  #tellCut(
    visit: LyticsVisit,
    { stream }: LyticsAddress,
    upload: Upload,
    end: 'gone' | Refusal,
    line: number,
  ): void {
    const { verdicts, clock, logger } = this.#parts
    const { number, name } = visit.source
    const type = streamType(stream)
    const reason = end === 'gone' ? 'upload_cut' : 'upload_refused'
    const place = `after line ${line} of ${upload.parameters.file ?? 'an upload'}`
    verdicts.count(number, type, 'rejected', reason)
    verdicts.remark(number, { at: clock.now(), type, verdict: 'rejected', reason, place, raw: NO_BYTES })
    logger.warn({ source: name, stream, line }, 'a bulk upload ended early; what was read is kept')
  }
}

interface Upload {
  readonly parameters: Parameters
  readonly writer: RecordWriter
  readonly take: TakeRow
}

const NO_BYTES = Buffer.alloc(0)
/** Parameters of the address that are not fields of the record. */
const NOT_FIELDS = new Set(['key', 'access_token', 'account_id', 'timestamp_field', 'dryrun', 'filename'])

/** A name that stands there several times has a list of values. */
function fieldsOf(query: string): Record<string, string | string[]> {
  const values = new URLSearchParams(query)
  const fields: Record<string, string | string[]> = Object.create(null)
  for (const name of new Set(values.keys())) {
    const [first = '', ...more] = values.getAll(name)
    if (!NOT_FIELDS.has(name)) fields[name] = more.length === 0 ? first : [first, ...more]
  }
  return fields
}

/** ASCII: a file name may hold anything. */
function successText({ headers }: IncomingMessage, { parameters, writer }: Upload): string {
  const { timestampField, file, isDryRun, dropErrors } = parameters
  const told = {
    message_count: writer.taken,
    rejected_count: writer.rejected,
    ...(writer.duplicates === 0 ? {} : { duplicate_count: writer.duplicates }),
    'content-type': headers['content-type'] ?? '',
    droperrors: dropErrors,
    dryrun: isDryRun,
    timestamp_field: timestampField ?? '',
    filename: file ?? '',
  }
  return ascii(JSON.stringify({ status: 200, message: 'success', data: told }))
}

function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function withProgress(refused: Refusal, { taken, rejected }: RecordWriter): Refusal {
  if (taken + rejected === 0) return refused
  return { ...refused, message: `${refused.message} The ${taken} rows before are kept` }
}

/** The error of Lytics' first API: status and message. */
function asLytics(refused: Refusal): Refusal {
  const { error } = JSON.parse(refusalBody(refused)) as { error: { code: string; message: string } }
  return {
    ...refused,
    text: JSON.stringify({ status: refused.status, message: `${error.code}: ${error.message}` }),
  }
}

function refusalOfInput(error: unknown): Refusal {
  if (error instanceof ThalwegError && error.code === 'INPUT_INVALID')
    return refusal('BODY_MISMATCH', error.message)
  throw error
}

function keyUnknown(): Refusal {
  return refusal(
    'KEY_UNKNOWN',
    'This address needs the token of a Lytics source, and its account where one stands in the address: as the header Authorization, as access_token, or in a webhook address as key',
  )
}
