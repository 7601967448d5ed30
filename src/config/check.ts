/**
 * Whether documents hold together: each by the schema of its kind, then all of them with each other. Everything that is wrong
 * is told at once. It asks nobody, so it works without a hub; a hub adds what it has beside the documents.
 */

import { SegmentCompiler } from '../audiences/segments/compile.ts'
import type { ParentSegment, Rule } from '../audiences/segments/rule.ts'
import { patternProblem } from '../catalog/catalog.ts'
import { ThalwegError } from '../core/errors.ts'
import { RuleSet } from '../profiles/audiences/rule-set.ts'
import { type FieldTypes, fieldTypesOf, readFilter } from '../profiles/filterql/filterql.ts'
import type { Parsed } from '../profiles/filterql/parse.ts'
import { problemsOf } from '../profiles/mapping/check.ts'
import type { ProfileSchema, Stream } from '../profiles/schema.ts'
import type { EngineKind } from '../warehouse/warehouse.ts'
import { type Body, KIND_WORDS, KINDS, type KindWord, nameIn, type Path, valueAt, withAt } from './kinds.ts'
import { type Found, listed, misfits, type Problem, remedyFor } from './problems.ts'

/** A document that fits its kind. Every default is in its body. */
export interface Checked {
  /** Place among the documents that were given. */
  readonly document: number
  readonly kind: KindWord
  readonly name: string
  /** What it was called before; undefined: it is not renamed. */
  readonly formerly: string | undefined
  readonly body: Body
}

/** What there is beside the documents; names by kind. */
export interface Ground {
  readonly names: Readonly<Record<KindWord, readonly string[]>>
  /** Kinds of the engines. */
  readonly engines: ReadonlyMap<string, EngineKind>
  /** The schema of profiles, where the documents have none. */
  readonly schema: ProfileSchema | undefined
  /** Rules of the audiences, by slug. */
  readonly audiences: ReadonlyMap<string, string>
}

export interface Checking {
  readonly checked: readonly Checked[]
  readonly problems: readonly Problem[]
}

/** `partial`: what the documents name may be elsewhere. */
export interface CheckOptions {
  readonly ground?: Ground
  readonly partial?: boolean
}

export const DOCUMENTS_MAX = 5_000

const NO_GROUND: Ground = {
  names: Object.fromEntries(KIND_WORDS.map((kind) => [kind, []])) as unknown as Ground['names'],
  engines: new Map(),
  schema: undefined,
  audiences: new Map(),
}

export function checkDocuments(
  documents: readonly unknown[],
  { ground = NO_GROUND, partial = false }: CheckOptions = {},
): Checking {
  const problems: Problem[] = []
  const checked: Checked[] = []
  for (const [document, value] of documents.entries()) {
    const { found, one } = checkOne(document, value)
    problems.push(...found.map((problem) => ({ document, ...problem })))
    if (one !== undefined) checked.push(one)
  }
  problems.push(...twice(checked))
  if (!partial) problems.push(...dangling(checked, ground, documents))
  problems.push(...rounds(checked))
  problems.push(...profileProblems(checked, ground))
  problems.push(...audienceProblems(checked, ground))
  problems.push(...ruleProblems(checked, ground))
  return { checked, problems }
}

/** As the schema of the kind and the one that a member chooses leave it. What does not fit is left as it is. */
export function normalBody(kind: KindWord, body: Body): Body {
  const { schema, variant, settled = asItIs } = KINDS[kind]
  const result = schema.safeParse(body)
  const whole = result.success ? settled(result.data as Body) : body
  if (variant === undefined) return whole
  const path = [...variant.at, variant.member]
  const chosen = variant.choices.get(String(valueAt(whole, [...variant.at, variant.by])))
  const settings = chosen?.safeParse(valueAt(whole, path))
  return settings?.success === true ? withAt(whole, path, settings.data) : whole
}

function asItIs(body: Body): Body {
  return body
}

