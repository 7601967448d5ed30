/** Audiences: rules about people, in FilterQL or as a tree; who is in them, who was, and why. */

import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { allows } from '../../access/roles.ts'
import { POINTS_MAX } from '../../profiles/audiences/history.ts'
import { AudienceDefinition, Filter } from '../../profiles/audiences/registry.ts'
import type { Export } from '../../profiles/exports/definition.ts'
import { RuleJson } from '../../profiles/filterql/json.ts'
import type { Why } from '../../profiles/filterql/why.ts'
import { MOVE_CAUSES } from '../../profiles/judge.ts'
import { HIDDEN } from '../../profiles/view.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, FirstNote, NOTHING, Note, Time, TimeOrNull } from '../schemas.ts'

const VersionView = z.object({
  version: Count,
  slug: z.string(),
  name: z.string(),
  description: z.string(),
  filter: z.string().describe('FilterQL, as it was written, with the present slugs of what it includes.'),
  note: z.string(),
  author: z.string().describe('Label of the token that saved this version.'),
  savedAt: Time,
})

const AudienceView = VersionView.extend({
  number: Count.describe('Its name for ever; the slug may change.'),
  tree: RuleJson,
  fields: z.array(z.string()).readonly().describe('Fields that the rule itself asks.'),
  includes: z.array(z.string()).readonly().describe('Slugs of the audiences that it includes.'),
  createdAt: Time,
  size: Count.describe('People in it now.'),
}).meta({ id: 'Audience' })
const ListedView = AudienceView.extend({
  change: z.object({ entered: Count, left: Count }).describe('Moves of the last 24 hours.'),
}).meta({ id: 'ListedAudience' })
export type ListedAudienceAnswer = z.output<typeof ListedView>
export type AudienceAnswer = z.output<typeof AudienceView>
export type AudienceVersionAnswer = z.output<typeof VersionView>

const ReadingView = z
  .object({
    filter: z.string().describe('In the one spelling that each rule has.'),
    tree: RuleJson,
    fields: z.array(z.string()).readonly(),
    includes: z.array(z.string()).readonly(),
  })
  .meta({ id: 'AudienceRule' })
export type AudienceRuleAnswer = z.output<typeof ReadingView>

const Identifiers = z
  .array(z.object({ field: z.string(), value: z.string() }))
  .readonly()
  .describe('Personal ones are masked for viewers; none: the profile is no more.')
const NamedView = z.object({ profile: Count, identifiers: Identifiers })
const PersonView = NamedView.extend({
  fields: z.record(z.string(), z.unknown()).describe('Personal ones are masked for viewers.'),
})
const People = z.object({ people: z.array(PersonView) })
export type AudiencePeopleAnswer = z.output<typeof People>

const PreviewView = z
  .object({
    size: Count.describe('People whom the rule means; where `exact` is false, what it comes to.'),
    exact: z.boolean().describe('Everybody was looked at.'),
    matched: Count,
    looked: Count,
    profiles: Count.describe('People there are; where `exact` is false, about.'),
    sample: z.array(PersonView).readonly(),
    change: z
      .object({
        entered: Count.describe('Whom this rule means and that of `against` does not.'),
        left: Count,
        enteredSample: z.array(PersonView).readonly(),
        leftSample: z.array(PersonView).readonly(),
      })
      .nullable()
      .describe('Null without `against`.'),
  })
  .meta({ id: 'AudiencePreview' })
export type AudiencePreviewAnswer = z.output<typeof PreviewView>

const MembersView = z.object({
  members: z.array(NamedView.extend({ since: Time })),
  next: Count.nullable().describe('For the next page: `after`. Null: this was the last one.'),
})
export type AudienceMembersAnswer = z.output<typeof MembersView>

const MoveView = z.object({
  id: Count,
  audience: Count,
  profile: Count,
  at: Time,
  entered: z.boolean().describe('False: left.'),
  cause: z.enum(MOVE_CAUSES),
  offset: Count.nullable().describe('Of the record that was the cause; null: it was none.'),
})
const MovesView = z.object({
  moves: z.array(MoveView.extend({ identifiers: Identifiers })),
  next: Count.nullable().describe('For the next page: `before`.'),
})
export type AudienceMovesAnswer = z.output<typeof MovesView>

const ComparisonView = z
  .object({
    sizeAtA: Count,
    sizeAtB: Count,
    entered: Count.describe('In it at the second instant and not at the first.'),
    left: Count,
    enteredSample: z.array(Count).readonly(),
    leftSample: z.array(Count).readonly(),
    people: z.array(NamedView).describe('Who they are; those that are no more are missing.'),
  })
  .meta({ id: 'AudienceComparison' })
