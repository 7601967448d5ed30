/** Events as values, for the mappings that the raw bytes will not do for. */

import { type EventBatch, eventText } from '../core/batch.ts'
import { parseExact } from '../core/kernel/project.ts'

/**
 * What a number looks like that JSON.stringify may write differently: many digits, an exponent, a negative
 * zero. A number stands behind a colon, a comma or a bracket; inside of texts such as ids the same digits
 * mean nothing.
 */
const DELICATE_NUMBER = /[:,[]\s*(?:-0|-?(?:[\d.]{16}|[\d.]+[eE]))/

/**
 * The event as a value that JSON.stringify writes back with the same numbers: those that JavaScript cannot
 * hold are raw-JSON objects. Most events have none, and looking for them costs much less than parsing
 * exactly.
 */
export function exactEventValue(batch: EventBatch, i: number): Record<string, unknown> {
  const text = eventText(batch, i)
  return (DELICATE_NUMBER.test(text) ? parseExact(text) : JSON.parse(text)) as Record<string, unknown>
}

/** TypeScript's library does not know raw JSON yet; Node 24 does. */
const rawJson = JSON as unknown as { isRawJSON(value: unknown): boolean }

/** Whether this is a JSON object: no array, no null, and no number kept as its text. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value)
}