function checkOne(document: number, value: unknown): { found: Found[]; one?: Checked } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return {
      found: [
        {
          path: [],
          problem: 'A document is a group of fields',
          remedy: `Begin it with object: and one of ${listed(KIND_WORDS)}`,
        },
      ],
    }
  const { object, formerly, ...body } = value as Record<string, unknown>
  if (!KIND_WORDS.some((word) => word === object))
    return {
      found: [
        object === undefined
          ? {
              path: [],
              problem: 'It does not say what kind of object it is',
              remedy: `Write object: and one of ${listed(KIND_WORDS)}`,
            }
          : {
              path: ['object'],
              problem: `There is no kind of object ${JSON.stringify(object)}`,
              remedy: remedyFor(String(object), KIND_WORDS),
            },
      ],
    }
  const kind = object as KindWord
  const misfitting = misfits(KINDS[kind].schema, body)
  const told = new Set(misfitting.map(({ path }) => path.join('.')))
  const chosen = ofVariant(kind, body).filter(({ path }) => !told.has(path.join('.')))
  const found = [...misfitting, ...chosen, ...ofFormerly(kind, formerly)]
  if (found.length > 0) return { found }
  const attempt = tried(document, ['filter'], () => normalBody(kind, body))
  if ('problem' in attempt) return { found: [attempt.problem] }
  const normal = attempt.value
  const name = nameIn(kind, normal)
  return {
    found,
    one: {
      document,
      kind,
      name,
      formerly: formerly === name ? undefined : (formerly as string | undefined),
      body: normal,
    },
  }
}

function ofVariant(kind: KindWord, body: Body): Found[] {
  const { variant } = KINDS[kind]
  if (variant === undefined) return []
  const { at, by, member, choices, of } = variant
  const word = valueAt(body, [...at, by])
  if (typeof word !== 'string') return []
  const schema = choices.get(word)
  if (schema === undefined)
    return [
      {
        path: [...at, by],
        problem: `There is no ${of} ${JSON.stringify(word)}`,
        remedy: remedyFor(word, [...choices.keys()]),
      },
    ]
  const settings = valueAt(body, [...at, member]) ?? {}
  if (typeof settings !== 'object' || Array.isArray(settings)) return []
  return misfits(schema, settings, [...at, member])
}

function ofFormerly(kind: KindWord, formerly: unknown): Found[] {
  if (formerly === undefined || (typeof formerly === 'string' && RENAMED.has(kind))) return []
  return [
    {
      path: ['formerly'],
      problem: RENAMED.has(kind)
        ? 'formerly is a name'
        : `A ${KINDS[kind].title.toLowerCase()} keeps its name`,
      remedy: RENAMED.has(kind)
        ? 'Write the name that the object had before'
        : 'Leave formerly out: under another name it is another object',
    },
  ]
}

/** Kinds whose objects may be called otherwise and stay themselves. */
const RENAMED: ReadonlySet<KindWord> = new Set([
  'authorization',
  'audience',
  'current',
  'activation',
  'export',
  'channel',
])

function twice(checked: readonly Checked[]): Problem[] {
  const first = new Set<string>()
  return checked.flatMap(({ document, kind, name }) => {
    const id = `${kind} ${name}`
    if (!first.has(id)) {
      first.add(id)
      return []
    }
    const { key } = KINDS[kind]
    return {
      document,
      path: key === undefined ? ['object'] : [key],
      problem:
        key === undefined ? `There is a second ${kind}` : `There is a second ${kind} ${JSON.stringify(name)}`,
      remedy: key === undefined ? 'Bring both into one' : 'Give one of them another name, or remove it',
    }
  })
}

function dangling(checked: readonly Checked[], ground: Ground, documents: readonly unknown[]): Problem[] {
  const known = new Map(
    KIND_WORDS.map((kind) => [kind, new Set([...ground.names[kind], ...named(kind, checked, documents)])]),
  )
  return checked.flatMap(({ document, kind, body }) =>
    KINDS[kind].references(body).flatMap(({ path, kind: wanted, name }): Problem[] => {
      const names = known.get(wanted)
      if (names === undefined || names.has(name)) return []
      return [
        {
          document,
          path,
          problem: `There is no ${wanted} ${JSON.stringify(name)}`,
          remedy:
            names.size > 0
              ? remedyFor(name, [...names])
              : `Add a document for it; to check files whose other objects live in a hub only, use --partial`,
        },
      ]
    }),
  )
}