export type AudienceComparisonAnswer = z.output<typeof ComparisonView>

const SizesView = z.object({
  points: z.array(z.object({ at: Time, size: Count, entered: Count, left: Count })),
})
export type AudienceSizesAnswer = z.output<typeof SizesView>

const WhyTree: z.ZodType<Why> = z
  .lazy(() =>
    z.object({
      text: z.string(),
      holds: z.boolean(),
      flipAt: TimeOrNull.describe('When it may be otherwise without a record; null: never.'),
      parts: z.array(WhyTree),
      condition: z
        .object({
          rule: RuleJson,
          actual: z.any().describe('What the profile has; null: nothing. Masked where it is personal.'),
          fields: z.array(z.string()).readonly(),
          moments: z.array(z.number()).describe('What the moments in the rule are now.'),
        })
        .optional(),
      audience: z.string().optional(),
    }),
  )
  .meta({ id: 'AudienceWhyTree' }) as z.ZodType<Why>

const CarriedView = z.object({
  export: Count,
  name: z.string(),
  state: z.string().describe('Of the export.'),
  people: z
    .array(
      z.object({
        who: z.object({ kind: z.string(), label: z.string(), value: z.string() }),
        wanted: z.boolean().describe('Whether the vendor should hold the slug.'),
        sent: z.boolean().describe('Whether the vendor accepted it.'),
        state: z.string(),
        reason: z.string().describe('Why the vendor refused.'),
        updatedAt: Time,
      }),
    )
    .describe('Identifiers by which the vendor knows this person.'),
})

const WhyView = z
  .object({
    profile: Count,
    why: WhyTree,
    since: TimeOrNull.describe('Since when it is a member; null: it is none.'),
    moves: z.array(MoveView).readonly().describe('Of this profile, latest first.'),
    carried: z.array(CarriedView).describe('What each export of the audience told a vendor of this person.'),
  })
  .meta({ id: 'AudienceWhy' })
export type AudienceWhyAnswer = z.output<typeof WhyView>

const ProgressView = z
  .object({
    judging: z.boolean().describe('Everybody is being judged again, because a rule changed.'),
    pending: Count.describe('Records that profiles have not read yet.'),
  })
  .meta({ id: 'AudienceProgress' })
export type AudienceProgressAnswer = z.output<typeof ProgressView>

const UsesView = z
  .object({
    audiences: z.array(z.string()).describe('Slugs of those that include it.'),
    exports: z.array(z.object({ number: Count, name: z.string(), state: z.string() })),
  })
  .meta({ id: 'AudienceUses' })
export type AudienceUsesAnswer = z.output<typeof UsesView>

const AudienceName = z.string().min(1).max(64)
const Params = z.object({ audience: AudienceName.describe('Slug or number of the audience.') })
const Instant = z.coerce.number().int().describe('Milliseconds since the Unix epoch.')
const Limit = z.coerce.number().int().min(1).max(1_000).default(100)
const PROFILES_MAX = 10_000_000
const Look = z
  .int()
  .min(1)
  .max(PROFILES_MAX)
  .default(100_000)
  .describe('At most so many people are looked at: everybody, or so many from all over.')
const SampleSize = z.coerce.number().int().min(0).max(100)
/** Identifiers of one profile that an export is asked for. */
const ADDRESSES_MAX = 50
const TAGS = ['Audiences']

