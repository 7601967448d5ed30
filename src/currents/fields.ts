/**
 * Rules for personal data, applied to an event's raw bytes: a string field set to *remove* becomes the literal `[REDACTED]`, one set to
 * *hash* the hex SHA-256 of its value (Braze Currents, field transformations). Every other byte stays as it came, so numbers keep
 * their text. Values that are not strings are left alone, as at the vendor.
 */

import { createHash } from 'node:crypto'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { FieldRule } from './current.ts'

const REDACTED = Buffer.from('"[REDACTED]"')
const QUOTE = 0x22
const ROW_WORDS = 5
const ROWS_MAX = 65_536

/** Returns the event with the rules applied; the same bytes when none applies. */
export type FieldEditor = (event: Uint8Array) => Uint8Array

/** undefined when no rule changes anything: then nothing has to be looked at. */
export function fieldEditor(
  rules: Readonly<Record<string, FieldRule>>,
  kernel: Kernel,
): FieldEditor | undefined {
  const active = new Map(Object.entries(rules).filter(([, rule]) => rule !== 'keep'))
  if (active.size === 0) return undefined
  let rows = new Uint32Array(512 * ROW_WORDS)
  return (event) => {
    let count: number
    try {
      count = kernel.members(event, rows)
    } catch (error) {
      if (!(error instanceof RangeError) || rows.length >= ROWS_MAX * ROW_WORDS) throw error
      rows = new Uint32Array(ROWS_MAX * ROW_WORDS)
      count = kernel.members(event, rows)
    }
    return edited(event, rows, count, active)
  }
}

function edited(
  event: Uint8Array,
  rows: Uint32Array,
  count: number,
  rules: ReadonlyMap<string, FieldRule>,
): Uint8Array {
  const bytes = Buffer.from(event.buffer, event.byteOffset, event.byteLength)
  const pieces: Uint8Array[] = []
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = i * ROW_WORDS
    if (rows[row] === 0) continue // top-level members are the envelope, not fields
    const start = rows[row + 3] ?? 0
    const end = rows[row + 4] ?? 0
    if (bytes[start] !== QUOTE) continue
    const rule = rules.get(keyText(bytes, rows[row + 1] ?? 0, rows[row + 2] ?? 0))
    if (rule === undefined) continue
    pieces.push(bytes.subarray(kept, start), rule === 'remove' ? REDACTED : hashed(bytes, start, end))
    kept = end
  }
  if (pieces.length === 0) return event
  pieces.push(bytes.subarray(kept))
  return Buffer.concat(pieces)
}

function keyText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end)
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
}

function hashed(bytes: Buffer, start: number, end: number): Buffer {
  const value = JSON.parse(bytes.toString('utf8', start, end)) as string
  return Buffer.from(`"${createHash('sha256').update(value).digest('hex')}"`)
}
