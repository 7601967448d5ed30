/** Sources: the doors that events come in by, and the tokens that open them. */

import * as z from 'zod'
import { SEGMENT_CALLS } from '../../catalog/segment-calls.ts'
import { ANSWER_MS_BOUNDS, type SourceCounts } from '../../sources/counters.ts'
import { SOURCE_KINDS, SourceKind, SourceName, TokenText } from '../../sources/settings.ts'
import type { Source } from '../../sources/sources.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, NOTHING, Time, TimeOrNull } from '../schemas.ts'

const SourceToken = z.object({ id: z.string(), label: z.string(), createdAt: Time })

const Counters = z
  .object({
    requests: Count,
    accepted: Count,
    duplicates: Count,
    quarantined: Count,
    bytes: Count,
    droppedRequests: Count.describe(
      'Requests with a wrong key, answered 200 and dropped (lenient key mode).',
    ),
    refused: z.record(z.string(), Count).describe('Requests answered with other than 2xx, by status.'),
    seenAt: TimeOrNull.describe('Last request with a good token.'),
    eventAt: TimeOrNull.describe('Last request that brought a new event.'),
    answers: z
      .object({
        meanMs: z.number().nullable().describe('null: none yet.'),
        byTime: z.array(
          z.object({ upToMs: Count.nullable().describe('null: what took longer.'), count: Count }),
        ),
      })
      .describe('How long requests waited for their answer.'),
  })
  .describe('Since the process started.')

const SourceView = z
  .object({
    number: Count,
    name: z.string(),
    kind: SourceKind,
    settings: z.record(z.string(), z.unknown()),
    addresses: z.array(z.string()).describe('Paths that the sender is given.'),
    tokens: z.array(SourceToken),
    counters: Counters,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Source' })

export type SourceAnswer = z.output<typeof SourceView>

const Verdict = z.object({
  type: z.string().describe('Record type; empty: none could be made out.'),
  verdict: z.enum(['accepted', 'warned', 'duplicate', 'rejected']),
  reason: z.string().describe('Empty where nothing is wrong.'),
  count: Count,
})

const SourceVerdicts = z
  .object({
    source: z.string(),
    counts: z.array(Verdict).describe('Since the process started, at most 1,000 combinations.'),
    remarked: z
      .array(
        z.object({
          at: Time,
          type: z.string(),
          verdict: z.enum(['warned', 'rejected']),
          reason: z.string(),
          place: z.string().describe('Where it stood in its request or file.'),
          bytes: Count,
          raw: z
            .string()
            .describe('As it came, without the key; at most 32 KB; bytes that are not UTF-8 replaced.'),
        }),
      )
      .describe('The last messages with a warning or a rejection, newest first; at most 200 and 1 MB.'),
  })
  .meta({ id: 'SourceVerdicts' })

export type VerdictsAnswer = z.output<typeof SourceVerdicts>

const SourceSettings = z.record(z.string(), z.unknown()).describe('By the schema of the kind.')

const NewSource = z.strictObject({
  name: SourceName,
  kind: SourceKind,
  settings: SourceSettings.default({}),
  token: TokenText.optional().describe('The secret that the sender already has; unset: one is made.'),
})

const Secret = z.string().describe('Shown this once; empty for a source of files, which has none.')
const TAGS = ['Sources']
const Params = z.object({ source: z.string().min(1).max(64).describe('Name of the source.') })

export function sourceRoutes(app: Api, parts: ApiParts): void {
  const { sources, counters, verdicts, currents, imports } = parts
  const view = (source: Source) => viewOf(source, counters.of(source.number))
  const audit: Audited = {
    object: 'source',
    param: 'source',
    read: (key) => {
      const { name, kind, settings, tokens } = sources.get(key)
      return { name, kind, settings, tokens }
    },
    made: ({ source }: { source: SourceAnswer }) => source.name,
  }

  app.get(
    '/source-kinds',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSourceKinds',
        summary: 'Kinds of sources, with the JSON Schema of their settings',
        response: {
          200: z.object({
            kinds: z.array(
              z.object({ kind: z.string(), title: z.string(), settings: z.record(z.string(), z.unknown()) }),
            ),
          }),
          default: ErrorAnswer,
        },
      },
    },
    () => ({
      kinds: Object.entries(SOURCE_KINDS).map(([kind, { title, settings }]) => ({
        kind,
        title,
        settings: { ...z.toJSONSchema(settings, { io: 'input' }) },
      })),
    }),
  )

  app.get(
    '/sources',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSources',
        summary: 'All sources',
        response: { 200: z.object({ sources: z.array(SourceView) }), default: ErrorAnswer },
      },
    },
    () => ({ sources: sources.list().map(view) }),
  )

  app.post(
    '/sources',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createSource',
        summary: 'Make a source; its token is shown this once',
        body: NewSource,
        response: { 201: z.object({ source: SourceView, token: Secret }), default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { source, token } = await sources.create(request.body)
      await imports.apply()
      return reply.code(201).send({ source: view(source), token })
    },
  )

  app.get(
    '/sources/:source',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getSource',
        summary: 'One source',
        params: Params,
        response: { 200: SourceView, default: ErrorAnswer },
      },
    },
    (request) => view(sources.get(request.params.source)),
  )

  app.get(
    '/sources/:source/verdicts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getSourceVerdicts',
        summary: 'What became of the messages of a Segment or Lytics source, by type and reason',
        params: Params,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(50).describe('Of the remarked messages.'),
        }),
        response: { 200: SourceVerdicts, default: ErrorAnswer },
      },
    },
    (request) => {
      const { name, number } = sources.get(request.params.source)
      const { counts, remarked } = verdicts.of(number)
      return {
        source: name,
        counts: [...counts],
        remarked: remarked.slice(0, request.query.limit).map(({ raw, ...remark }) => ({
          ...remark,
          bytes: raw.length,
          raw: raw.toString(),
        })),
      }
    },
  )

  app.put(
    '/sources/:source',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'updateSource',
        summary: 'Replace the settings of a source',
        params: Params,
        body: z.strictObject({ settings: SourceSettings }),
        response: { 200: SourceView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const source = await sources.update(request.params.source, request.body.settings)
      await imports.apply()
      return view(source)
    },
  )

  app.delete(
    '/sources/:source',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteSource',
        summary: 'Close a source for ever; what it sent stays in the log',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { number } = sources.get(request.params.source)
      await sources.remove(number, async ({ name }) =>
        (await currents.list())
          .filter((current) => current.definition.sources.includes(name))
          .map((current) => current.name),
      )
      await imports.apply()
      counters.forget(number)
      verdicts.forget(number)
      return reply.code(204).send()
    },
  )

  app.post(
    '/sources/:source/tokens',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'addSourceToken',
        summary: 'Add a token beside those that are there, for a change without a gap',
        params: Params,
        body: z.strictObject({
          label: z.string().min(1).max(200),
          token: TokenText.optional().describe('The secret that the sender already has; unset: one is made.'),
        }),
        response: { 201: z.object({ id: z.string(), token: Secret }), default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { label, token } = request.body
      return reply.code(201).send(await sources.addToken(request.params.source, label, token))
    },
  )

  app.delete(
    '/sources/:source/tokens/:token',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'revokeSourceToken',
        summary: 'Refuse a token from now on',
        params: Params.extend({ token: z.string().min(1).max(64).describe('Id of the token.') }),
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await sources.revokeToken(request.params.source, request.params.token)
      return reply.code(204).send()
    },
  )
}