export function audienceRoutes(app: Api, { profiles, exports, log, queryRole }: ApiParts): void {
  const { audiences } = profiles
  const audit: Audited = {
    object: 'audience',
    param: 'audience',
    read: async (key) => {
      const { number, slug, name, description, filter, version } = await audiences.get(named(key))
      return { number, slug, name, description, filter, version }
    },
  }

  const exportsOf = async (number: number): Promise<Export[]> =>
    (await exports.registry.list()).filter(({ definition }) => definition.audiences.includes(number))

  const namesOf = (rows: readonly { readonly profile: number }[], request: Pick<FastifyRequest, 'caller'>) =>
    audiences.names(
      rows.map(({ profile }) => profile),
      seesPersonal(request),
    )

  const carriedOf = async (
    { number, slug }: Pick<AudienceAnswer, 'number' | 'slug'>,
    profile: number,
    sees: boolean,
  ): Promise<AudienceWhyAnswer['carried']> =>
    Promise.all(
      (await exportsOf(number)).map(async ({ number: id, name, state, startedAt }) => {
        const known = startedAt === null ? [] : await exports.people(id, { profile, limit: ADDRESSES_MAX })
        const people = known.map(({ who, wanted, sent, ...person }) => ({
          who: sees ? who : { ...who, value: HIDDEN },
          wanted: wanted.includes(number),
          sent: sent.includes(slug),
          state: person.state,
          reason: person.reason,
          updatedAt: person.updatedAt,
        }))
        return { export: id, name, state, people }
      }),
    )

  app.get(
    '/audiences',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudiences',
        summary: 'All audiences with their sizes and what moved of late, by slug',
        response: { 200: z.object({ audiences: z.array(ListedView) }), default: ErrorAnswer },
      },
    },
    async () => ({ audiences: await audiences.list() }),
  )

  app.get(
    '/audience-progress',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAudienceProgress',
        summary:
          'Whether who is in audiences follows from the latest rules and records; costs nothing to ask',
        response: { 200: ProgressView, default: ErrorAnswer },
      },
    },
    async () => {
      const { position, judging } = profiles.status()
      return { judging, pending: position === undefined ? 0 : log.head - position }
    },
  )

  app.post(
    '/audiences',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createAudience',
        summary: 'Keep a rule as an audience; who is in it is known as soon as everybody was judged',
        querystring: FirstNote,
        body: AudienceDefinition,
        response: { 201: AudienceView, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await audiences.create(request.body, callerName(request), request.query.note)),
  )

  app.post(
    '/audiences/validate',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'validateAudience',
        summary: 'Whether a rule fits the fields: as text and as a tree, or what is wrong and where',
        body: z.strictObject({ filter: Filter }),
        response: { 200: ReadingView, default: ErrorAnswer },
      },
    },
    (request) => audiences.validate(request.body.filter),
  )

  app.post(
    '/audiences/preview',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewAudience',
        summary: 'How many people a rule means, and some of them, before it is kept',
        body: z.strictObject({
          filter: Filter,
          sample: SampleSize.default(10),
          look: Look,
          against: AudienceName.optional().describe(
            'An audience, by slug or number: whom would the rule move if it became that of this one?',
          ),
        }),
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { filter, sample, look, against } = request.body
      return audiences.preview(
        filter,
        { profilesMax: look, sampleMax: sample },
        seesPersonal(request),
        against === undefined ? undefined : named(against),
      )
    },
  )

  app.get(
    '/audiences/:audience',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAudience',
        summary: 'One audience',
        params: Params,
        response: { 200: AudienceView, default: ErrorAnswer },
      },
    },
    (request) => audiences.get(which(request)),
  )

  app.get(
    '/audiences/:audience/uses',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudienceUses',
        summary: 'Who needs an audience: it is not deleted before they are',
        params: Params,
        response: { 200: UsesView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await audiences.get(which(request))
      return {
        audiences: await audiences.including(number),
        exports: (await exportsOf(number)).map(({ number: id, name, state }) => ({
          number: id,
          name,
          state,
        })),
      }
    },
  )

  app.get(
    '/audiences/:audience/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudienceVersions',
        summary: 'What an audience meant when, latest first',
        params: Params,
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async (request) => ({ versions: await audiences.versions(which(request)) }),
  )

  app.put(
    '/audiences/:audience',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseAudience',
        summary: 'A new version; another slug renames it and breaks no INCLUDE',
        params: Params,
        body: z.strictObject({ definition: AudienceDefinition, note: Note.default('') }),
        response: { 200: AudienceView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { definition, note } = request.body
      return audiences.revise(which(request), definition, callerName(request), note)
    },
  )

  app.delete(
    '/audiences/:audience',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteAudience',
        summary:
          'Its members leave it; refused while it is included or exported. Its history stays, by number',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await audiences.remove(which(request))
      return reply.code(204).send()
    },
  )

  app.get(
    '/audiences/:audience/members',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudienceMembers',
        summary: 'Who is in it, or was at an instant, by profile',
        params: Params,
        querystring: z.object({
          at: Instant.optional().describe('As of this instant; not given: now.'),
          after: z.coerce.number().int().min(0).default(0),
          limit: Limit,
        }),
        response: { 200: MembersView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { at, after, limit } = request.query
      const members = await audiences.members(which(request), { after, limit }, at)
      const next = members.length < limit ? null : (members.at(-1)?.profile ?? null)
      const names = await namesOf(members, request)
      return {
        members: members.map((one) => ({ ...one, identifiers: names.get(one.profile) ?? [] })),
        next,
      }
    },
  )

  app.get(
    '/audiences/:audience/size',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAudienceSize',
        summary: 'How many are in it, or were at an instant',
        params: Params,
        querystring: z.object({ at: Instant.optional() }),
        response: { 200: z.object({ size: Count }), default: ErrorAnswer },
      },
    },
    async (request) => ({ size: await audiences.size(which(request), request.query.at) }),
  )

  app.get(
    '/audiences/:audience/sample',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'sampleAudience',
        summary: 'Some members from all over, with what is known of them',
        params: Params,
        querystring: z.object({ limit: SampleSize.default(10) }),
        response: { 200: People, default: ErrorAnswer },
      },
    },
    async (request) => ({
      people: await audiences.sample(which(request), request.query.limit, seesPersonal(request)),
    }),
  )

  app.get(
    '/audiences/:audience/moves',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudienceMoves',
        summary: 'Who entered and left, when and why, newest first',
        params: Params,
        querystring: z.object({
          profile: z.coerce.number().int().optional(),
          from: Instant.optional(),
          to: Instant.optional(),
          before: z.coerce.number().int().optional().describe('`next` of the page before.'),
          limit: Limit,
        }),
        response: { 200: MovesView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const moves = await audiences.moves(which(request), request.query)
      const names = await namesOf(moves, request)
      return {
        moves: moves.map((move) => ({ ...move, identifiers: names.get(move.profile) ?? [] })),
        next: moves.length < request.query.limit ? null : (moves.at(-1)?.id ?? null),
      }
    },
  )

  app.get(
    '/audiences/:audience/compare',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'compareAudience',
        summary: 'Who is in it at one instant and not at the other',
        params: Params,
        querystring: z
          .object({ from: Instant, to: Instant, limit: Limit })
          .refine(({ from, to }) => from <= to, 'The first instant is after the second'),
        response: { 200: ComparisonView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const comparison = await audiences.compare(which(request), request.query, request.query.limit)
      const moved = [...comparison.enteredSample, ...comparison.leftSample]
      const names = await audiences.names(moved, seesPersonal(request))
      const people = [...names].map(([profile, identifiers]) => ({ profile, identifiers: [...identifiers] }))
      return { ...comparison, people }
    },
  )

  app.get(
    '/audiences/:audience/sizes',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAudienceSizes',
        summary: `Its size over time, step by step; at most ${POINTS_MAX} points`,
        params: Params,
        querystring: z
          .object({
            from: Instant,
            to: Instant,
            step: z.coerce.number().int().min(1_000).default(3_600_000).describe('Milliseconds.'),
          })
          .refine(({ from, to, step }) => from < to && (to - from) / step <= POINTS_MAX, {
            error: `From 1 to ${POINTS_MAX} steps lie between the instants`,
          }),
        response: { 200: SizesView, default: ErrorAnswer },
      },
    },
    async (request) => ({
      points: await audiences.overTime(which(request), request.query, request.query.step),
    }),
  )

  app.get(
    '/audiences/:audience/why',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'explainAudience',
        summary: 'Why somebody is or is not in it: the rule with what it found, since when, and the moves',
        params: Params,
        querystring: z
          .object({
            profile: z.coerce.number().int().optional().describe('Number of the profile; or:'),
            field: z.string().max(64).optional().describe('An identifier by its field'),
            value: z.string().max(256).optional().describe('and value.'),
          })
          .refine(
            ({ profile, field, value }) =>
              (profile === undefined) === (field !== undefined && value !== undefined),
            'Give a profile, or a field and a value',
          ),
        response: { 200: WhyView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { profile, field = '', value = '' } = request.query
      const id = profile ?? (await profiles.find(field, value)).id
      const sees = seesPersonal(request)
      const answer = await audiences.why(which(request), id, sees)
      const { number, slug } = await audiences.get(which(request))
      return { ...answer, carried: await carriedOf({ number, slug }, answer.profile, sees) }
    },
  )
}

/** Slugs begin with a letter. */
function named(audience: string): number | string {
  return /^\d{1,15}$/.test(audience) ? Number(audience) : audience
}

function which({ params }: { params: z.output<typeof Params> }): number | string {
  return named(params.audience)
}

/** Viewers see that there is something, not what. */
function seesPersonal({ caller }: Pick<FastifyRequest, 'caller'>): boolean {
  return caller !== undefined && allows(caller.role, 'operator')
}
