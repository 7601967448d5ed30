/** Profiles: who is known by which identifiers, what is known of them, how they were joined, and what an operator does about it. */

import * as z from 'zod'
import type { Profile } from '../../profiles/profile.ts'
import type { ProfileView } from '../../profiles/view.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { leaving } from '../results.ts'
import { Count, ErrorAnswer, NOTHING, Note, Offset, Time, TimeOrNull } from '../schemas.ts'

const View = z
  .object({
    id: Count,
    createdAt: Time.describe('Of the oldest record of it.'),
    seenAt: Time.describe('Of the newest record of it.'),
    fields: z.record(
      z.string(),
      z.object({
        value: z.unknown(),
        at: TimeOrNull.describe('The moment that the value is of.'),
        stream: z.string().nullable(),
        hidden: z.boolean().describe('Personal data that this token may not see.'),
      }),
    ),
    identifiers: z.array(
      z.object({
        field: z.string(),
        value: z.string(),
        firstAt: Time,
        lastAt: Time,
        records: Count,
        streams: z.array(z.string()).describe('Those that brought it.'),
        sharedAt: TimeOrNull.describe('Since when it joins nobody any more: it met too many strangers.'),
      }),
    ),
    links: z
      .array(
        z.object({ a: Count, b: Count, firstAt: Time, lastAt: Time, records: Count, stream: z.string() }),
      )
      .describe('Identifiers that one record carried, by their places in the list.'),
    retired: z.array(z.object({ field: z.string(), value: z.string(), firstAt: Time, lastAt: Time })),
    audiences: z.array(z.object({ audience: Count, since: Time })),
  })
  .meta({ id: 'Profile' })
export type ProfileAnswer = z.output<typeof View>

const SearchView = z.object({
  profiles: z.array(View),
  next: Count.nullable().describe('For the next question: `after`. null: everybody was looked at.'),
  last: Count.describe('The highest id of a profile: as far as there is to go.'),
})
export type ProfileSearchAnswer = z.output<typeof SearchView>

const Pair = z.tuple([z.string(), z.string()]).describe('Field and value.')
const MergeView = z
  .object({
    id: Count,
    at: Time,
    offset: z.int().describe('Of the record that joined them; -1: an operator did.'),
    survivor: Count,
    loser: Count,
    identifiers: z.array(Pair).describe('What the loser had.'),
    undoneAt: TimeOrNull,
  })
  .meta({ id: 'ProfileMerge' })
const ConflictView = z
  .object({
    id: Count,
    at: Time,
    offset: Offset,
    stream: z.string(),
    field: z.string(),
    value: z.string(),
    reason: z.string(),
    kept: Count.nullable().describe('The profile that the record went to.'),
    other: Count.nullable().describe('The profile that has the identifier.'),
  })
  .meta({ id: 'ProfileConflict' })
const Side = z.object({
  identifiers: z.array(z.object({ field: z.string(), value: z.string() })),
  fields: z.record(z.string(), z.unknown()),
})
const Handled = z
  .object({
    differences: z.array(
      z.object({
        id: Count,
        before: Side.nullable(),
        after: Side.nullable(),
        changed: z.array(z.string()).describe('Fields that differ.'),
        asked: z.array(z.string()).describe('Of them, those that audiences ask for.'),
      }),
    ),
    crowded: z.array(z.string()).describe('Fields with more values than the rules allow.'),
    dryRun: z.boolean(),
  })
  .meta({ id: 'ProfileChange' })
export type ProfileChangeAnswer = z.output<typeof Handled>
export type MergeAnswer = z.output<typeof MergeView>
export type ConflictAnswer = z.output<typeof ConflictView>

const NeverLinkView = z.object({ a: Pair, b: Pair, note: z.string(), createdAt: Time })
export type NeverLinkAnswer = z.output<typeof NeverLinkView>
const NeverLinks = z.object({
  pairs: z.array(NeverLinkView),
  next: Count.nullable().describe('For the next page: `skip`. null: this was the last one.'),
})
export type NeverLinksAnswer = z.output<typeof NeverLinks>

const StatusView = z
  .object({
    position: Offset.nullable().describe(
      'Everything before is in the profiles; null: nothing feeds a stream.',
    ),
    pending: Count.describe('Records of the log behind it, of whatever kind.'),
    judging: z.boolean().describe('Some people are still in audiences by earlier rules.'),
    readingAgain: z
      .array(z.object({ stream: z.string(), cleared: z.boolean(), position: Count, end: Count }))
      .describe('Streams whose kept history is being read again.'),
    sinceStart: z.record(z.string(), Count).describe('Records by what became of them, since the start.'),
    streams: z
      .record(z.string(), z.record(z.string(), Count))
      .describe('The same by stream, of the records that a stream took.'),
    profiles: Count.nullable().describe('null: being counted for the first time.'),
    identifiers: Count.nullable(),
    countedAt: TimeOrNull.describe('When these two were counted: many are counted now and then.'),
    merges: Count,
    conflicts: Count,
  })
  .meta({ id: 'ProfilesStatus' })
