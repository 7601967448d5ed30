/**
 * The kinds of object that files describe, in the order in which they are made: whatever an object names is of a kind before
 * its own, or of its own kind. A document is the definition that the API takes, with names where the API has ids and
 * numbers, and with what the API changes by actions of its own (`state`) beside it.
 */

import * as z from 'zod'
import { ChannelDefinition } from '../alerts/channels.ts'
import { ActivationDefinition } from '../audiences/activation.ts'
import { SegmentDefinition } from '../audiences/segments/rule.ts'
import { CurrentDefinition } from '../currents/current.ts'
import { AudienceDefinition, nameFrom, Slug } from '../profiles/audiences/registry.ts'
import { AUDIENCES_MAX, ExportDefinition } from '../profiles/exports/definition.ts'
import { readFilter } from '../profiles/filterql/filterql.ts'
import { ProfileSchema, Stream } from '../profiles/schema.ts'
import { SourceKind, SourceName } from '../sources/settings.ts'
import { AuthorizationDescription, AuthorizationLabel } from '../store/authorizations.ts'
import { EngineDefinition } from '../warehouse/engines.ts'
import { SavedQueryDefinition } from '../warehouse/saved-queries.ts'
import { SecretReference } from './secret-reference.ts'
import {
  type Choices,
  CREDENTIALS,
  SETTINGS_OF_ACTIVATIONS,
  SETTINGS_OF_CURRENTS,
  SETTINGS_OF_ENGINES,
  SETTINGS_OF_EXPORTS,
  SETTINGS_OF_SOURCES,
} from './vendors.ts'

export const KIND_WORDS = [
  'authorization',
  'engine',
  'source',
  'profile',
  'stream',
  'audience',
  'query',
  'segment',
  'current',
  'activation',
  'export',
  'channel',
] as const
export type KindWord = (typeof KIND_WORDS)[number]

/** A document without its envelope. */
export type Body = Readonly<Record<string, unknown>>
export type Path = readonly (string | number)[]

/** A name in a document that another object must have. */
export interface Reference {
  readonly path: Path
  readonly kind: KindWord
  readonly name: string
}

export interface Kind {
  readonly title: string
  /** Folder that an export writes it to. */
  readonly folder: string
  /** Member that names the object; undefined: there is but one. */
  readonly key: 'name' | 'label' | 'slug' | undefined
  readonly schema: z.ZodType
  /** The schema of `member` is chosen by the member `by`, both of the object at `at`. */
  readonly variant?: {
    readonly at: Path
    readonly by: string
    readonly member: string
    readonly choices: Choices
    /** Of what there is a choice, in words. */
    readonly of: string
  }
  /** Members that an object keeps for as long as it lives. */
  readonly fixed: readonly string[]
  /** Least role that may make, change and remove it. */
  readonly roles: Readonly<Record<'create' | 'change' | 'remove', 'operator' | 'admin'>>
  references(body: Body): Reference[]
  /** With what the hub itself makes of what is not said. Throws what the hub would refuse. */
  readonly settled?: (body: Body) => Body
}

const OPERATORS = { create: 'operator', change: 'operator', remove: 'operator' } as const
const ADMINS = { create: 'admin', change: 'admin', remove: 'admin' } as const
const WAREHOUSE = 'warehouse'

const Flowing = z
  .enum(['draft', 'running', 'paused'])
  .optional()
  .describe('What it shall be doing; not given: whatever it does, and a draft when it is made.')
const Scheduled = z
  .enum(['active', 'paused'])
  .optional()
  .describe('paused: its schedule rests. Not given: as it is.')

const Authorization = z
  .strictObject({
    label: AuthorizationLabel.describe('Unique label; other files name the authorization by it.'),
    description: AuthorizationDescription.default('').describe('For people.'),
    provider: z.string().min(1).max(64).describe('Whose credentials these are.'),
    credentials: z.record(z.string(), z.unknown()).describe('A reference for each secret, never its value.'),
  })
  .describe('An authorization: credentials of a provider.')

const Source = z
  .strictObject({
    name: SourceName,
    kind: SourceKind.exclude(['audience']).describe('By which door it comes in.'),
    settings: z.record(z.string(), z.unknown()).default({}).describe('By the schema of the kind.'),
    token: SecretReference.optional().describe(
      'Reference of the secret that the sender shows. It is added to those that the source takes; not given: one is made that nobody sees, so add one afterwards.',
    ),
  })
  .describe('A source: a door that events come in by.')

const Profile = ProfileSchema.omit({ streams: true }).describe(
  'What a profile is made of: its fields and the rules by which identifiers join people. Its streams are documents of their own.',
)

