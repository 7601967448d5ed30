/**
 * Audiences that are rules over profiles, with every version. Owns the tables rule_audiences and rule_audience_versions.
 *
 * An audience is known by its number for ever; its slug is a name that may change. So the text that is kept has numbers
 * after INCLUDE, and is shown with the slugs of the day: a rename breaks nothing. Comments and layout stay as they
 * were written.
 */

import type { Transaction } from 'kysely'
import * as z from 'zod'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { Turns } from '../../core/turns.ts'
import type { Schema } from '../../store/schema.ts'
import { type Store, violatesUnique } from '../../store/store.ts'
import { type FieldTypes, fieldTypesOf, readFilter, renamed } from '../filterql/filterql.ts'
import { RuleJson, toJson } from '../filterql/json.ts'
import { type Parsed, parseFilter } from '../filterql/parse.ts'
import { printName, printStatement } from '../filterql/print.ts'
import { includesOf, rulesIn, TEXT_CHARS_MAX } from '../filterql/tree.ts'
import type { ProfileSchema } from '../schema.ts'
import { type NumberedRule, RuleSet, resolver } from './rule-set.ts'

/** Lytics, platform limits. */
export const AUDIENCES_MAX = 500
/** Versions of one audience: the oldest are forgotten. */
export const VERSIONS_MAX = 100

export const Slug = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,63}$/,
    'A slug is 1 to 64 lower-case letters, digits, _ and -, beginning with a letter',
  )

export const Filter = z
  .union([z.string().min(1).max(TEXT_CHARS_MAX), RuleJson])
  .describe('FilterQL, or the same rule as a tree.')

export const AudienceDefinition = z.strictObject({
  slug: Slug.optional().describe(
    'What exports write. Not given: what ALIAS says, else made of the name; of an audience that is there, the one it has.',
  ),
  name: z
    .string()
    .max(200)
    .default('')
    .describe('For people. Not given: what WITH name says, else the slug.'),
  description: z.string().max(2_000).default(''),
  filter: Filter,
})
export type AudienceDefinition = z.infer<typeof AudienceDefinition>

export interface AudienceVersion {
  readonly version: number
  readonly slug: string
  readonly name: string
  readonly description: string
  /** FilterQL with the present slugs of what it includes. */
  readonly filter: string
  readonly note: string
  readonly author: string
  readonly savedAt: number
}

export interface Audience extends AudienceVersion {
  readonly number: number
  readonly tree: RuleJson
  /** Fields that the rule itself asks. */
  readonly fields: readonly string[]
  /** Slugs of the audiences that it includes. */
  readonly includes: readonly string[]
  readonly createdAt: number
}

/** An audience as the engine of profiles needs it. */
export interface AudienceRule {
  readonly number: number
  readonly slug: string
  /** FilterQL with numbers after INCLUDE. */
  readonly filter: string
}

/** What a rule says, before it is kept. */
export interface Reading {
  /** In the one spelling that each rule has. */
  readonly filter: string
  readonly tree: RuleJson
  readonly fields: readonly string[]
  readonly includes: readonly string[]
}

export interface RegistryParts {
  readonly store: Store
  readonly clock: Clock
  /** The present schema of profiles. */
  schema(): Pick<ProfileSchema, 'fields'>
  /** Who else needs an audience, each in a few words (`the export "crm"`); asked before it is deleted. */
  usersOf(audience: number): Promise<readonly string[]>
  /** Called after every change: the engine is to go by `rules` from now on. */
  changed(): void
}

interface Row {
  readonly number: number
  readonly slug: string
  readonly version: number
  readonly createdAt: number
  readonly name: string
  readonly description: string
  readonly filter: string
  readonly note: string
  readonly author: string
  readonly savedAt: number
}

export class AudienceRegistry {
  readonly #parts: RegistryParts
  readonly #parsed = new Map<string, Parsed>()
  readonly #reads = new Turns()
  #present: readonly AudienceRule[] = []

  constructor(parts: RegistryParts) {
    this.#parts = parts
  }