/** Also of documents that have problems of their own: one mistake is told once. */
function named(kind: KindWord, checked: readonly Checked[], documents: readonly unknown[]): string[] {
  const { key } = KINDS[kind]
  const meant = documents.flatMap((value) => {
    const name = key === undefined ? undefined : valueAt(value, [key])
    return valueAt(value, ['object']) === kind && typeof name === 'string' ? [name] : []
  })
  return [...meant, ...checked.filter((one) => one.kind === kind).map(({ name }) => name)]
}

/** Objects of one kind that need each other in a circle; told once, where the circle closes. */
function rounds(checked: readonly Checked[]): Problem[] {
  const byId = new Map(checked.map((one) => [`${one.kind} ${one.name}`, one]))
  const done = new Set<string>()
  const problems: Problem[] = []
  const walk = (one: Checked, way: readonly string[]): void => {
    const id = `${one.kind} ${one.name}`
    if (done.has(id)) return
    for (const { kind, name, path } of KINDS[one.kind].references(one.body)) {
      const next = byId.get(`${kind} ${name}`)
      if (kind !== one.kind || next === undefined) continue
      const begin = [...way, one.name].indexOf(name)
      if (begin === -1) walk(next, [...way, one.name])
      else
        problems.push({
          document: one.document,
          path,
          problem: `It needs itself: ${[...way.slice(begin), one.name, name].join(' → ')}`,
          remedy: 'Take one of these out of the circle',
        })
    }
    done.add(id)
  }
  for (const one of checked) walk(one, [])
  return problems
}

/** The schema that the documents make, over what the hub has; undefined: neither has fields. */
export function schemaOf(
  checked: readonly Checked[],
  schema: ProfileSchema | undefined,
): ProfileSchema | undefined {
  const profile = checked.find(({ kind }) => kind === 'profile')?.body as
    | Omit<ProfileSchema, 'streams'>
    | undefined
  const rest = profile ?? schema
  if (rest === undefined) return undefined
  const streams = checked.filter(({ kind }) => kind === 'stream').map(({ body }) => body as unknown as Stream)
  const others = schema?.streams ?? []
  // In their places, then what is new.
  const kept = others.map((one) => streams.find(({ name }) => name === one.name) ?? one)
  const added = streams.filter(({ name }) => !others.some((one) => one.name === name))
  return { ...rest, streams: [...kept, ...added] }
}

function profileProblems(checked: readonly Checked[], ground: Ground): Problem[] {
  if (!checked.some(({ kind }) => kind === 'profile' || kind === 'stream')) return []
  const schema = schemaOf(checked, ground.schema)
  if (schema === undefined) return []
  return problemsOf(schema).map(({ where, message, line, column }): Problem => {
    const { document, path } = placeOf(where, schema, checked)
    return {
      document,
      path,
      problem: message,
      remedy: 'docs/reference/mappings.md lists types, merge operators and functions',
      ...(line === undefined || column === undefined ? {} : { at: { line, column } }),
    }
  })
}

/** `streams.a.b.mappings.3.expression` → the document of the stream `a.b`. */
function placeOf(
  where: string,
  schema: ProfileSchema,
  checked: readonly Checked[],
): { document: number; path: Path } {
  const steps = (text: string): Path =>
    text
      .split('.')
      .filter((step) => step !== '')
      .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  const stream = checked
    .filter(({ kind, name }) => kind === 'stream' && `${where}.`.startsWith(`streams.${name}.`))
    .sort((a, b) => b.name.length - a.name.length)[0]
  if (stream !== undefined)
    return { document: stream.document, path: steps(where.slice(`streams.${stream.name}`.length)) }
  const profile = checked.find(({ kind }) => kind === 'profile')
  const document = profile?.document ?? checked.find(({ kind }) => kind === 'stream')?.document ?? 0
  if (profile === undefined) return { document, path: [] }
  const [, name = '', rest = ''] = /^fields\.([^.]+)\.?(.*)$/.exec(where) ?? []
  const place = schema.fields.findIndex((field) => field.name === name)
  return { document, path: place === -1 ? steps(where) : ['fields', place, ...steps(rest)] }
}