function viewOf(source: Source, counts: Readonly<SourceCounts>) {
  const { requests, accepted, duplicates, quarantined, bytes, dropped, refused, seenAt, eventAt } = counts
  return {
    number: source.number,
    name: source.name,
    kind: source.kind,
    settings: { ...source.settings },
    addresses: addressesOf(source),
    tokens: [...source.tokens],
    counters: {
      requests,
      accepted,
      duplicates,
      quarantined,
      bytes,
      droppedRequests: dropped,
      refused: { ...refused },
      seenAt: seenAt === 0 ? null : seenAt,
      eventAt: eventAt === 0 ? null : eventAt,
      answers: answersOf(counts),
    },
    createdAt: source.createdAt,
    updatedAt: source.updatedAt,
  }
}

function answersOf({ answerMs, answerMsSum }: Readonly<SourceCounts>) {
  const answered = answerMs.reduce((sum, count) => sum + count, 0)
  return {
    meanMs: answered === 0 ? null : answerMsSum / answered,
    byTime: answerMs.map((count, i) => ({ upToMs: ANSWER_MS_BOUNDS[i] ?? null, count })),
  }
}

function addressesOf(source: Source): string[] {
  switch (source.kind) {
    case 'braze-currents':
      return [`/currents/${source.name}`]
    case 'treasure-data': {
      const { database, table, taskId } = source.settings
      return [`/postback/v3/event/${database}/${table}`, `/${database}/${table}`, `/v1/task/${taskId}`]
    }
    case 'segment':
      return ['/v1/batch', ...SEGMENT_CALLS.map((call) => `/v1/${call}`)]
    case 'lytics': {
      const { account } = source.settings
      return ['/collect/json/<stream>', '/collect/bulk/<stream>', `/c/${account}/<stream>?key=<key>`]
    }
    case 'files':
    case 'audience':
      return []
  }
}
