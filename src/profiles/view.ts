/** A profile as people and programs are shown it: moments as text, each field with where it came from. */

import { foldCells } from './identity/fold.ts'
import type { Rules } from './identity/rules.ts'
import { type Edge, type HeldIdentifier, keyOf, type Profile } from './profile.ts'
import type { ProfileSchema } from './schema.ts'
import type { FieldType, Value } from './values.ts'

export interface FieldView {
  readonly value: unknown
  /** The moment it is of, and the stream that brought it; of identifiers null, they have many. */
  readonly at: number | null
  readonly stream: string | null
  /** Hidden from whoever may not see personal data. */
  readonly hidden: boolean
}

export interface ProfileView {
  readonly id: number
  readonly createdAt: number
  readonly seenAt: number
  readonly fields: Readonly<Record<string, FieldView>>
  readonly identifiers: readonly {
    readonly field: string
    readonly value: string
    readonly firstAt: number
    readonly lastAt: number
    readonly records: number
    /** Those that brought it. */
    readonly streams: readonly string[]
    /** Since when it joins nobody any more, because it met too many strangers. */
    readonly sharedAt: number | null
  }[]
  /** Identifiers by their places in the list, and how often one record carried both. */
  readonly links: readonly {
    readonly a: number
    readonly b: number
    readonly firstAt: number
    readonly lastAt: number
    readonly records: number
    readonly stream: string
  }[]
  readonly retired: readonly {
    readonly field: string
    readonly value: string
    readonly firstAt: number
    readonly lastAt: number
  }[]
  readonly audiences: readonly { readonly audience: number; readonly since: number }[]
}

/** What stands for a personal value where it is not to be seen. */
export const HIDDEN = '•••'

/** `showPersonal`: values of fields that are personal data, too. */
export function viewOf(
  profile: Profile,
  schema: ProfileSchema,
  rules: Rules,
  showPersonal: boolean,
  nowMs: number,
): ProfileView {
  const about = new Map(schema.fields.map((field) => [field.name, field]))
  const cells = foldCells(profile, rules, nowMs)
  const isHidden = (field: string): boolean => !showPersonal && about.get(field)?.personal === true
  const shown = (field: string, value: string): string => (isHidden(field) ? HIDDEN : value)
  const places = new Map(profile.identifiers.map(({ field, value }, i) => [`${field}\0${value}`, i]))
  return {
    id: profile.id,
    createdAt: profile.createdAt,
    seenAt: profile.seenAt,
    fields: Object.fromEntries(
      Object.entries(profile.fields).map(([name, value]) => [
        name,
        {
          value: isHidden(name) ? HIDDEN : told(value, about.get(name)?.type ?? 'string'),
          at: cells[name]?.at ?? null,
          stream: cells[name]?.stream ?? null,
          hidden: isHidden(name),
        },
      ]),
    ),
    identifiers: profile.identifiers.map((held) => ({
      field: held.field,
      value: shown(held.field, held.value),
      firstAt: held.firstAt,
      lastAt: held.lastAt,
      records: held.count,
      streams: streamsOf(held, profile.edges),
      sharedAt: held.sharedAt ?? null,
    })),
    links: profile.edges.map(({ a, b, firstAt, lastAt, count, stream }) => ({
      a: places.get(a) ?? -1,
      b: places.get(b) ?? -1,
      firstAt,
      lastAt,
      records: count,
      stream,
    })),
    retired: profile.retired.map(({ field, value, firstAt, lastAt }) => ({
      field,
      value: shown(field, value),
      firstAt,
      lastAt,
    })),
    audiences: Object.entries(profile.members).map(([audience, since]) => ({
      audience: Number(audience),
      since,
    })),
  }
}

/** By what came with it: its values, and its links. */
function streamsOf(held: HeldIdentifier, edges: readonly Edge[]): string[] {
  const key = keyOf(held)
  const linked = edges.filter(({ a, b }) => a === key || b === key)
  return [...new Set([...Object.values(held.fragment), ...linked].map(({ stream }) => stream))].sort()
}

/** Moments as text, wherever the type has them. */
export function told(value: Value, type: FieldType): unknown {
  const moment = (one: unknown): unknown => (typeof one === 'number' ? new Date(one).toISOString() : one)
  if (type === 'date') return moment(value)
  if (type === '[]time') return (value as readonly number[]).map(moment)
  if (type === 'map[string]time' || type === 'map[string][]time')
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, Array.isArray(one) ? one.map(moment) : moment(one)]),
    )
  return value
}

export function entityOf({ id, fields, createdAt, seenAt }: ProfileView): Record<string, unknown> {
  return {
    ...Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value])),
    _id: id,
    created: new Date(createdAt).toISOString(),
    last_active_ts: new Date(seenAt).toISOString(),
  }
}
