/** Query engines: which there are, connecting further ones, what can be asked of each. Where they connect to is for admins to say: the hub opens connections from inside the network. */

import * as z from 'zod'
import { EngineDefinition } from '../../warehouse/engines.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { CheckAnswer, checkAnswer, noteHealth } from '../checks.ts'
import type { ApiParts } from '../parts.ts'
import { leaving } from '../results.ts'
import { Count, ErrorAnswer, JsonSchema, NOTHING, TimeOrNull } from '../schemas.ts'

const EngineView = z
  .object({
    name: z.string(),
    kind: z.string(),
    builtIn: z.boolean().describe('Part of the hub: it has no settings and cannot be removed.'),
    authorization: z.string().nullable().describe('Id of the authorization that opens it.'),
    settings: z.record(z.string(), z.unknown()),
    description: z.string(),
    createdAt: TimeOrNull,
    updatedAt: TimeOrNull,
  })
  .meta({ id: 'Engine' })

export type EngineAnswer = z.output<typeof EngineView>

const KindView = z
  .object({
    kind: z.string().describe('Also the provider of its authorizations.'),
    title: z.string(),
    description: z.string(),
    settings: JsonSchema,
    credentials: JsonSchema,
  })
  .meta({ id: 'EngineKind' })

const TableView = z
  .object({
    database: z.string(),
    table: z.string(),
    rows: Count.nullable().describe('About; null where the engine cannot tell cheaply.'),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
  })
  .meta({ id: 'Table' })

export type TableAnswer = z.output<typeof TableView>

const {
  authorization: AuthorizationId,
  settings: Settings,
  description: Description,
} = EngineDefinition.shape
const Params = z.object({ engine: z.string().min(1).max(64).describe('Name of the engine.') })
const TAGS = ['Query engines']

export function engineRoutes(app: Api, { engines, authorizations, queryRole }: ApiParts): void {
  const audit: Audited = {
    object: 'query engine',
    param: 'engine',
    read: async (key) => {
      const { name, kind, authorization, settings, description } = await engines.get(key)
      return { name, kind, authorization, settings, description }
    },
  }

  app.get(
    '/engine-kinds',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listEngineKinds',
        summary: 'Kinds of query engines that can be connected',
        response: { 200: z.object({ kinds: z.array(KindView) }), default: ErrorAnswer },
      },
    },
    () => ({
      kinds: engines.kinds.map(({ kind, title, description, settings, credentials }) => ({
        kind,
        title,
        description,
        settings: { ...z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }) },
        credentials: { ...z.toJSONSchema(credentials, { io: 'input', unrepresentable: 'any' }) },
      })),
    }),
  )

  app.get(
    '/engines',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listEngines',
        summary: 'All query engines',
        response: { 200: z.object({ engines: z.array(EngineView) }), default: ErrorAnswer },
      },
    },
    async () => ({ engines: await engines.list() }),
  )

  app.post(
    '/engines',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createEngine',
        summary: 'Connect a query engine; check it afterwards',
        body: EngineDefinition,
        response: { 201: EngineView, default: ErrorAnswer },
      },
    },
    async (request, reply) => reply.code(201).send(await engines.create(request.body)),
  )

  app.get(
    '/engines/:engine',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getEngine',
        summary: 'One query engine',
        params: Params,
        response: { 200: EngineView, default: ErrorAnswer },
      },
    },
    (request) => engines.get(request.params.engine),
  )

  app.patch(
    '/engines/:engine',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'updateEngine',
        summary: 'Change a query engine; queries under way end on the old one',
        params: Params,
        body: z.strictObject({
          authorization: AuthorizationId.optional(),
          settings: Settings.optional(),
          description: Description.unwrap().optional(),
        }),
        response: { 200: EngineView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { authorization, settings, description } = request.body
      return engines.change(request.params.engine, {
        ...(authorization === undefined ? {} : { authorization }),
        ...(settings === undefined ? {} : { settings }),
        ...(description === undefined ? {} : { description }),
      })
    },
  )

  app.post(
    '/engines/:engine/check',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'checkEngine',
        summary: 'Ask the engine for a one, and note the health of its authorization',
        params: Params,
        response: { 200: CheckAnswer, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { name, authorization } = await engines.get(request.params.engine)
      const receipt = await engines.check(name)
      if (authorization !== null) await noteHealth(authorizations, authorization, receipt)
      const answer = checkAnswer(receipt)
      return answer.ok ? { ...answer, message: 'The engine answers queries' } : answer
    },
  )

  app.get(
    '/engines/:engine/tables',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'listTables',
        summary: 'What can be asked: databases, tables, columns',
        params: Params,
        response: { 200: z.object({ tables: z.array(TableView) }), default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const engine = await engines.open(request.params.engine)
      const tables = await engine.tables(leaving(reply.raw))
      return {
        tables: tables.map(({ rows, columns, ...table }) => ({
          ...table,
          rows: rows ?? null,
          columns: columns.map(({ name, type }) => ({ name, type })),
        })),
      }
    },
  )

  app.delete(
    '/engines/:engine',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteEngine',
        summary: 'Disconnect a query engine; saved queries that name it stay',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await engines.remove(request.params.engine)
      return reply.code(204).send()
    },
  )
}
