/** Backups of this hub, made while it works. */

import * as z from 'zod'
import type { Backup } from '../../backup/backups.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, NOTHING, Note, Offset, Time } from '../schemas.ts'

const BackupView = z
  .object({
    id: z.string(),
    folder: z.string(),
    note: z.string(),
    version: z.string().describe('Of the program that made it.'),
    startedAt: Time,
    finishedAt: Time,
    bytes: z.number(),
    log: z
      .object({ tail: Offset, head: Offset, segments: Count, gaps: Count })
      .describe('It holds the records from tail up to head; every frame was read again.'),
    store: z.object({ dialect: z.enum(['sqlite', 'postgres']), step: Count }),
    withKey: z.boolean().describe('Whether the key that opens stored credentials is in it.'),
    parts: z.array(z.object({ name: z.string(), files: Count, bytes: z.number() })),
  })
  .meta({ id: 'Backup' })

const UnderWay = z.object({
  id: z.string(),
  startedAt: Time,
  step: z.string().describe('The part that is being copied, or `checking`.'),
  filesDone: Count,
  bytesDone: z.number(),
})

const List = z.object({
  folder: z.string(),
  kept: Count.describe('So many are kept; the oldest goes when another is made.'),
  backups: z.array(BackupView),
  underWay: UnderWay.nullable(),
  lastFailure: z
    .object({ at: Time, message: z.string() })
    .nullable()
    .describe('Why the last one could not be made; null: it was made, or none was tried since the start.'),
  storeNote: z
    .string()
    .nullable()
    .describe('What is not in the backups and has to be backed up otherwise; null: nothing.'),
})

export type BackupAnswer = z.output<typeof BackupView>
export type BackupsAnswer = z.output<typeof List>
export type BackupUnderWayAnswer = z.output<typeof UnderWay>

const POSTGRES_NOTE =
  'The store and the profiles lie in PostgreSQL: back them up with pg_dump, just before each backup of the hub, so that the log here is the newer one.'

const Params = z.object({ backup: z.string().min(1).max(64).describe('Id of the backup.') })
const TAGS = ['System']

export function backupRoutes(app: Api, { backups, store }: ApiParts): void {
  const audit: Audited = {
    object: 'backup',
    param: 'backup',
    read: async (id) => {
      const { folder, manifest } = await backups.get(id)
      return { id, folder, note: manifest.note, withKey: manifest.withKey, startedAt: manifest.startedAt }
    },
  }

  app.get(
    '/system/backups',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listBackups',
        summary: 'Backups, newest first, and the one that is being made',
        response: { 200: List, default: ErrorAnswer },
      },
    },
    async () => ({
      folder: backups.folder,
      kept: backups.keptMax,
      backups: (await backups.list()).map(viewOf),
      underWay: backups.underWay ?? null,
      lastFailure: backups.lastFailure ?? null,
      storeNote: store.dialect === 'postgres' ? POSTGRES_NOTE : null,
    }),
  )

  app.post(
    '/system/backups',
    {
      config: {
        role: 'admin',
        audit: {
          object: 'backup',
          // The copy is not there yet when the answer is.
          told: ({ note, withKey }: { note: string; withKey: boolean }, { id }: BackupUnderWayAnswer) => ({
            id,
            note,
            withKey,
          }),
        },
      },
      schema: {
        tags: TAGS,
        operationId: 'createBackup',
        summary: 'Begin a backup; it is made while everything goes on',
        description:
          'It holds all that came in, and everything known of people. The key that opens stored credentials is left out unless asked for.',
        body: z.strictObject({
          note: Note.default(''),
          withKey: z
            .boolean()
            .default(false)
            .describe('true: the sealing key, too; then whoever has the backup has the credentials.'),
        }),
        response: { 202: UnderWay, default: ErrorAnswer },
      },
    },
    async (request, reply) => reply.code(202).send(backups.start(request.body)),
  )

  app.get(
    '/system/backups/:backup',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getBackup',
        summary: 'One backup',
        params: Params,
        response: { 200: BackupView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await backups.get(request.params.backup)),
  )

  app.delete(
    '/system/backups/:backup',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteBackup',
        summary: 'Remove a backup from the disk',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await backups.remove(request.params.backup)
      return reply.code(204).send()
    },
  )
}

function viewOf({ id, folder, manifest, bytes }: Backup): BackupAnswer {
  const { note, version, startedAt, finishedAt, log, store, withKey, parts } = manifest
  return {
    id,
    folder,
    note,
    version,
    startedAt,
    finishedAt,
    bytes,
    log,
    store,
    withKey,
    parts: parts.map(({ name, files }) => ({
      name,
      files: files.length,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    })),
  }
}
