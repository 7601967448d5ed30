/**
 * The Braze Currents streaming connector: `POST /v1/task/{id}` (and `/task/v1/{id}`, as printed for Tokyo),
 * `Authorization: Bearer <write key>`, `{"events":[…]}`, each event one row, at most 1 MB (TD docs, "Braze
 * Currents Import Integration").
 *
 *   404 unknown task · 401 no bearer token · 403 unknown key · 413 beyond 1 MB
 *   400 not JSON, or no array of events
 *   200 {} otherwise, also for no events at all: Braze probes so. Elements that are no objects are dropped.
 */

import { type Answer, isObject, json, parsed } from './answer.ts'
import type { Call } from './double.ts'
import { rawElements, rawMembers } from './raw-json.ts'
import { tableOfType } from './treasure-data-flatten.ts'
import { type Intake, idOf, type Place } from './treasure-data-intake.ts'

export const TASK_BODY_BYTES_MAX = 1_000_000

export interface Task {
  readonly database: string
  /** Takes everything, or what has no type when `multipleTables` is on. */
  readonly table: string
  /** One table per event type. */
  readonly multipleTables?: boolean
  /**
   * Table of an event type where the derived name will not do: Treasure Data's own examples disagree about
   * plurals.
   */
  readonly tables?: Readonly<Record<string, string>>
}

const STORED: Answer = { status: 200, body: '{}' }

export function answerTask(call: Call, task: Task | undefined, intake: Intake): Answer {
  if (task === undefined) return json(404, { error: 'task not found' })
  const key = /^Bearer +(\S+)$/i.exec(call.headers.authorization ?? '')?.[1]
  if (key === undefined) return json(401, { error: 'unauthorized' })
  if (!intake.knowsKey(key)) return json(403, { error: 'forbidden' })
  if (call.body.length > TASK_BODY_BYTES_MAX) return json(413, { error: 'request entity too large' })
  if (call.body.length === 0) return STORED
  const body = parsed(call.body)
  const events = isObject(body) ? (body.events ?? []) : undefined
  if (!Array.isArray(events)) return json(400, { error: 'bad request' })
  for (const event of events) {
    const refusal = intake.faults.refusal(call.path, idOf(event), event)
    if (refusal !== undefined) return json(400, { error: refusal })
  }
  return { ...STORED, accepted: keepEvents(call.body, events, task, intake) }
}

function keepEvents(body: Buffer, events: readonly unknown[], task: Task, intake: Intake): number {
  const spans = rawElements(body, rawMembers(body).get('events') ?? { start: 0, end: 0 })
  let kept = 0
  spans.forEach((span, i) => {
    const event = events[i]
    const bytes = body.subarray(span.start, span.end)
    if (!isObject(event)) {
      intake.drop(task, 'not_an_object', bytes)
      return
    }
    intake.keep(placeOf(event, task), 'flattened', bytes, undefined, {})
    intake.arrived([idOf(event)])
    kept++
  })
  return kept
}

function placeOf(event: Record<string, unknown>, task: Task): Place {
  const type = event.event_type
  if (task.multipleTables !== true || typeof type !== 'string' || type === '') return task
  const { database, tables = {} } = task
  return { database, table: (Object.hasOwn(tables, type) ? tables[type] : undefined) ?? tableOfType(type) }
}
