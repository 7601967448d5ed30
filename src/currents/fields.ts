/**
 * Rules for personal data, applied to an event's raw bytes: a string field set to *remove* becomes the literal `[REDACTED]`, one set to
 * *hash* the hex SHA-256 of its value (Braze Currents, field transformations). Every other byte stays as it came, so numbers keep
 * their text. Values that are not strings are left alone, as at the vendor.
 */

import { createHash } from 'node:crypto'
import type { Kernel } from '../core/kernel/kernel.ts'
import { MEMBER_WORDS, MemberTable } from '../core/kernel/member-table.ts'
import { parseExact } from '../core/kernel/project.ts'
import type { FieldRule } from './current.ts'

const REDACTED = Buffer.from('"[REDACTED]"')
const QUOTE = 0x22

/** Returns the event with the rules applied; the same bytes when none applies. */
export type FieldEditor = (event: Uint8Array) => Uint8Array

/** undefined when no rule changes anything: then nothing has to be looked at. */
export function fieldEditor(
  rules: Readonly<Record<string, FieldRule>>,
  kernel: Kernel,
): FieldEditor | undefined {
  const active = new Map(Object.entries(rules).filter(([, rule]) => rule !== 'keep'))
  if (active.size === 0) return undefined
  const table = new MemberTable(kernel)
  return (event) => {
    try {
      return edited(event, table, active)
    } catch (error) {
      // Nested deeper than the kernel goes: a door for whole bodies lets that in.
      if (error instanceof TypeError) return editedSlowly(event, active)
      throw error
    }
  }
}

function edited(event: Uint8Array, table: MemberTable, rules: ReadonlyMap<string, FieldRule>): Uint8Array {
  const count = table.list(event)
  const { rows } = table
  const bytes = Buffer.from(event.buffer, event.byteOffset, event.byteLength)
  const pieces: Uint8Array[] = []
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = i * MEMBER_WORDS
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

/** Over the parsed value; numbers keep their value, white space goes. */
function editedSlowly(event: Uint8Array, rules: ReadonlyMap<string, FieldRule>): Uint8Array {
  const value = parseExact(Buffer.from(event).toString()) as Record<string, unknown>
  for (const group of Object.values(value)) {
    // A number kept as its text is a frozen object.
    if (typeof group !== 'object' || group === null || Array.isArray(group) || Object.isFrozen(group))
      continue
    const members = group as Record<string, unknown>
    for (const [key, member] of Object.entries(members)) {
      const rule = rules.get(key)
      if (rule === undefined || typeof member !== 'string') continue
      members[key] = JSON.parse(String(rule === 'remove' ? REDACTED : hashOf(member)))
    }
  }
  return Buffer.from(JSON.stringify(value))
}

function keyText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end)
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
}

function hashed(bytes: Buffer, start: number, end: number): Buffer {
  return hashOf(JSON.parse(bytes.toString('utf8', start, end)) as string)
}

function hashOf(value: string): Buffer {
  return Buffer.from(`"${createHash('sha256').update(value).digest('hex')}"`)
}
