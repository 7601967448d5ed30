/** The description of the API, made from the routes themselves. */

import * as z from 'zod'
import type { Api } from '../app.ts'
import type { OpenApiDocument } from '../document.ts'
import { ErrorAnswer } from '../schemas.ts'

export function openApiRoutes(app: Api, document: () => Promise<OpenApiDocument>): void {
  app.get(
    '/openapi.json',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['System'],
        operationId: 'getOpenApi',
        summary: 'This description, OpenAPI 3.1',
        response: { 200: z.record(z.string(), z.unknown()), default: ErrorAnswer },
      },
    },
    document,
  )
}
