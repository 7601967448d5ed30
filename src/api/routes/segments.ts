/** Segments: named rules over tables of people; how many they mean, and who. */

import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import { SegmentDefinition } from '../../audiences/segments/rule.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { leaving } from '../results.ts'
import { Count, ErrorAnswer, FirstNote, NOTHING, Note, Time } from '../schemas.ts'

const VersionView = z.object({
  version: Count,
  definition: SegmentDefinition,
  note: z.string(),
  author: z.string().describe('Label of the token that saved this version.'),
  savedAt: Time,
})

const SegmentView = VersionView.extend({ name: z.string(), createdAt: Time }).meta({ id: 'Segment' })
export type SegmentAnswer = z.output<typeof SegmentView>

const PreviewView = z
  .object({
    size: z.number().describe('People that the segment means now.'),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    rows: z
      .array(z.array(z.union([z.null(), z.boolean(), z.number(), z.string()])))
      .describe('Some of them, whole rows of the table.'),
    sql: z.string().describe('The rule in the words of its engine, as of now.'),
  })
  .meta({ id: 'SegmentPreview' })
export type SegmentPreviewAnswer = z.output<typeof PreviewView>

const Params = z.object({ segment: z.string().min(1).max(63).describe('Name of the segment.') })
const Rows = z.coerce.number().int().min(0).max(1_000).default(20).describe('Rows of the sample.')
const TAGS = ['Segments']

export function segmentRoutes(app: Api, { audiences, queries, queryRole }: ApiParts): void {
  const { segments } = audiences

  const asked = async (
    engine: string,
    sql: string,
    rowsMax: number,
    who: string,
    response: ServerResponse,
  ) => {
    const query = await queries.start({ engine, sql, rowsMax, who }, leaving(response))
    const rows = []
    for await (const page of query.pages) rows.push(...page)
    return { columns: query.columns, rows }
  }

  const preview = async (
    { parent, rule }: Pick<SegmentDefinition, 'parent' | 'rule'>,
    rowsMax: number,
    who: string,
    response: ServerResponse,
  ): Promise<SegmentPreviewAnswer> => {
    const compiler = await segments.compiler(parent)
    const sql = compiler.people(rule)
    const counted = await asked(parent.engine, compiler.size(rule), 1, who, response)
    const sample =
      rowsMax === 0 ? { columns: [], rows: [] } : await asked(parent.engine, sql, rowsMax, who, response)
    return {
      size: Number(counted.rows[0]?.[0]),
      columns: sample.columns.map(({ name, type }) => ({ name, type })),
      rows: sample.rows.map((row) => [...row]),
      sql,
    }
  }

  const audit: Audited = {
    object: 'segment',
    param: 'segment',
    read: async (key) => {
      const { name, version, definition, note } = await segments.get(key)
      return { name, version, definition, note }
    },
  }

  app.get(
    '/segments',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSegments',
        summary: 'All segments, by name',
        response: { 200: z.object({ segments: z.array(SegmentView) }), default: ErrorAnswer },
      },
    },
    async () => ({ segments: await segments.list() }),
  )

  app.post(
    '/segments',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createSegment',
        summary: 'Keep a rule under a name',
        querystring: FirstNote,
        body: SegmentDefinition,
        response: { 201: SegmentView, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await segments.create(request.body, callerName(request), request.query.note)),
  )

  app.post(
    '/segments/preview',
    {
      config: { role: queryRole, audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewRule',
        summary: 'How many people a rule means, and some of them, before it is kept',
        body: SegmentDefinition.pick({ parent: true, rule: true }).extend({ rows: Rows }),
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    async (request, reply) => preview(request.body, request.body.rows, callerName(request), reply.raw),
  )

  app.get(
    '/segments/:segment',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getSegment',
        summary: 'One segment',
        params: Params,
        response: { 200: SegmentView, default: ErrorAnswer },
      },
    },
    (request) => segments.get(request.params.segment),
  )

  app.get(
    '/segments/:segment/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSegmentVersions',
        summary: 'What a segment meant when, latest first',
        params: Params,
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async (request) => ({ versions: await segments.versions(request.params.segment) }),
  )

  app.get(
    '/segments/:segment/preview',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'previewSegment',
        summary: 'How many people a segment means now, and some of them',
        params: Params,
        querystring: z.object({ rows: Rows }),
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { definition } = await segments.get(request.params.segment)
      return preview(definition, request.query.rows, callerName(request), reply.raw)
    },
  )

  app.put(
    '/segments/:segment',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseSegment',
        summary: 'A new version; activations of the segment take it with their next run',
        params: Params,
        body: z.strictObject({ definition: SegmentDefinition, note: Note.default('') }),
        response: { 200: SegmentView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { definition, note } = request.body
      return segments.revise(request.params.segment, definition, callerName(request), note)
    },
  )

  app.delete(
    '/segments/:segment',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteSegment',
        summary: 'Remove a segment with all its versions; refused while an activation sends it',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await audiences.removeSegment(request.params.segment)
      return reply.code(204).send()
    },
  )
}