export const KINDS: Readonly<Record<KindWord, Kind>> = {
  authorization: {
    title: 'Authorization',
    folder: 'authorizations',
    key: 'label',
    schema: Authorization,
    variant: { at: [], by: 'provider', member: 'credentials', choices: CREDENTIALS, of: 'provider' },
    fixed: ['provider'],
    roles: ADMINS,
    references: () => [],
  },
  engine: {
    title: 'Query engine',
    folder: 'engines',
    key: 'name',
    schema: EngineDefinition.describe('A query engine that the hub connects to.'),
    variant: { at: [], by: 'kind', member: 'settings', choices: SETTINGS_OF_ENGINES, of: 'kind of engine' },
    fixed: ['kind'],
    roles: ADMINS,
    references: (body) => named(body, ['authorization'], 'authorization'),
  },
  source: {
    title: 'Source',
    folder: 'sources',
    key: 'name',
    schema: Source,
    variant: { at: [], by: 'kind', member: 'settings', choices: SETTINGS_OF_SOURCES, of: 'kind of source' },
    fixed: ['kind'],
    roles: { create: 'admin', change: 'operator', remove: 'admin' },
    references: (body) => [
      ...named(body, ['settings', 'authorization'], 'authorization'),
      ...named(body, ['settings', 'copiesOf'], 'source'),
    ],
  },
  profile: {
    title: 'Profile',
    folder: '.',
    key: undefined,
    schema: Profile,
    fixed: [],
    roles: OPERATORS,
    references: () => [],
  },
  stream: {
    title: 'Stream',
    folder: 'streams',
    key: 'name',
    schema: Stream.describe('A stream: records of a source, and how they become people.'),
    fixed: [],
    roles: OPERATORS,
    references: (body) => named(body, ['from', 'source'], 'source'),
  },
  audience: {
    title: 'Audience',
    folder: 'audiences',
    key: 'slug',
    schema: AudienceDefinition.extend({
      slug: Slug.describe('Unique name; what exports write.'),
    }).describe('An audience: a rule about people, in FilterQL.'),
    fixed: [],
    roles: OPERATORS,
    references: ({ filter }) =>
      includesOf(filter).map((name) => ({ path: ['filter'], kind: 'audience', name })),
    settled: (body) => {
      const { slug, name, filter } = body as { slug: string; name: string; filter: string }
      const parsed = readFilter(filter)
      return { ...body, name: nameFrom({ name }, parsed, slug), filter: parsed.text }
    },
  },
  query: {
    title: 'Saved query',
    folder: 'queries',
    key: 'name',
    schema: SavedQueryDefinition.describe('A saved query.'),
    fixed: [],
    roles: OPERATORS,
    references: (body) => engineIn(body, ['engine']),
  },
  segment: {
    title: 'Segment',
    folder: 'segments',
    key: 'name',
    schema: SegmentDefinition.describe('A segment: a rule over a table of people.'),
    fixed: [],
    roles: OPERATORS,
    references: (body) => engineIn(body, ['parent', 'engine']),
  },
  current: {
    title: 'Current',
    folder: 'currents',
    key: 'name',
    schema: CurrentDefinition.extend({ state: Flowing }),
    variant: {
      at: ['destination'],
      by: 'kind',
      member: 'settings',
      choices: SETTINGS_OF_CURRENTS,
      of: 'destination of events',
    },
    fixed: [],
    roles: OPERATORS,
    references: (body) => [
      ...each(body, ['sources'], 'source'),
      ...named(body, ['destination', 'authorization'], 'authorization'),
    ],
  },
  activation: {
    title: 'Activation',
    folder: 'activations',
    key: 'name',
    schema: ActivationDefinition.extend({ state: Scheduled }),
    variant: {
      at: ['destination'],
      by: 'kind',
      member: 'settings',
      choices: SETTINGS_OF_ACTIVATIONS,
      of: 'destination of activations',
    },
    fixed: [],
    roles: OPERATORS,
    references: (body) => [
      ...(valueAt(body, ['query', 'sql']) === undefined ? [] : engineIn(body, ['query', 'engine'])),
      ...named(body, ['query', 'saved'], 'query'),
      ...named(body, ['query', 'segment'], 'segment'),
      ...named(body, ['schedule', 'activation'], 'activation'),
      ...named(body, ['destination', 'authorization'], 'authorization'),
    ],
  },
  export: {
    title: 'Export',
    folder: 'exports',
    key: 'name',
    schema: ExportDefinition.extend({
      audiences: z.array(Slug).min(1).max(AUDIENCES_MAX).describe('Slugs of the audiences.'),
      state: Flowing,
    }),
    variant: {
      at: ['destination'],
      by: 'kind',
      member: 'settings',
      choices: SETTINGS_OF_EXPORTS,
      of: 'destination of exports',
    },
    fixed: [],
    roles: OPERATORS,
    references: (body) => [
      ...each(body, ['audiences'], 'audience'),
      ...named(body, ['destination', 'authorization'], 'authorization'),
    ],
  },
  channel: {
    title: 'Alert channel',
    folder: 'channels',
    key: 'name',
    schema: ChannelDefinition,
    fixed: ['kind'],
    roles: ADMINS,
    references: (body) => named(body, ['authorization'], 'authorization'),
  },
}

/** How an object is called in its kind: the one profile has its kind's name. */
export function nameIn(kind: KindWord, body: Body): string {
  const { key } = KINDS[kind]
  return key === undefined ? kind : String(body[key] ?? '')
}

/** undefined: the body does not reach so far. */
export function valueAt(body: unknown, path: Path): unknown {
  let value = body
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Readonly<Record<string | number, unknown>>)[step]
  }
  return value
}

/** A copy with another value at the path, which must be there up to its last step. */
export function withAt(body: Body, path: Path, value: unknown): Body {
  const [first, ...rest] = path
  if (first === undefined) return value as Body
  const inner = rest.length === 0 ? value : withAt((body[first] ?? {}) as Body, rest, value)
  return { ...body, [first]: inner }
}

function named(body: Body, path: Path, kind: KindWord): Reference[] {
  const name = valueAt(body, path)
  return typeof name === 'string' ? [{ path, kind, name }] : []
}

function each(body: Body, path: Path, kind: KindWord): Reference[] {
  const names = valueAt(body, path)
  return Array.isArray(names) ? names.flatMap((_, i) => named(body, [...path, i], kind)) : []
}

/** The embedded warehouse is part of every hub. */
function engineIn(body: Body, path: Path): Reference[] {
  return named(body, path, 'engine').filter(({ name }) => name !== WAREHOUSE)
}

/** None of a rule that cannot be read: that is told elsewhere. */
function includesOf(filter: unknown): string[] {
  try {
    return readFilter(filter as string).includes.map(({ audience }) => audience)
  } catch {
    return []
  }
}
