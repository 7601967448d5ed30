/**
 * Whether this node is alive, and whether it can do its work. Both answer without a token and tell nothing
 * else.
 */

import { sql } from 'kysely'
import * as z from 'zod'
import type { Api } from './app.ts'
import type { ApiParts } from './parts.ts'

/** How long the store may take to say that it is there. */
const STORE_MS_MAX = 2_000

const Health = z.object({ status: z.literal('alive') })
const Readiness = z
  .object({
    ready: z.boolean(),
    checks: z.array(z.object({ name: z.enum(['log', 'store']), ready: z.boolean(), state: z.string() })),
  })
  .meta({ id: 'Readiness' })

export interface Check {
  readonly name: 'log' | 'store'
  readonly ready: boolean
  readonly state: string
}

export function healthRoutes(app: Api, parts: ApiParts): void {
  app.get(
    '/healthz',
    {
      config: { role: 'open' },
      schema: {
        tags: ['Health'],
        operationId: 'getHealth',
        summary: 'Is the process alive?',
        response: { 200: Health },
      },
    },
    () => ({ status: 'alive' as const }),
  )
  app.get(
    '/readyz',
    {
      config: { role: 'open' },
      schema: {
        tags: ['Health'],
        operationId: 'getReadiness',
        summary: 'Can the node take events: is the log open, does the store answer?',
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const checks = await readiness(parts)
      const ready = checks.every((check) => check.ready)
      return reply.code(ready ? 200 : 503).send({ ready, checks })
    },
  )
}

export async function readiness({ log, store }: Pick<ApiParts, 'log' | 'store'>): Promise<Check[]> {
  const answers = await storeAnswers(store)
  return [
    { name: 'log', ready: log.state === 'open', state: log.state },
    { name: 'store', ready: answers === 'answers', state: answers },
  ]
}

/**
 * A store that hangs is as bad as one that refuses; real time, because a stopped virtual clock must not hang
 * the answer.
 */
async function storeAnswers(store: ApiParts['store']): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, STORE_MS_MAX, 'does not answer in time')
  })
  const asked = sql`select 1`.execute(store.db).then(
    () => 'answers',
    () => 'refuses',
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
