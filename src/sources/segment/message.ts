/** One Segment message as its bytes say it: the members at the top, found without building objects. */

import { MEMBER_WORDS, type MemberTable } from '../../core/kernel/member-table.ts'

/** Kind of a JSON value, told by its first byte. */
export type ValueKind = 'string' | 'object' | 'array' | 'null' | 'number' | 'boolean'

export interface Member {
  readonly name: string
  /** Of the key's opening quote. Positions are in the bytes that the message was read from. */
  readonly keyStart: number
  readonly start: number
  readonly end: number
  readonly kind: ValueKind
  /** Of an object: the keys in it, and how many. */
  readonly keys: readonly string[]
}

export interface Message {
  readonly bytes: Buffer
  /** By name; of several equal keys the last counts, as in JSON.parse. Null is as good as absent for the rules, but stands here. */
  readonly members: ReadonlyMap<string, Member>
  /** In order, with those whose key stands there twice. */
  readonly every: readonly Member[]
}

const KINDS: Readonly<Record<string, ValueKind>> = {
  '"': 'string',
  '{': 'object',
  '[': 'array',
  n: 'null',
  t: 'boolean',
  f: 'boolean',
}
const BACKSLASH = '\\'

/** Throws TypeError when the bytes are not one JSON object that a scan accepts. */
export function readMessage(table: MemberTable, bytes: Buffer): Message {
  const count = table.list(bytes)
  const { rows } = table
  const members = new Map<string, Member>()
  const every: Member[] = []
  let keys: string[] = []
  for (let i = 0; i < count; i++) {
    const row = i * MEMBER_WORDS
    const keyStart = rows[row + 1] ?? 0
    const key = unescaped(bytes.toString('utf8', keyStart, rows[row + 2]))
    if (rows[row] !== 0) {
      keys.push(key)
      continue
    }
    keys = []
    const start = rows[row + 3] ?? 0
    const kind = KINDS[String.fromCharCode(bytes[start] ?? 0)] ?? 'number'
    const member = { name: key, keyStart: keyStart - 1, start, end: rows[row + 4] ?? 0, kind, keys }
    members.set(key, member)
    every.push(member)
  }
  return { bytes, members, every }
}

function unescaped(raw: string): string {
  return raw.includes(BACKSLASH) ? (JSON.parse(`"${raw}"`) as string) : raw
}

/** The text of a string member; undefined when it is absent or no string. */
export function textOf({ bytes, members }: Message, name: string): string | undefined {
  const member = members.get(name)
  if (member?.kind !== 'string') return undefined
  return unescaped(bytes.toString('utf8', member.start + 1, member.end - 1))
}

/** The value of a member as it stands in the bytes. */
export function rawOf({ bytes }: Message, { start, end }: Member): Buffer {
  return bytes.subarray(start, end)
}

/** The member, unless it is absent or null. */
export function given({ members }: Message, name: string): Member | undefined {
  const member = members.get(name)
  return member?.kind === 'null' ? undefined : member
}