  /** Reads what is kept; also called to learn what another node changed. */
  start(): Promise<void> {
    // One after another: what was read before a change must not undo it.
    return this.#reads.take(async () => {
      const rows = await this.#rows(this.#parts.store.db)
      this.#present = rows.map(({ number, slug, filter }) => ({ number, slug, filter }))
    })
  }

  /** All that are not deleted, by number; another array after every change. */
  get rules(): readonly AudienceRule[] {
    return this.#present
  }

  /** By slug. */
  async list(): Promise<Audience[]> {
    const rows = await this.#rows(this.#parts.store.db)
    return rows.map((row) => this.#audience(row, rows)).sort((a, b) => (a.slug < b.slug ? -1 : 1))
  }

  /** By number or slug. Throws AUDIENCE_UNKNOWN. */
  async get(which: number | string): Promise<Audience> {
    const rows = await this.#rows(this.#parts.store.db)
    return this.#audience(rowOf(rows, which), rows)
  }

  /** Of one that is, or by number of one that was: history outlives its audience. Throws AUDIENCE_UNKNOWN. */
  async numberOf(which: number | string): Promise<number> {
    const { db } = this.#parts.store
    const known = await db
      .selectFrom('rule_audiences')
      .select('number')
      .where((is) =>
        typeof which === 'number'
          ? is('number', '=', which)
          : is.and([is('slug', '=', which), is('state', '!=', 'deleted')]),
      )
      .executeTakeFirst()
    if (known === undefined) throw unknown(which)
    return known.number
  }

  /** All kept ones, latest first. Throws AUDIENCE_UNKNOWN. */
  async versions(which: number | string): Promise<AudienceVersion[]> {
    const { db } = this.#parts.store
    const rows = await this.#rows(db)
    const { number } = rowOf(rows, which)
    const versions = await db
      .selectFrom('rule_audience_versions')
      .select(['version', 'slug', 'name', 'description', 'filter', 'note', 'author', 'created_at as savedAt'])
      .where('audience', '=', number)
      .orderBy('version', 'desc')
      .execute()
    return versions.map((version) => ({
      ...version,
      filter: this.#shown(version.filter, version.slug, rows),
    }))
  }

  /** Says what a rule means, without keeping it. Throws FILTERQL_INVALID, AUDIENCE_INVALID. */
  async validate(filter: string | RuleJson): Promise<Reading> {
    const rows = await this.#rows(this.#parts.store.db)
    const parsed = readFilter(filter)
    this.#check([...this.#numbered(rows), { number: 0, slug: '', filter: parsed }])
    return { ...readingOf(parsed, slugsOf(rows)), filter: printStatement(parsed.statement) }
  }

  /**
   * Throws FILTERQL_INVALID, AUDIENCE_INVALID for what does not hold together (circles of INCLUDE with the way round), and
   * AUDIENCE_SLUG_TAKEN: it is never given another one unasked.
   */
  async create(definition: AudienceDefinition, author: string, note = 'created'): Promise<Audience> {
    const parsed = readFilter(definition.filter)
    const slug = definition.slug ?? slugFrom(parsed, definition.name)
    const now = this.#parts.clock.now()
    const number = await this.#changing(slug, async (tx) => {
      const rows = await this.#rows(tx)
      if (rows.length >= AUDIENCES_MAX)
        throw new ThalwegError('AUDIENCE_INVALID', `There are ${AUDIENCES_MAX} audiences already`)
      const filter = this.#checked(parsed, slug, 0, rows)
      const row = await tx
        .insertInto('rule_audiences')
        .values({ slug, state: 'active', version: 1, created_at: now, updated_at: now })
        .returning('number')
        .executeTakeFirstOrThrow()
      await tx
        .insertInto('rule_audience_versions')
        .values({
          ...{ audience: row.number, version: 1, slug, filter, note, author, created_at: now },
          name: nameFrom(definition, parsed, slug),
          description: definition.description,
        })
        .execute()
      return row.number
    })
    return this.get(number)
  }

  /** Adds a version; another slug renames it. Throws what `create` throws, and AUDIENCE_UNKNOWN. */
  async revise(
    which: number | string,
    definition: AudienceDefinition,
    author: string,
    note: string,
  ): Promise<Audience> {
    const parsed = readFilter(definition.filter)
    const now = this.#parts.clock.now()
    const number = await this.#changing(definition.slug ?? String(which), async (tx) => {
      const rows = await this.#rows(tx)
      const row = rowOf(rows, which)
      const slug = definition.slug ?? row.slug
      const filter = this.#checked(parsed, slug, row.number, rows)
      const { version } = await tx
        .updateTable('rule_audiences')
        .set((e) => ({ slug, version: e('version', '+', 1), updated_at: now }))
        .where('number', '=', row.number)
        .returning('version')
        .executeTakeFirstOrThrow()
      await tx
        .insertInto('rule_audience_versions')
        .values({
          ...{ audience: row.number, version, slug, filter, note, author, created_at: now },
          name: nameFrom(definition, parsed, slug),
          description: definition.description,
        })
        .execute()
      await tx
        .deleteFrom('rule_audience_versions')
        .where('audience', '=', row.number)
        .where('version', '<=', version - VERSIONS_MAX)
        .execute()
      return row.number
    })
    return this.get(number)
  }

  /**
   * It is kept as deleted, so that its history can be told; its slug is free again. Throws AUDIENCE_UNKNOWN, and
   * AUDIENCE_IN_USE while another audience includes it or somebody else needs it.
   */
  async remove(which: number | string): Promise<void> {
    const { number, slug } = await this.get(which)
    const users = await this.#parts.usersOf(number)
    await this.#changing(slug, async (tx) => {
      const rows = await this.#rows(tx)
      const including = rows.filter((row) => row.number !== number && this.#includes(row, number))
      const all = [...users, ...including.map((row) => `the audience ${row.slug}`)]
      if (all.length > 0)
        throw new ThalwegError('AUDIENCE_IN_USE', `The audience ${slug} is still needed by ${all.join(', ')}`)
      await tx
        .updateTable('rule_audiences')
        .set({ state: 'deleted', updated_at: this.#parts.clock.now() })
        .where('number', '=', number)
        .execute()
    })
  }

  /** Throws FILTERQL_INVALID, naming the audience, when a rule does not fit these fields: a schema that breaks one is not to be saved. */
  async check(schema: Pick<ProfileSchema, 'fields'>): Promise<void> {
    this.#check(this.#numbered(await this.#rows(this.#parts.store.db)), fieldTypesOf(schema))
  }

  /** The text to keep. `number`: of the audience whose text it will be; 0: of a new one. */
  #checked(parsed: Parsed, slug: string, number: number, rows: readonly Row[]): string {
    const { alias, from, limit } = parsed.statement
    if (alias !== undefined && alias !== slug)
      throw new ThalwegError(
        'AUDIENCE_INVALID',
        `ALIAS says ${alias}, but the slug is ${slug}: leave ALIAS out, or give both the same`,
      )
    if (from !== undefined && from !== 'user')
      throw new ThalwegError('AUDIENCE_INVALID', `FROM ${from}: there are audiences of users only`)
    if (limit !== undefined)
      throw new ThalwegError('AUDIENCE_INVALID', 'LIMIT: whoever the rule is true of is in an audience')
    const others = this.#numbered(rows.filter((row) => row.number !== number))
    // First, so that a circle is told from here.
    const all = [{ number, slug, filter: parsed }, ...others]
    this.#check(all)
    const resolve = resolver(all)
    return renamed(parsed, (name) => String(resolve(name)?.number ?? name))
  }

  #check(rules: readonly NumberedRule[], types: FieldTypes = fieldTypesOf(this.#parts.schema())): void {
    new RuleSet(rules, types)
  }

  #numbered(rows: readonly Row[]): NumberedRule[] {
    return rows.map(({ number, slug, filter }) => ({ number, slug, filter: this.#parse(filter) }))
  }

  #includes({ filter }: Row, number: number): boolean {
    return this.#parse(filter).includes.some(({ audience }) => audience === String(number))
  }

  #audience(row: Row, rows: readonly Row[]): Audience {
    const filter = this.#shown(row.filter, row.slug, rows)
    return { ...row, ...readingOf(this.#parse(row.filter), slugsOf(rows)), filter }
  }

  /** A kept text with the slugs of the day. What was deleted since keeps its number. */
  #shown(filter: string, slug: string, rows: readonly Row[]): string {
    const slugs = slugsOf(rows)
    return renamed(this.#parse(filter), (number) => printName(slugs.get(number) ?? number), printName(slug))
  }

  /** Texts do not change, so they are read once. */
  #parse(filter: string): Parsed {
    const known = this.#parsed.get(filter)
    if (known !== undefined) return known
    if (this.#parsed.size > 2 * AUDIENCES_MAX) this.#parsed.clear()
    const parsed = parseFilter(filter)
    this.#parsed.set(filter, parsed)
    return parsed
  }

  async #changing<T>(slug: string, work: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
    let result: T
    try {
      result = await this.#parts.store.transaction(async (tx) => {
        // On SQLite there is one writer anyway. Elsewhere two changes that are whole by themselves could make a circle together.
        if (this.#parts.store.dialect === 'postgres')
          await tx.selectFrom('rule_audiences').select('number').forUpdate().execute()
        return work(tx)
      })
    } catch (error) {
      if (!violatesUnique(error)) throw error
      throw new ThalwegError('AUDIENCE_SLUG_TAKEN', `There is an audience ${slug} already`)
    }
    await this.start()
    this.#parts.changed()
    return result
  }

  #rows(db: Store['db'] | Transaction<Schema>): Promise<Row[]> {
    return db
      .selectFrom('rule_audiences')
      .innerJoin('rule_audience_versions as text', (join) =>
        join
          .onRef('text.audience', '=', 'rule_audiences.number')
          .onRef('text.version', '=', 'rule_audiences.version'),
      )
      .select([
        'rule_audiences.number',
        'rule_audiences.slug',
        'rule_audiences.version',
        'rule_audiences.created_at as createdAt',
        'text.name',
        'text.description',
        'text.filter',
        'text.note',
        'text.author',
        'text.created_at as savedAt',
      ])
      .where('rule_audiences.state', '!=', 'deleted')
      .orderBy('rule_audiences.number')
      .execute()
  }
}

