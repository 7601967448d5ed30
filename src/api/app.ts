/**
 * The type of the Fastify instance that routes are added to: schemas are Zod's, and so are the types of
 * handlers.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyServerOptions, RawServerDefault } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>

/** Compilers given here keep Fastify from reading its own, which compile JSON Schema and are large. */
export const FASTIFY_OPTIONS = {
  exposeHeadRoutes: false,
  schemaController: {
    compilersFactory: {
      buildValidator: () => validatorCompiler,
      buildSerializer: () => serializerCompiler,
      // Fastify's types know only the schemas of its own compilers; it calls these with what a route gave.
    } as unknown as NonNullable<SchemaController['compilersFactory']>,
  },
}
