/** Imports: files read as a source, by hand or by a poll, and what they brought. */

import * as z from 'zod'
import { Location, parseLocation, showLocation } from '../../files/location.ts'
import { FORMATS } from '../../sources/files/formats.ts'
import type { ImportView as Import } from '../../sources/files/imports.ts'
import { FILE_STATES, type FileRow, IMPORT_STATES } from '../../sources/files/manifest.ts'
import { RowsSettings } from '../../sources/files/row-settings.ts'
import type { TallyRow } from '../../sources/files/tally.ts'
import { SourceName } from '../../sources/settings.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Time, TimeOrNull } from '../schemas.ts'

const Files = z.object({
  listed: Count.describe('In the place, when it was listed last, whether read before or not.'),
  waiting: Count,
  reading: Count,
  done: Count,
  failed: Count,
})

const ImportView = z
  .object({
    source: z.string(),
    copiesOf: z.string().nullable(),
    stream: z.string().nullable().describe('Its files hold rows of this stream; null: events.'),
    location: z.string(),
    pollSeconds: Count.nullable(),
    state: z.enum(IMPORT_STATES),
    reason: z.string().describe('Why it does not come on, or has failed.'),
    run: Count.describe('Counts the runs. What follows is of this one.'),
    files: Files,
    bytes: Count.describe('Of its files.'),
    bytesDone: Count,
    read: Count.describe('Records: new ones, duplicates and quarantined ones.'),
    accepted: Count.describe('New events.'),
    duplicates: Count.describe('Events that were there already, and rows that did not change.'),
    quarantined: Count.describe('Stretches and records that cannot be read; see the inbox.'),
    startedAt: Time,
    finishedAt: TimeOrNull,
    updatedAt: Time,
  })
  .meta({ id: 'Import' })
export type ImportAnswer = z.output<typeof ImportView>

const FileView = z
  .object({
    name: z.string(),
    version: z.string().describe('ETag, or time of the last change and size.'),
    size: Count,
    modifiedAt: Time,
    state: z.enum(FILE_STATES),
    position: z.object({ at: Count, record: Count }).describe('Where reading goes on.'),
    read: Count,
    accepted: Count,
    duplicates: Count,
    quarantined: Count,
    problem: z.string().describe('What kept it from being read in full.'),
  })
  .meta({ id: 'ImportFile' })

export type ImportFileAnswer = z.output<typeof FileView>

const TypeCount = z.object({ eventType: z.string(), count: Count })

const Report = z
  .object({
    import: ImportView,
    types: z.array(TypeCount).describe('New events by type, the most first.'),
    hours: z
      .array(z.object({ hour: TimeOrNull, count: Count, types: z.array(TypeCount) }))
      .describe('New events by the hour (UTC) of their time; null: they have none.'),
  })
  .meta({ id: 'ImportReport' })
export type ImportReportAnswer = z.output<typeof Report>

const NewImport = z.strictObject({
  location: z
    .union([z.string().min(1).max(4_096), Location])
    .describe(
      'An absolute path on the machine of the hub, s3://bucket/prefix, or a location as in the settings of a source.',
    ),
  source: SourceName.optional().describe(
    'Name of the source of files; made when there is none. Default: from the location.',
  ),
  authorization: z.string().min(1).max(64).optional(),
  format: z.enum(FORMATS).optional(),
  pollSeconds: z.int().min(5).max(86_400).optional().describe('Goes on looking for new files.'),
  copiesOf: SourceName.optional().describe('The files hold copies of what this source sends.'),
  rows: RowsSettings.optional().describe('The files hold rows of people instead of events.'),
})

/** Hours times types that a report lists. */
const CELLS_MAX = 100_000
const HOUR_MS = 3_600_000
const TAGS = ['Imports']
const Params = z.object({ source: z.string().min(1).max(64).describe('Name of the source of files.') })

