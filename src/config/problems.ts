/** What is wrong with a document, where, and what to do about it: in words, from what Zod found. */

import type * as z from 'zod'
import { nearestName } from '../core/nearest.ts'
import { type Path, valueAt } from './kinds.ts'
import { meaningAt, namesAt } from './shape.ts'

export interface Problem {
  /** Place of the document among those that were given, from 0. */
  readonly document: number
  readonly path: Path
  readonly problem: string
  readonly remedy: string
  /** It is the name of the member that is wrong, not its value. */
  readonly isName?: true
  /** In the text at `path`, where it is one with lines of its own (a rule, an expression), from 1. */
  readonly at?: { readonly line: number; readonly column: number }
}

/** Found in one document. */
export type Found = Omit<Problem, 'document'>

type Issue = z.core.$ZodIssue

const NAMES_SHOWN_MAX = 25

/** What a schema says of a value; `base`: where the value stands in its document. */
export function misfits(schema: z.ZodType, value: unknown, base: Path = []): Found[] {
  const result = schema.safeParse(value)
  if (result.success) return []
  return result.error.issues.flatMap((issue) => told(schema, value, issue, base))
}

/** `a` or `a, b and 3 more`; for remedies. */
export function listed(names: Iterable<string>): string {
  const all = [...names]
  if (all.length === 0) return 'none'
  const rest = all.length - NAMES_SHOWN_MAX
  return rest > 0 ? `${all.slice(0, NAMES_SHOWN_MAX).join(', ')} and ${rest} more` : all.join(', ')
}

/** What to write instead of a name that is not known. */
export function remedyFor(given: string, known: readonly string[]): string {
  const meant = nearestName(given, known)
  return meant === undefined ? `Known are ${listed(known)}` : `Did you mean ${meant}?`
}

function told(schema: z.ZodType, value: unknown, issue: Issue, base: Path): Found[] {
  const inner = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))
  const path = [...base, ...inner]
  const meaning = meaningAt(schema, inner)
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = namesAt(schema, inner)
      return issue.keys.map((key) => ({
        path: [...path, key],
        problem: `There is no ${JSON.stringify(key)} here`,
        remedy: remedyFor(key, known),
        isName: true,
      }))
    }
    case 'invalid_union':
      return ofUnion(schema, value, issue, base)
    case 'invalid_type':
      return [{ path, ...ofType(valueAt(value, inner), issue, path, meaning) }]
    case 'invalid_value': {
      const given = valueAt(value, inner)
      const known = issue.values.map(String)
      const name = String(path.at(-1) ?? 'it')
      if (given === undefined)
        return [{ path, problem: `${name} is missing`, remedy: `Write one of ${listed(known)}` }]
      return [
        {
          path,
          problem: `${shownValue(given, path)} is not one of ${listed(known)}`,
          remedy: typeof given === 'string' ? remedyFor(given, known) : `Known are ${listed(known)}`,
        },
      ]
    }
    case 'invalid_key':
    case 'invalid_element':
      return [{ path, problem: issue.issues[0]?.message ?? issue.message, remedy: orElse(meaning) }]
    default:
      return [{ path, problem: issue.message.replace(/\.$/, ''), remedy: orElse(meaning) }]
  }
}

function ofType(given: unknown, issue: z.core.$ZodIssueInvalidType, path: Path, meaning: string) {
  const wanted = TYPES[issue.expected] ?? issue.expected
  if (given === undefined)
    return {
      problem: `${String(path.at(-1) ?? 'it')} is missing`,
      remedy: `Write ${wanted}. ${meaning}`.trim(),
    }
  const quoted = issue.expected === 'string' && typeof given !== 'object' ? ' Put it in quotes.' : ''
  return {
    problem: `${shownValue(given, path)} stands where ${wanted} belongs`,
    remedy: `Write ${wanted}.${quoted} ${meaning}`.trim(),
  }
}

/** Of the option that came nearest: the one with least to mend. */
function ofUnion(
  schema: z.ZodType,
  value: unknown,
  issue: z.core.$ZodIssueInvalidUnion,
  base: Path,
): Found[] {
  const inner = issue.path.filter((step) => typeof step !== 'symbol')
  const path = [...base, ...inner]
  const given = valueAt(value, inner)
  const { discriminator, errors } = issue
  if (discriminator !== undefined) {
    const said = valueAt(given, [discriminator])
    const known = ('options' in issue ? (issue.options as unknown[]) : []).map(String)
    return [
      {
        path: said === undefined ? path : [...path, discriminator],
        problem:
          said === undefined
            ? `${discriminator} is missing`
            : `${shownValue(said, path)} is no ${discriminator} that is known here`,
        remedy:
          known.length === 0
            ? orElse(meaningAt(schema, inner))
            : said === undefined
              ? `Write one of ${listed(known)}`
              : remedyFor(String(said), known),
      },
    ]
  }
  const nearest = [...errors].sort((a, b) => weightOf(a) - weightOf(b))[0] ?? []
  if (nearest.length === 0 || nearest.every(isOfAnotherKind))
    return [
      {
        path,
        problem:
          given === undefined
            ? `${String(path.at(-1))} is missing`
            : `${shownValue(given, path)} does not fit here`,
        remedy: orElse(meaningAt(schema, inner)),
      },
    ]
  return nearest.flatMap((one) =>
    told(schema, value, { ...one, path: [...issue.path, ...one.path] } as Issue, base),
  )
}

/** Names that are missing or not known say that another option is meant; values that do not fit are what somebody gets wrong in it. */
function weightOf(issues: readonly Issue[]): number {
  return issues.reduce((sum, one) => {
    if (isOfAnotherKind(one)) return sum + 100
    if (one.code === 'unrecognized_keys') return sum + 3 * one.keys.length
    if (one.code === 'invalid_union') return sum + Math.min(100, ...one.errors.map(weightOf))
    return sum + (one.code === 'invalid_type' ? 3 : 1)
  }, 0)
}

function isOfAnotherKind({ code, path }: Issue): boolean {
  return code === 'invalid_type' && path.length === 0
}

function orElse(meaning: string): string {
  return meaning === '' ? 'Write it as the reference says: docs/configuration.md' : meaning
}

/** Members that hold references. Who wrote the secret itself there does not read it on a screen, or in a program's log. */
const SECRET_MEMBERS: ReadonlySet<unknown> = new Set(['credentials', 'token'])

function shownValue(value: unknown, path: Path): string {
  if (SECRET_MEMBERS.has(path[0])) return 'Something else'
  if (value === null) return 'Nothing'
  if (Array.isArray(value)) return 'A list'
  if (typeof value === 'object') return 'A group of fields'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
}
