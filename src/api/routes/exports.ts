/** Exports: audiences on their way to a vendor, what each person should have there, and what the batches did. */

import * as z from 'zod'
import { ADDRESS_KINDS, type Address } from '../../core/audience-change.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { PersonEntry } from '../../profiles/exports/book.ts'
import { EXPORT_STATES, type Export, ExportDefinition } from '../../profiles/exports/definition.ts'
import type { ExportStatus } from '../../profiles/exports/exports.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, FirstNote, Note, Time, TimeOrNull } from '../schemas.ts'
import { which } from './activations.ts'

const View = z
  .object({
    number: Count,
    name: z.string(),
    state: z.enum(EXPORT_STATES),
    stateReason: z.string(),
    stateSince: Time,
    version: Count,
    definition: ExportDefinition,
    createdAt: Time,
    startedAt: TimeOrNull,
  })
  .meta({ id: 'Export' })
export type ExportAnswer = z.output<typeof View>

const AddressView = z.object({
  kind: z.enum(ADDRESS_KINDS),
  label: z.string().max(255).describe('Of an alias; empty otherwise.'),
  value: z.string().min(1).max(2_000),
})

const Cost = z.object({
  people: Count,
  requests: Count,
  dataPoints: Count,
  minutes: Count.describe("At the vendor's rate and at that of the backfill, whichever is slower."),
})

const StatusView = z
  .object({
    people: Count.describe('Whom the export knows.'),
    settled: Count.describe('People about whom nothing is to be told.'),
    pending: Count.describe('People about whom something waits.'),
    sending: Count.describe('People in requests under way.'),
    refused: Count.describe(
      'People whom the vendor does not take; tried again when something about them changes.',
    ),
    holding: Count.describe('People for whom the vendor accepted at least one slug.'),
    over: Count.describe('People with more slugs than the attribute has room for.'),
    omitted: Count.describe('Moves of people without an identifier, since the start.'),
    walking: z.boolean().describe('A changed definition is still being applied to everybody.'),
    gate: z.enum(['open', 'closed', 'half-open', 'off']).describe('Whether the vendor may be tried now.'),
    requests: Count.describe('Since the process started.'),
    lastFault: z.object({ kind: z.string(), message: z.string(), at: Time }).nullable(),
    removal: Cost.describe('What it would take to remove all slugs at the vendor.'),
  })
  .meta({ id: 'ExportStatus' })

const PreviewView = Cost.extend({
  people: Count.describe('Who is sent at the start: existing users, if they are exported.'),
  members: Count.describe('People in the audiences, with an identifier.'),
  omitted: Count.describe('People in the audiences, without an identifier.'),
  over: Count.describe('Members with more slugs than the attribute has room for.'),
  secondsAtRateLimit: Count,
}).meta({ id: 'ExportPreview' })
export type ExportPreviewAnswer = z.output<typeof PreviewView>

const VersionView = z.object({
  version: Count,
  definition: ExportDefinition,
  note: z.string(),
  author: z.string(),
  createdAt: Time,
})
export type ExportVersionAnswer = z.output<typeof VersionView>

const PersonStates = ['settled', 'pending', 'sending', 'refused'] as const
const PersonView = z
  .object({
    who: AddressView,
    profile: Count.describe('Whose identifier it is, or was.'),
    held: z.boolean().describe('false: the profile is known by another identifier now, or is no more.'),
    wanted: z.array(Count).describe('Numbers of the audiences whose slugs the vendor should hold.'),
    sent: z.array(z.string()).describe('Slugs that the vendor accepted.'),
    doubt: z.array(z.string()).describe('Slugs that may have been told and are told again.'),
    state: z.enum(PersonStates),
    reason: z.string().describe('Why they were refused.'),
    attempts: Count.describe('Refusals in a row.'),
    lane: z.enum(['live', 'backfill']),
    dueAt: Time.describe('When they leave at the latest, while something waits.'),
    updatedAt: Time,
  })
  .meta({ id: 'ExportPerson' })
const People = z.object({
  people: z.array(PersonView),
  next: z.string().nullable().describe('What to give as `after` for the next page; null: this was the last.'),
})
export type ExportPeopleAnswer = z.output<typeof People>

const LogView = z.object({
  entries: z.array(
    z.object({
      number: Count,
      at: Time,
      lane: z.enum(['live', 'backfill']),
      people: Count,
      added: Count.describe('Slugs.'),
      removed: Count.describe('Slugs.'),
      refused: Count.describe('People.'),
      omitted: Count.describe('Moves of people without an identifier since the entry before.'),
      requests: Count.describe('Tries, until it was settled.'),
      status: z.int().describe('Of the last answer; 0: there was none.'),
      message: z.string().describe('Of the first refusal.'),
    }),
  ),
})
export type ExportLogAnswer = z.output<typeof LogView>

