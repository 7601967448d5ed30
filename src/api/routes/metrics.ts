/** The numbers for Prometheus. */

import type { Registry } from 'prom-client'
import * as z from 'zod'
import type { Api } from '../app.ts'
import { ErrorAnswer } from '../schemas.ts'

/** The registry is made with the first look: most hubs are never scraped. */
export function metricsRoutes(app: Api, make: () => Promise<Registry>): void {
  let made: Promise<Registry> | undefined
  app.get(
    '/metrics',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['Health'],
        operationId: 'getMetrics',
        summary: 'Metrics in the text format of Prometheus',
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } },
          default: ErrorAnswer,
        },
      },
    },
    async (_request, reply) => {
      made ??= make()
      const registry = await made
      return reply
        .type(registry.contentType)
        .serializer(asItIs)
        .send(await registry.metrics())
    },
  )
}

function asItIs(text: unknown): string {
  return String(text)
}