export function importRoutes(app: Api, { imports }: ApiParts): void {
  const audit: Audited = {
    object: 'import',
    param: 'source',
    read: async (key) => {
      const { source, copiesOf, stream, location, pollSeconds, state, reason, run } = viewOf(
        await imports.get(key),
      )
      return { name: source, copiesOf, stream, location, pollSeconds, state, reason, run }
    },
    made: ({ source }: ImportAnswer) => source,
  }

  app.get(
    '/imports',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listImports',
        summary: 'The imports of all sources of files',
        response: { 200: z.object({ imports: z.array(ImportView) }), default: ErrorAnswer },
      },
    },
    async () => ({ imports: (await imports.list()).map(viewOf) }),
  )

  app.post(
    '/imports',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'startImport',
        summary: 'Read files now, from any folder that the hub may read or from a bucket',
        body: NewImport,
        response: { 201: ImportView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { location: written, source, ...rest } = request.body
      const location = typeof written === 'string' ? parseLocation(written) : written
      const name = await imports.request(source, { ...rest, location })
      return reply.code(201).send(viewOf(await imports.get(name)))
    },
  )

  app.get(
    '/imports/:source',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getImport',
        summary: 'One import',
        params: Params,
        response: { 200: ImportView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await imports.get(request.params.source)),
  )

  app.get(
    '/imports/:source/files',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listImportFiles',
        summary: 'Files of an import, the newest first',
        params: Params,
        querystring: z.object({
          state: z.enum(FILE_STATES).optional(),
          limit: z.coerce.number().int().min(1).max(1_000).default(100),
        }),
        response: { 200: z.object({ files: z.array(FileView) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { state, limit } = request.query
      return { files: (await imports.files(request.params.source, state, limit)).map(fileViewOf) }
    },
  )

  app.get(
    '/imports/:source/report',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'reportImport',
        summary: 'What the last run filled: new events by hour and by type',
        params: Params,
        response: { 200: Report, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { source } = request.params
      return reportOf(viewOf(await imports.get(source)), await imports.filled(source, CELLS_MAX))
    },
  )

  for (const [word, summary] of [
    ['pause', 'Stop reading; it goes on where it stopped'],
    ['resume', 'Go on, or look for new files once more'],
  ] as const) {
    app.post(
      `/imports/:source/${word}`,
      {
        config: { role: 'operator', audit },
        schema: {
          tags: TAGS,
          operationId: `${word}Import`,
          summary,
          params: Params,
          response: { 200: ImportView, default: ErrorAnswer },
        },
      },
      async (request) => {
        await imports[word](request.params.source)
        return viewOf(await imports.get(request.params.source))
      },
    )
  }
}

function viewOf(view: Import): ImportAnswer {
  const { totals, settings } = view
  const { read, duplicates, quarantined } = totals
  return {
    source: view.name,
    copiesOf: settings.copiesOf ?? null,
    stream: settings.rows?.stream ?? null,
    location: showLocation(settings.location),
    pollSeconds: settings.pollSeconds ?? null,
    state: view.state,
    reason: view.reason,
    run: view.run,
    files: { listed: view.listed, ...totals.files },
    bytes: totals.bytes,
    bytesDone: totals.bytesDone,
    read,
    accepted: read - duplicates - quarantined,
    duplicates,
    quarantined,
    startedAt: view.started_at,
    finishedAt: view.finished_at,
    updatedAt: view.updated_at,
  }
}

function fileViewOf(row: FileRow): z.input<typeof FileView> {
  const { name, version, size, at, record, read, duplicates, quarantined, problem } = row
  return {
    name,
    version,
    size,
    modifiedAt: row.modified_at,
    state: row.state as (typeof FILE_STATES)[number],
    position: { at, record },
    read,
    accepted: read - duplicates - quarantined,
    duplicates,
    quarantined,
    problem,
  }
}

/** `cells` come by hour. */
function reportOf(view: ImportAnswer, cells: readonly TallyRow[]): ImportReportAnswer {
  const types = new Map<string, number>()
  const hours: ImportReportAnswer['hours'] = []
  for (const { hour, eventType, count } of cells) {
    types.set(eventType, (types.get(eventType) ?? 0) + count)
    const at = hour === 0 ? null : hour * HOUR_MS
    let row = hours.at(-1)
    if (row === undefined || row.hour !== at) {
      row = { hour: at, count: 0, types: [] }
      hours.push(row)
    }
    row.count += count
    row.types.push({ eventType, count })
  }
  const byCount = [...types].sort(([, a], [, b]) => b - a)
  return { import: view, types: byCount.map(([eventType, count]) => ({ eventType, count })), hours }
}
