/** What a client orders with `POST /v3/job/issue/…` (TD OpenAPI td-api-v3; limits: TD docs, upper limits). */

import { isObject, parsed } from '../answer.ts'
import type { Call } from '../double.ts'
import type { Engine } from './dialect.ts'
import type { JobOrder } from './jobs.ts'

export const QUERY_CHARS_MAX: Readonly<Record<Engine, number>> = {
  presto: 1_000_000,
  trino: 1_000_000,
  hive: 2_097_152,
}

type Parameters = ReadonlyMap<string, string>

/** Official clients send forms, the API's description says JSON. */
export function parametersOf(call: Call): Parameters {
  if (!(call.headers['content-type'] ?? '').startsWith('application/json')) {
    return new Map(new URLSearchParams(call.body.toString()))
  }
  const body = parsed(call.body)
  const entries = isObject(body) ? Object.entries(body) : []
  return new Map(entries.filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]))
}

/** The order, or what is wrong with the parameters. */
export function orderOf(engine: Engine, database: string, parameters: Parameters): JobOrder | string {
  const query = parameters.get('query') ?? ''
  if (query === '') return 'query is required'
  if (query.length > QUERY_CHARS_MAX[engine])
    return `query is longer than ${QUERY_CHARS_MAX[engine]} characters`
  if (parameters.has('result') || parameters.has('result_connection_id'))
    return 'result exports are not available'
  const priority = Number(parameters.get('priority') ?? 0)
  if (!Number.isInteger(priority) || Math.abs(priority) > 2) return 'priority must be -2 to 2'
  const retryLimit = Number(parameters.get('retry_limit') ?? 0)
  if (!Number.isInteger(retryLimit) || retryLimit < 0 || retryLimit > 32) return 'retry_limit must be 0 to 32'
  const scheduled = parameters.get('scheduled_time')
  const scheduledAtS = scheduled === undefined ? undefined : Math.floor(Date.parse(scheduled) / 1000)
  if (Number.isNaN(scheduledAtS)) return 'scheduled_time must be an ISO 8601 time'
  return {
    engine,
    database,
    query,
    priority,
    retryLimit,
    domainKey: parameters.get('domain_key'),
    scheduledAtS,
  }
}