function rowOf(rows: readonly Row[], which: number | string): Row {
  const row = rows.find(({ number, slug }) => number === which || slug === which)
  if (row !== undefined) return row
  throw unknown(which)
}

function unknown(which: number | string): ThalwegError {
  return new ThalwegError('AUDIENCE_UNKNOWN', `There is no audience ${JSON.stringify(which)}`)
}

/** Slugs by number, as the texts have them. */
function slugsOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(rows.map(({ number, slug }) => [String(number), slug]))
}

function readingOf(
  { statement: { rule } }: Parsed,
  slugs: ReadonlyMap<string, string>,
): Omit<Reading, 'filter'> {
  const fields = new Set<string>()
  for (const part of rulesIn(rule)) {
    let of = 'of' in part ? part.of : undefined
    while (of?.kind === 'call') {
      const first = of.args[0]
      of = first?.kind === 'value' ? undefined : first
    }
    if (of !== undefined) fields.add(of.field)
  }
  const includes = includesOf(rule).map((name) => slugs.get(name) ?? name)
  return { tree: withSlugs(toJson(rule), slugs), fields: [...fields], includes }
}

function withSlugs(json: RuleJson, slugs: ReadonlyMap<string, string>): RuleJson {
  if (json.seg !== undefined) return { seg: slugs.get(json.seg) ?? json.seg }
  return json.args === undefined ? json : { ...json, args: json.args.map((arg) => withSlugs(arg, slugs)) }
}

function slugFrom({ statement }: Parsed, name: string): string {
  const given = statement.alias ?? (name === '' ? attribute(statement.with, 'name') : name)
  const made =
    statement.alias ??
    given
      .normalize('NFKD')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
  const slug = Slug.safeParse(made.replace(/^[_0-9]+|_+$/g, '').slice(0, 64))
  if (slug.success) return slug.data
  throw new ThalwegError(
    'AUDIENCE_INVALID',
    `No slug can be made of ${JSON.stringify(given)}: give one of lower-case letters, digits, _ and -, beginning with a letter`,
  )
}

/** What an audience is called: as its definition says, else as WITH says, else as its slug. */
export function nameFrom(
  { name }: Pick<AudienceDefinition, 'name'>,
  { statement }: Parsed,
  slug: string,
): string {
  return name || attribute(statement.with, 'name') || slug
}

function attribute(pairs: Parsed['statement']['with'], name: string): string {
  const value = pairs?.find(([key]) => key === name)?.[1]
  return typeof value === 'string' ? value : ''
}
