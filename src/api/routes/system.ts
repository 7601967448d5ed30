/** What this node is, how full it is, and what an operator who was woken up wants to know first. */

import * as z from 'zod'
import { settingRows } from '../../core/settings.ts'
import { deliveryOf } from '../../delivery/delivery.ts'
import { recordAt } from '../../delivery/lineage.ts'
import { storeVersion } from '../../store/version.ts'
import type { Api } from '../app.ts'
import type { DiskWatch } from '../disk.ts'
import type { ApiParts } from '../parts.ts'
import { processesOf } from '../processes.ts'
import type { Pulse } from '../pulse.ts'
import { Count, ErrorAnswer, Offset, Time, TimeOrNull } from '../schemas.ts'

const Prospect = z.object({
  bytes: z.number(),
  segments: Count,
  records: Count,
  heldBy: z.array(z.string()).describe('Readers that keep entries past the rule.'),
})

const System = z
  .object({
    version: z.string(),
    node: z.string().describe('Version of Node.js.'),
    pid: Count,
    now: Time,
    startedAt: Time,
    uptimeMs: Count,
    memory: z.object({ residentBytes: Count, heapBytes: Count, externalBytes: Count }),
    processes: z
      .array(
        z.object({
          name: z.enum(['hub', 'profiles', 'warehouse']),
          pid: Count,
          residentBytes: Count.nullable().describe('null: this system does not say.'),
        }),
      )
      .describe('Of this node that run now.'),
    disk: z.object({
      dataDir: z.string(),
      freeBytes: z.number(),
      totalBytes: z.number(),
      parts: z
        .array(z.object({ name: z.string(), bytes: z.number(), files: Count }))
        .describe('What the data folder holds, largest first; of at most half a minute ago.'),
      trend: z
        .object({
          bytesPerHour: z.number().describe('How fast free room goes; below 0: it grows.'),
          overMs: Count.describe('Over which time that was measured, at most six hours.'),
          fullAt: TimeOrNull.describe('When the disk is full if that goes on; null: it does not fill.'),
        })
        .nullable()
        .describe('null: it was not watched for ten minutes yet.'),
    }),
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
    readers: z
      .array(
        z.object({
          name: z.string(),
          current: z.string().nullable().describe('Name of the current, if it is one.'),
          position: Offset,
          lag: Count.describe('Records of the log behind its position; not all need be for it.'),
          lagMs: Count.describe('Age of the oldest of them that waits for it.'),
        }),
      )
      .describe('Who reads the log and keeps retention from taking what it still needs, slowest first.'),
    dedupe: z.object({ ids: Count, bytes: Count, windowMs: Count }),
    intakePosition: Offset.describe('The inbox has counted everything before this offset.'),
    store: z.object({
      dialect: z.enum(['sqlite', 'postgres']),
      version: z.string(),
      step: Count.describe('Number of the last migration that was applied.'),
    }),
    retention: z.object({
      log: z.object({ ageMs: Count, bytes: z.number(), frees: Prospect.describe('What it would free now.') }),
      warehouse: z.object({ ageMs: Count.describe('0: rows are kept for ever.') }),
      dedupe: z.object({ windowMs: Count }),
    }),
    settings: z
      .array(
        z.object({
          name: z.string(),
          env: z.string(),
          value: z.string().describe('As it was written; [secret] for a secret.'),
          from: z.enum(['default', 'environment', 'command line']),
          description: z.string(),
        }),
      )
      .describe('What this node goes by, and where each was said.'),
  })
  .meta({ id: 'System' })

export type SystemAnswer = z.output<typeof System>

/** Stretches of the log that are listed. */
const GAPS_MAX = 100

export function systemRoutes(app: Api, parts: ApiParts, pulse: Pulse, disk: DiskWatch): void {
  const startedAt = parts.clock.now()
  app.get(
    '/system',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['System'],
        operationId: 'getSystem',
        summary: 'Versions, memory, disk, log, readers, retention and settings of this node',
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
        processes: await processesOf(parts),
        disk: await diskOf(parts, disk),
        log: logOf(parts),
        readers: await readersOf(parts, pulse, now),
        dedupe: { ids: dedupe.stats().ids, bytes: dedupe.stats().bytes, windowMs: dedupe.windowMs },
        intakePosition: delivery.intake.position,
        store: { dialect: store.dialect, ...(await storeVersion(store)) },
        retention: retentionOf(parts, now),
        settings: settingsOf(parts),
      }
    },
  )
}

function logOf({ log }: ApiParts) {
  const { bytes, segments, waitingBytes, syncs, corrupt } = log.stats()
  const { state, head, tail } = log
  return { state, head, tail, bytes, segments, waitingBytes, syncs, corrupt: corrupt.slice(0, GAPS_MAX) }
}

async function diskOf({ dataDir }: ApiParts, disk: DiskWatch) {
  const room = await disk.room()
  return {
    dataDir,
    ...room,
    parts: [...(await disk.parts())],
    trend: disk.trend(room.freeBytes) ?? null,
  }
}

async function readersOf({ log }: ApiParts, pulse: Pulse, now: number): Promise<SystemAnswer['readers']> {
  const currents = new Map((await pulse.beat()).currents.map((row) => [deliveryOf(row.number), row]))
  const { head } = log
  const readers = await Promise.all(
    log.readers().map(async ({ reader, from }) => {
      const position = Math.min(Math.max(from, log.tail), head)
      const current = currents.get(reader)
      return {
        name: reader,
        current: current?.name ?? null,
        position,
        lag: head - position,
        // What a current waits for was asked for already; the others are few.
        lagMs: current?.lagMs ?? (await ageAt(log, position, now)),
      }
    }),
  )
  return readers.sort((a, b) => b.lag - a.lag || a.name.localeCompare(b.name))
}

async function ageAt(log: ApiParts['log'], position: number, now: number): Promise<number> {
  if (position >= log.head) return 0
  const record = await recordAt(log, position)
  return record === undefined ? 0 : Math.max(0, now - record.receivedAt)
}

function retentionOf({ log, settings, dedupe }: ApiParts, now: number) {
  const { retentionAgeMs, retentionBytes, warehouseRetentionAgeMs } = settings
  const { segments, records, bytes, heldBy } = log.prospect({
    ageMsMax: retentionAgeMs,
    bytesMax: retentionBytes,
    despiteReaders: false,
    nowMs: now,
  })
  return {
    log: {
      ageMs: retentionAgeMs,
      bytes: retentionBytes,
      frees: { bytes, segments, records, heldBy: [...heldBy] },
    },
    warehouse: { ageMs: warehouseRetentionAgeMs },
    dedupe: { windowMs: dedupe.windowMs },
  }
}

function settingsOf({ settings }: ApiParts): SystemAnswer['settings'] {
  return settingRows().map(({ name, env, description }) => {
    const { from, text } = settings.written[name] ?? { from: 'default' as const, text: '' }
    return { name, env, value: text, from, description }
  })
}