const ReconciliationView = z
  .object({
    state: z.enum(['running', 'finished', 'failed']),
    repair: z.boolean(),
    startedAt: Time,
    finishedAt: TimeOrNull,
    checked: Count,
    unsettled: Count.describe('Left out: something about them is still to be sent, or was refused.'),
    unknown: Count.describe('People whom the vendor does not know.'),
    missing: Count.describe('People who lack a slug that was accepted.'),
    stale: Count.describe('People who have a slug of the export that they should not have.'),
    examples: z.array(
      z.object({ who: AddressView, missing: z.array(z.string()), stale: z.array(z.string()) }),
    ),
    error: z.string(),
  })
  .meta({ id: 'Reconciliation' })
export type ReconciliationAnswer = z.output<typeof ReconciliationView>

const Whole = View.extend({
  status: StatusView,
  reconciliation: ReconciliationView.nullable().describe('The last one since the hub started; null: none.'),
})
export type ExportWholeAnswer = z.output<typeof Whole>

const Params = z.object({ export: z.string().min(1).max(63).describe('Name or number of the export.') })
const TAGS = ['Exports']
const PAGE_MAX = 500
const RETRIED_MAX = 1_000
const Limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)

export function exportRoutes(app: Api, { exports }: ApiParts): void {
  const { registry } = exports
  const audit: Audited = {
    object: 'export',
    param: 'export',
    read: async (key) => {
      const { number, name, state, stateReason, version, definition } = await registry.get(which(key))
      return { number, name, state, stateReason, version, definition }
    },
  }
  const retrying: Audited = {
    object: 'export',
    param: 'export',
    // Not whom: that is their personal data.
    told: ({ who }: { who?: readonly unknown[] }, answer: { retried: number }) => ({
      asked: who?.length ?? 'all',
      ...answer,
    }),
  }
  const reconciling: Audited = {
    object: 'export',
    param: 'export',
    told: (body: { repair: boolean }) => body,
  }

  app.get(
    '/exports',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listExports',
        summary: 'All exports, by name',
        response: { 200: z.object({ exports: z.array(View) }), default: ErrorAnswer },
      },
    },
    async () => ({ exports: (await registry.list()).map(viewOf) }),
  )

  app.post(
    '/exports',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createExport',
        summary: 'Make a draft; nothing is sent before it is started',
        querystring: FirstNote,
        body: ExportDefinition,
        response: { 201: View, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .send(viewOf(await exports.create(request.body, callerName(request), request.query.note))),
  )

  app.post(
    '/exports/preview',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewExportDefinition',
        summary: 'What a definition would send at its start, and what that takes',
        body: ExportDefinition,
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    (request) => exports.preview(request.body),
  )

  app.get(
    '/exports/:export',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getExport',
        summary: 'One export, with what it is doing',
        params: Params,
        response: { 200: Whole, default: ErrorAnswer },
      },
    },
    async (request) => {
      const one = await registry.get(which(request.params.export))
      const status = await exports.status(one.number)
      const reconciliation = exports.lastReconciliation(one.number)
      return {
        ...viewOf(one),
        status: { ...statusOf(status), removal: await exports.removalCost(one.number) },
        reconciliation: reconciliation === undefined ? null : plain(reconciliation),
      }
    },
  )

  app.get(
    '/exports/:export/preview',
    {
      config: { role: 'operator' },
      schema: {
        tags: TAGS,
        operationId: 'previewExport',
        summary: 'What an export would send if it began now',
        params: Params,
        response: { 200: PreviewView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number, definition } = await registry.get(which(request.params.export))
      return exports.preview(definition, number)
    },
  )

  app.get(
    '/exports/:export/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listExportVersions',
        summary: 'Every definition that it had, latest first',
        params: Params,
        response: { 200: z.object({ versions: z.array(VersionView) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await registry.get(which(request.params.export))
      return { versions: await registry.versions(number) }
    },
  )

  app.put(
    '/exports/:export',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseExport',
        summary: 'A new version, applied to everybody; a halted export runs again',
        params: Params,
        body: z.strictObject({ definition: ExportDefinition, note: Note.default('') }),
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { definition, note } = request.body
      const author = callerName(request)
      return viewOf(await exports.revise(which(request.params.export), definition, note, author))
    },
  )

  app.delete(
    '/exports/:export',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteExport',
        summary: 'End an export, after its slugs were removed at the vendor, or leaving them there',
        params: Params,
        querystring: z.object({
          slugs: z
            .enum(['remove', 'leave'])
            .default('remove')
            .describe('remove: it is `removing` until everybody was told. leave: nobody is told.'),
        }),
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await exports.remove(which(request.params.export), request.query.slugs)),
  )

  app.post(
    '/exports/:export/start',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'startExport',
        summary: 'Start a draft',
        params: Params,
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await exports.begin(which(request.params.export))),
  )

  app.post(
    '/exports/:export/pause',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'pauseExport',
        summary: 'Send nothing for now; who enters and leaves is followed all the same',
        params: Params,
        body: z.strictObject({ reason: Note.default('') }),
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await exports.pause(which(request.params.export), request.body.reason)),
  )

  app.post(
    '/exports/:export/resume',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'resumeExport',
        summary: 'Send again, what is different by now',
        params: Params,
        response: { 200: View, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await exports.resume(which(request.params.export))),
  )

  app.get(
    '/exports/:export/people',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listExportPeople',
        summary: 'What the vendor should hold of each person, and what it accepted',
        params: Params,
        querystring: z.object({
          state: z.enum(PersonStates).optional(),
          profile: z.coerce.number().int().min(1).optional(),
          value: z.string().min(1).max(2_000).optional().describe('The identifier, exactly.'),
          after: z.string().max(4_000).optional().describe('From the page before.'),
          limit: Limit,
        }),
        response: { 200: People, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { after, limit, ...filter } = request.query
      const people = await exports.people(which(request.params.export), {
        ...filter,
        limit,
        after: after === undefined ? undefined : addressFrom(after),
      })
      const last = people.length < limit ? undefined : people.at(-1)
      return {
        people: people.map(personOf),
        next: last === undefined ? null : cursorAfter(last.who),
      }
    },
  )

  app.get(
    '/exports/:export/log',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listExportLog',
        summary: 'What each batch did, newest first',
        params: Params,
        querystring: z.object({
          before: z.coerce.number().int().min(1).optional().describe('Only entries with a smaller number.'),
          limit: Limit,
        }),
        response: { 200: LogView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await registry.get(which(request.params.export))
      const { before, limit } = request.query
      return {
        entries: await exports.log.list(number, { limit, ...(before === undefined ? {} : { before }) }),
      }
    },
  )

  app.post(
    '/exports/:export/retry',
    {
      config: { role: 'operator', audit: retrying },
      schema: {
        tags: TAGS,
        operationId: 'retryExport',
        summary: 'Try refused people again: those named, or all',
        params: Params,
        body: z.strictObject({ who: z.array(AddressView).min(1).max(RETRIED_MAX).optional() }),
        response: { 200: z.object({ retried: Count }), default: ErrorAnswer },
      },
    },
    async (request) => ({
      retried: await exports.retry(which(request.params.export), request.body.who ?? 'all'),
    }),
  )

  app.post(
    '/exports/:export/reconcile',
    {
      config: { role: 'operator', audit: reconciling },
      schema: {
        tags: TAGS,
        operationId: 'reconcileExport',
        summary: 'Begin to compare with what the vendor holds; goes on by itself',
        params: Params,
        body: z.strictObject({
          repair: z
            .boolean()
            .default(false)
            .describe('true: differences are sent. false: they are only told.'),
        }),
        response: { 202: ReconciliationView, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply.code(202).send(plain(await exports.reconcile(which(request.params.export), request.body.repair))),
  )

  app.get(
    '/exports/:export/reconcile',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getReconciliation',
        summary: 'How the last comparison goes, or went',
        params: Params,
        response: { 200: ReconciliationView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await registry.get(which(request.params.export))
      return plain(exports.reconciliation(number))
    },
  )
}

function viewOf({ since: _, ...one }: Export): ExportAnswer {
  return one
}

function statusOf({ states, stats, ...status }: ExportStatus): Omit<ExportWholeAnswer['status'], 'removal'> {
  const { lastFault } = stats
  return {
    ...status,
    ...states,
    requests: stats.requests,
    lastFault:
      lastFault === undefined ? null : { kind: lastFault.kind, message: lastFault.message, at: lastFault.at },
  }
}

function personOf({ wanted, sent, doubt, ...entry }: PersonEntry): ExportPeopleAnswer['people'][number] {
  return { ...entry, wanted: [...wanted], sent: [...sent], doubt: [...doubt] }
}

function plain({
  examples,
  ...report
}: ReturnType<ApiParts['exports']['reconciliation']>): ReconciliationAnswer {
  return {
    ...report,
    examples: examples.map(({ who, missing, stale }) => ({
      who,
      missing: [...missing],
      stale: [...stale],
    })),
  }
}

const Cursor = z.tuple([z.enum(ADDRESS_KINDS), z.string(), z.string()])

function cursorAfter({ kind, label, value }: Address): string {
  return Buffer.from(JSON.stringify([kind, label, value])).toString('base64url')
}

/** Throws INPUT_INVALID unless `cursorAfter` made it. */
function addressFrom(cursor: string): Address {
  try {
    const [kind, label, value] = Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    return { kind, label, value }
  } catch {
    throw new ThalwegError('INPUT_INVALID', 'The cursor is not one that this list has given out')
  }
}