export type ProfilesStatusAnswer = z.output<typeof StatusView>

const Share = z.number().describe('From 0 to 1.')
const DriftAnswerView = z
  .object({
    profiles: Count,
    rebuilt: Count.describe('Profiles that a rebuild would give.'),
    identifiers: Count.describe('Identifiers that both know.'),
    onlyByArrival: Share.describe('Pairs of identifiers that are together only by their arrival.'),
    onlyRebuilt: Share.describe('Pairs that only a rebuild would put together.'),
    changed: Share.describe('Rebuilt profiles that are otherwise now.'),
    distance: z.number().describe('Variation of information, in bits.'),
    rejected: Count.describe('Links that no order of arrival would allow.'),
    records: Count.describe('Records of the log that were looked at.'),
  })
  .meta({ id: 'ProfilesDrift' })
export type ProfilesDriftAnswer = z.output<typeof DriftAnswerView>

const EventView = z.object({
  id: z.string().nullable(),
  eventType: z.string().nullable(),
  at: TimeOrNull,
  properties: z.unknown(),
})
export type ProfileEventAnswer = z.output<typeof EventView>

const Params = z.object({
  profile: z.coerce.number().int().min(1).describe('Id; that of one that was joined finds the whole.'),
})
const Limit = z.coerce.number().int().min(1).max(200).default(20)
const DryRun = z.boolean().default(false).describe('Only tell what it would do.')
const TAGS = ['Profiles']
/** Which role sees personal data. */
const SEES_PERSONAL = new Set(['operator', 'admin'])

/** The trail names profiles by number and identifiers by their field only: what they are is somebody's personal data. */
function mergedOf({ one, two }: { one: number; two: number }) {
  return { one, two }
}

function undoneOf({ note }: { note: string }) {
  return { note }
}

function pairOf({ a, b }: Record<'a' | 'b', z.output<typeof Pair>>) {
  return { fields: [a[0], b[0]] }
}

function rehearses({ dryRun }: { dryRun: boolean }): boolean {
  return dryRun
}

