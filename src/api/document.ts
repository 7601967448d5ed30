/**
 * The OpenAPI document, made from the routes themselves when it is first asked for: what makes it is large, and most hubs are never
 * asked.
 */

import Fastify, { type FastifySchema, type RouteOptions } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { SESSION_COOKIE } from './access.ts'
import { type Api, FASTIFY_OPTIONS } from './app.ts'

export type OpenApiDocument = Readonly<Record<string, unknown>>

const ABOUT =
  'The API of a Thalweg hub. Times are milliseconds since the Unix epoch; offsets are positions in the log. ' +
  'Every refusal has the shape {"error":{"code","message","details"}}. ' +
  'Whoever comes by a session and changes something sends the header x-thalweg-console: 1.'

/** Notes every route with a schema that is added from here on; gives what describes them. */
export function documented(app: Api, version: string): () => Promise<OpenApiDocument> {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.schema !== undefined) routes.push(route as RouteOptions)
  })
  let document: Promise<OpenApiDocument> | undefined
  return () => {
    document ??= describe(routes, version)
    return document
  }
}

/** By an application of the same routes that answers nothing: the library reads routes while they are added. */
async function describe(routes: readonly RouteOptions[], version: string): Promise<OpenApiDocument> {
  const { default: fastifySwagger } = await import('@fastify/swagger')
  const app = Fastify(FASTIFY_OPTIONS)
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Thalweg', version, description: ABOUT },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  for (const { method, url, schema = {} as FastifySchema } of routes)
    app.route({ method, url, schema, handler: () => undefined })
  await app.ready()
  return { ...app.swagger() }
}
