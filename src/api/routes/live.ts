/** The address of the live stream. */

import * as z from 'zod'
import type { Access } from '../../access/access.ts'
import { whoeverCalls } from '../access.ts'
import type { Api } from '../app.ts'
import type { LiveStreams } from '../live.ts'
import { ErrorAnswer } from '../schemas.ts'

export function liveRoutes(app: Api, streams: LiveStreams, access: Access): void {
  app.get(
    '/live',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['System'],
        operationId: 'streamLive',
        summary: 'Server-sent events: the numbers of everything each second, and alerts',
        description:
          'Events: `status` (each second) and `alert` (raised or resolved). Ids are times in milliseconds; a client that comes back with Last-Event-ID is sent the alerts since then.',
        response: {
          200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      streams.refuseWhenFull()
      reply.hijack()
      await streams.open(
        reply.raw,
        timeOf(request.headers['last-event-id']),
        async () => (await whoeverCalls(request, access)) !== undefined,
      )
    },
  )
}

function timeOf(id: string | string[] | undefined): number | undefined {
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : undefined
}
