/** Saved queries: named texts with their versions. Who runs one is asked by the routes that run. */

import * as z from 'zod'
import { SavedQueryDefinition } from '../../warehouse/saved-queries.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, FirstNote, NOTHING, Note, Time } from '../schemas.ts'

const VersionView = z.object({
  version: z.int(),
  engine: z.string(),
  sql: z.string(),
  description: z.string(),
  note: z.string(),
  author: z.string().describe('Label of the token that saved this version.'),
  savedAt: Time,
})

const SavedQueryView = VersionView.extend({ name: z.string(), createdAt: Time }).meta({ id: 'SavedQuery' })

export type SavedQueryAnswer = z.output<typeof SavedQueryView>

const { engine: Engine, sql: Sql, description: Description } = SavedQueryDefinition.shape
const Params = z.object({ query: z.string().min(1).max(100).describe('Name of the saved query.') })
const TAGS = ['Queries']

export function queryRoutes(app: Api, { savedQueries }: ApiParts): void {
  const audit: Audited = {
    object: 'saved query',
    param: 'query',
    read: async (key) => {
      const { name, engine, sql, description, version } = await savedQueries.get(key)
      return { name, engine, sql, description, version }
    },
  }

  app.get(
    '/queries',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSavedQueries',
        summary: 'All saved queries',
        response: { 200: z.object({ queries: z.array(SavedQueryView) }), default: ErrorAnswer },
      },
    },
    async () => ({ queries: await savedQueries.list() }),
  )

  app.post(
    '/queries',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createSavedQuery',
        summary: 'Keep a query under a name',
        querystring: FirstNote,
        body: SavedQueryDefinition,
        response: { 201: SavedQueryView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { name, ...text } = request.body
      return reply
        .code(201)
        .send(await savedQueries.create(name, text, callerName(request), request.query.note))
    },
  )

  app.get(
    '/queries/:query',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getSavedQuery',
        summary: 'One saved query',
        params: Params,
        response: { 200: SavedQueryView, default: ErrorAnswer },
      },
    },
    (request) => savedQueries.get(request.params.query),
  )

  app.get(
    '/queries/:query/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSavedQueryVersions',
        summary: 'What a saved query said when, latest first',
        params: Params,
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async (request) => ({ versions: await savedQueries.versions(request.params.query) }),
  )

  app.patch(
    '/queries/:query',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseSavedQuery',
        summary: 'Add a version; what is not given stays',
        params: Params,
        body: z.strictObject({
          engine: Engine.unwrap().optional(),
          sql: Sql.optional(),
          description: Description.unwrap().optional(),
          note: Note.default(''),
        }),
        response: { 200: SavedQueryView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { engine, sql, description, note } = request.body
      return savedQueries.revise(
        request.params.query,
        {
          ...(engine === undefined ? {} : { engine }),
          ...(sql === undefined ? {} : { sql }),
          ...(description === undefined ? {} : { description }),
        },
        callerName(request),
        note,
      )
    },
  )

  app.delete(
    '/queries/:query',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteSavedQuery',
        summary: 'Remove a saved query with all its versions',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await savedQueries.remove(request.params.query)
      return reply.code(204).send()
    },
  )
}
