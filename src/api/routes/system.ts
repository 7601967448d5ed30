/** What this node is and how full it is. */

import { statfs } from 'node:fs/promises'
import * as z from 'zod'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Offset, Time } from '../schemas.ts'

const System = z
  .object({
    version: z.string(),
    node: z.string().describe('Version of Node.js.'),
    pid: Count,
    now: Time,
    startedAt: Time,
    uptimeMs: Count,
    memory: z.object({ residentBytes: Count, heapBytes: Count, externalBytes: Count }),
    disk: z.object({ dataDir: z.string(), freeBytes: z.number(), totalBytes: z.number() }),
    log: z.object({
      state: z.enum(['open', 'full', 'stopped', 'closed']),
      head: Offset,
      tail: Offset,
      bytes: Count,
      segments: Count,
      waitingBytes: Count,
      syncs: Count,
      corrupt: z.array(z.object({ from: Offset, to: Offset, where: z.string() })),
    }),
    dedupe: z.object({ ids: Count, bytes: Count, windowMs: Count }),
    intakePosition: Offset.describe('The inbox has counted everything before this offset.'),
    store: z.object({ dialect: z.enum(['sqlite', 'postgres']) }),
  })
  .meta({ id: 'System' })

export type SystemAnswer = z.output<typeof System>

/** Stretches of the log that are listed. */
const GAPS_MAX = 100

export function systemRoutes(app: Api, parts: ApiParts): void {
  const startedAt = parts.clock.now()
  app.get(
    '/system',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['System'],
        operationId: 'getSystem',
        summary: 'Version, memory, disk, log and store of this node',
        response: { 200: System, default: ErrorAnswer },
      },
    },
    async () => {
      const { clock, version, dedupe, store, delivery } = parts
      const now = clock.now()
      const memory = process.memoryUsage()
      return {
        version,
        node: process.versions.node,
        pid: process.pid,
        now,
        startedAt,
        uptimeMs: now - startedAt,
        memory: {
          residentBytes: memory.rss,
          heapBytes: memory.heapUsed,
          externalBytes: memory.external,
        },
        disk: await diskOf(parts.dataDir),
        log: logOf(parts),
        dedupe: { ids: dedupe.stats().ids, bytes: dedupe.stats().bytes, windowMs: dedupe.windowMs },
        intakePosition: delivery.intake.position,
        store: { dialect: store.dialect },
      }
    },
  )
}

function logOf({ log }: ApiParts) {
  const { bytes, segments, waitingBytes, syncs, corrupt } = log.stats()
  const { state, head, tail } = log
  return { state, head, tail, bytes, segments, waitingBytes, syncs, corrupt: corrupt.slice(0, GAPS_MAX) }
}

async function diskOf(dataDir: string) {
  const { bavail, blocks, bsize } = await statfs(dataDir)
  return { dataDir, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