export function profileRoutes(app: Api, parts: ApiParts): void {
  const { profiles, log, clock, queryRole } = parts

  const sees = (caller: { role: string } | undefined): boolean => SEES_PERSONAL.has(caller?.role ?? '')
  const plain = (view: ProfileView): ProfileAnswer => structuredClone(view) as ProfileAnswer

  app.get(
    '/profiles',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'findProfiles',
        summary: 'Whom an identifier finds; without one, everybody, by id',
        querystring: z.object({
          value: z.string().max(256).optional().describe('Any identifier, spelt in whichever way.'),
          field: z.string().max(64).optional().describe('Only as this identifier.'),
          begins: z
            .stringbool()
            .default(false)
            .describe('Whoever has an identifier that begins with the value, whichever it is.'),
          after: z.coerce
            .number()
            .int()
            .min(0)
            .default(0)
            .describe('Without a value: id of the page before.'),
          limit: Limit,
        }),
        response: { 200: z.object({ profiles: z.array(View) }), default: ErrorAnswer },
      },
    },
    async ({ query, caller }) => {
      const { value, field, begins, after, limit } = query
      const found =
        value === undefined
          ? await profiles.desk.list(after, limit)
          : begins
            ? await profiles.beginning(value, limit)
            : field === undefined
              ? await profiles.search(value)
              : [await profiles.find(field, value)]
      return { profiles: found.map((one) => plain(profiles.view(one, sees(caller)))) }
    },
  )

  app.get(
    '/profiles/search',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'searchProfiles',
        summary: 'Who has a text in a value of a field; each answer looks at the next 20,000 people',
        querystring: z.object({
          text: z.string().trim().min(1).max(256).describe('In letters of either case.'),
          field: z.string().max(64).optional().describe('Only in this field.'),
          after: z.coerce.number().int().min(0).default(0).describe('`next` of the answer before.'),
          limit: Limit,
        }),
        response: { 200: SearchView, default: ErrorAnswer },
      },
    },
    async ({ query: { field, ...search }, caller }) => {
      const { profiles: found, next, last } = await profiles.searchText(search, field, sees(caller))
      return { profiles: found.map((one) => plain(profiles.view(one, sees(caller)))), next, last }
    },
  )

  app.get(
    '/profiles/status',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'profilesStatus',
        summary: 'How far the profiles are, and how many there are',
        response: { 200: StatusView, default: ErrorAnswer },
      },
    },
    async () => {
      const { position, judging, counts, streams } = profiles.status()
      const people =
        position === undefined
          ? { profiles: 0, identifiers: 0, merges: 0, conflicts: 0, countedAt: clock.now() }
          : await profiles.desk.census(clock.now())
      const again = position === undefined ? [] : await profiles.desk.readingAgain()
      return {
        readingAgain: again.map(({ stream, cleared, position: at, end }) => ({
          stream,
          cleared,
          position: at,
          end,
        })),
        position: position ?? null,
        pending: position === undefined ? 0 : log.head - position,
        judging,
        sinceStart: { ...counts },
        streams: structuredClone(streams) as ProfilesStatusAnswer['streams'],
        ...people,
      }
    },
  )

  app.post(
    '/profiles/drift',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'profilesDrift',
        summary:
          'How far the profiles are from what all evidence at once would give, in whatever order it came',
        response: { 200: DriftAnswerView, default: ErrorAnswer },
      },
    },
    () => profiles.drift(),
  )

  const Page = z.object({
    profile: z.coerce.number().int().optional().describe('Only of this one.'),
    before: z.coerce.number().int().optional().describe('Id that the page before ended with.'),
    limit: Limit,
  })

  app.get(
    '/profiles/merges',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'listProfileMerges',
        summary: 'Profiles that were joined, newest first',
        querystring: Page,
        response: { 200: z.object({ merges: z.array(MergeView) }), default: ErrorAnswer },
      },
    },
    async ({ query }) => ({ merges: structuredClone(await profiles.desk.merges(query)) as MergeAnswer[] }),
  )

  app.get(
    '/profiles/conflicts',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'listProfileConflicts',
        summary: 'Identifiers that joined nobody, and why, newest first',
        querystring: Page,
        response: { 200: z.object({ conflicts: z.array(ConflictView) }), default: ErrorAnswer },
      },
    },
    async ({ query }) => ({ conflicts: await profiles.desk.conflicts(query) }),
  )

  app.post(
    '/profiles/merge',
    {
      config: { role: 'operator', audit: { object: 'profiles', rehearses, told: mergedOf } },
      schema: {
        tags: TAGS,
        operationId: 'mergeProfiles',
        summary: 'Join two profiles, or tell what that would do',
        body: z.strictObject({ one: z.int().min(1), two: z.int().min(1), dryRun: DryRun }),
        response: { 200: Handled, default: ErrorAnswer },
      },
    },
    async ({ body: { one, two, dryRun } }) => ({
      ...handledOf(await profiles.desk.merge(one, two, dryRun, clock.now())),
      dryRun,
    }),
  )

  app.post(
    '/profiles/merges/:merge/undo',
    {
      config: {
        role: 'operator',
        audit: { object: 'merge of profiles', param: 'merge', rehearses, told: undoneOf },
      },
      schema: {
        tags: TAGS,
        operationId: 'undoProfileMerge',
        summary: 'Undo a join, and keep the two apart; or tell what that would do',
        params: z.object({ merge: z.coerce.number().int().min(1) }),
        body: z.strictObject({ note: Note.default(''), dryRun: DryRun }),
        response: { 200: Handled, default: ErrorAnswer },
      },
    },
    async ({ params: { merge }, body: { note, dryRun } }) => ({
      ...handledOf(await profiles.desk.undo(merge, note, dryRun, clock.now())),
      dryRun,
    }),
  )

  app.get(
    '/profiles/never-links',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'listNeverLinks',
        summary: 'Identifiers that are never to be joined, newest first',
        querystring: z.object({
          profile: z.coerce.number().int().optional().describe('Only those of which it has one.'),
          skip: z.coerce.number().int().min(0).max(1_000_000).default(0).describe('How many come before.'),
          limit: Limit,
        }),
        response: { 200: NeverLinks, default: ErrorAnswer },
      },
    },
    async ({ query }) => {
      const links = await profiles.desk.neverLinks(query)
      const pairs = links.map(({ a, b, ...rest }) => ({
        a: [...a] as [string, string],
        b: [...b] as [string, string],
        ...rest,
      }))
      return { pairs, next: pairs.length < query.limit ? null : query.skip + pairs.length }
    },
  )

  app.put(
    '/profiles/never-links',
    {
      config: { role: 'operator', audit: { object: 'profiles', told: pairOf } },
      schema: {
        tags: TAGS,
        operationId: 'neverLink',
        summary: 'Keep two identifiers apart from now on',
        body: z.strictObject({ a: Pair, b: Pair, note: Note.default('') }),
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async ({ body: { a, b, note } }, reply) => {
      await profiles.desk.neverLink(profiles.normal(a), profiles.normal(b), note, clock.now())
      return reply.code(204).send(undefined)
    },
  )

  app.post(
    '/profiles/never-links/remove',
    {
      config: { role: 'operator', audit: { object: 'profiles', told: pairOf } },
      schema: {
        tags: TAGS,
        operationId: 'mayLink',
        summary: 'Let two identifiers be joined again',
        body: z.strictObject({ a: Pair, b: Pair }),
        response: { 200: z.object({ removed: z.boolean() }), default: ErrorAnswer },
      },
    },
    async ({ body: { a, b } }) => ({
      removed: await profiles.desk.mayLink(profiles.normal(a), profiles.normal(b)),
    }),
  )

  app.get(
    '/profiles/:profile',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'getProfile',
        summary: 'One profile',
        params: Params,
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async ({ params, caller }) => plain(profiles.view(await profiles.get(params.profile), sees(caller))),
  )

  app.get(
    '/profiles/:profile/events',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'profileEvents',
        summary: 'What somebody did, from the embedded warehouse, newest first',
        params: Params,
        querystring: z.object({
          before: z.coerce.number().int().optional().describe('Time that the page before ended with,'),
          beforeId: z.string().max(1_024).optional().describe('and the id of its last event.'),
          limit: Limit,
        }),
        response: { 200: z.object({ events: z.array(EventView) }), default: ErrorAnswer },
      },
    },
    async ({ params, query, caller }, reply) => {
      const { limit } = query
      const sql = eventsSql(await profiles.get(params.profile), query)
      const engine = await parts.engines.open('warehouse')
      const tables = await engine.tables(leaving(reply.raw))
      if (sql === undefined || !tables.some(({ database, table }) => `${database}.${table}` === EVENTS_TABLE))
        return { events: [] }
      const who = caller?.name ?? ''
      const running = await parts.queries.start(
        { engine: 'warehouse', sql, rowsMax: limit, who },
        leaving(reply.raw),
      )
      const events: ProfileEventAnswer[] = []
      for await (const page of running.pages)
        for (const [id, eventType, at, properties] of page)
          events.push({
            id: id === null ? null : String(id),
            eventType: eventType === null ? null : String(eventType),
            at: at === null ? null : Number(at),
            properties: sees(caller) && typeof properties === 'string' ? JSON.parse(properties) : null,
          })
      return { events }
    },
  )

  app.get(
    '/entity/:table/:field/:value',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'getEntity',
        summary: 'One profile in the way of Lytics: flat fields; somebody unknown is no error',
        params: z.object({ table: z.literal('user'), field: z.string().max(64), value: z.string().max(256) }),
        response: {
          200: z.object({
            status: z.literal(200),
            message: z.string(),
            data: z.record(z.string(), z.unknown()),
          }),
          default: ErrorAnswer,
        },
      },
    },
    async ({ params: { field, value }, caller }) => {
      const found = await profiles.lookup(field, value)
      if (found === undefined)
        return { status: 200 as const, message: 'Not Found', data: { segments: ['not_found', 'all'] } }
      return { status: 200 as const, message: 'success', data: profiles.entity(found, sees(caller)) }
    },
  )
}

function handledOf(handled: object): Omit<ProfileChangeAnswer, 'dryRun'> {
  return structuredClone(handled) as Omit<ProfileChangeAnswer, 'dryRun'>
}

/** Where currents into the embedded warehouse put events unless told otherwise. */
const EVENTS_TABLE = 'braze.events'
/** Identifiers that the columns of events have. */
const COLUMNS: Readonly<Record<string, string>> = { external_id: 'external_user_id', br_user_id: 'user_id' }

/** undefined: no identifier of the profile stands in events. */
function eventsSql(
  { identifiers }: Profile,
  {
    before,
    beforeId = '',
    limit,
  }: { before?: number | undefined; beforeId?: string | undefined; limit: number },
): string | undefined {
  const tests = identifiers.flatMap(({ field, value }) => {
    const column = COLUMNS[field]
    return column === undefined ? [] : `${column} = ${quoted(value)}`
  })
  if (tests.length === 0) return undefined
  const earlier = before === undefined ? '' : ` and (epoch_ms(time), id) < (${before}, ${quoted(beforeId)})`
  return `select id, event_type, epoch_ms(time) as at, properties from ${EVENTS_TABLE} where (${tests.join(' or ')})${earlier} order by epoch_ms(time) desc, id desc limit ${limit}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