/** Rules that ask what cannot be asked, where the fields are known. */
function audienceProblems(checked: readonly Checked[], ground: Ground): Problem[] {
  const given = checked.filter(({ kind }) => kind === 'audience')
  const schema = schemaOf(checked, ground.schema)
  const types = schema === undefined ? undefined : fieldTypesOf(schema)
  if (types === undefined) return []
  const rules = new Map<string, Parsed>()
  for (const [slug, filter] of ground.audiences) rules.set(slug, readFilter(filter))
  for (const { name, body } of given) rules.set(name, readFilter(body.filter as string))
  const problems: Problem[] = []
  for (const { document, name } of given) {
    const needed = withIncludes(name, rules)
    if (needed === undefined) continue
    const attempt = tried(document, ['filter'], () => judged(needed, types))
    if ('problem' in attempt) problems.push(attempt.problem)
  }
  return problems
}

function judged(rules: ReadonlyMap<string, Parsed>, types: FieldTypes): void {
  new RuleSet(
    [...rules].map(([slug, filter], i) => ({ number: i + 1, slug, filter })),
    types,
  )
}

/** A rule with those that it includes; undefined: not all of them are there, or they go round. */
function withIncludes(name: string, rules: ReadonlyMap<string, Parsed>): Map<string, Parsed> | undefined {
  const found = new Map<string, Parsed>()
  const left = [name]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (found.has(next)) continue
    const rule = rules.get(next)
    if (rule === undefined) return undefined
    found.set(next, rule)
    for (const { audience } of rule.includes) {
      if (audience === name) return undefined
      left.push(audience)
    }
  }
  return found
}

/** Patterns of selections, and the rules of segments in the words of their engines. */
function ruleProblems(checked: readonly Checked[], ground: Ground): Problem[] {
  const engines = new Map<string, EngineKind>([['warehouse', 'duckdb'], ...ground.engines])
  for (const { kind, name, body } of checked)
    if (kind === 'engine') engines.set(name, body.kind as EngineKind)
  return checked.flatMap(({ document, kind, body }): Problem[] => {
    if (kind === 'current') return patternProblems(document, body)
    if (kind !== 'segment') return []
    const { parent, rule } = body as unknown as { parent: ParentSegment; rule: Rule }
    const engine = engines.get(parent.engine)
    if (engine === undefined) return []
    const attempt = tried(document, ['rule'], () => new SegmentCompiler(engine, parent, 0).size(rule))
    return 'problem' in attempt ? [attempt.problem] : []
  })
}

function patternProblems(document: number, body: Body): Problem[] {
  return ['include', 'exclude'].flatMap((part) => {
    const patterns = valueAt(body, ['selection', part]) as readonly string[]
    return patterns.flatMap((pattern, i): Problem[] => {
      const problem = patternProblem(pattern)
      if (problem === undefined) return []
      const path = ['selection', part, i]
      return [
        { document, path, problem, remedy: 'thalweg catalog lists event types, channels and categories' },
      ]
    })
  })
}

function tried<T>(document: number, path: Path, work: () => T): { value: T } | { problem: Problem } {
  try {
    return { value: work() }
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    const { line, column } = (error.details ?? {}) as { line?: number; column?: number }
    const at = line === undefined || column === undefined ? {} : { at: { line, column } }
    return { problem: { document, path, problem: error.message, remedy: REMEDIES[error.code] ?? '', ...at } }
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  FILTERQL_INVALID: 'docs/filterql.md has the grammar; thalweg audiences validate tries a rule',
  AUDIENCE_INVALID: 'docs/filterql.md says what an audience may say',
  SEGMENT_INVALID: 'docs/audiences.md has the rules of segments',
}
