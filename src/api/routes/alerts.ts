/** What a contact should know, and how it was told. */

import * as z from 'zod'
import { ABOUT_SORTS, type About, ALERT_KINDS, type Alert } from '../../alerts/alert.ts'
import { tellingsOf } from '../../alerts/outbox.ts'
import { adviceOf } from '../../alerts/words.ts'
import { ThalwegError } from '../../core/errors.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import { currentNamed } from '../current-views.ts'
import { cursorAfter, placeOf } from '../cursor.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Note, Time, TimeOrNull } from '../schemas.ts'

const TellingView = z.object({
  event: z.enum(['raised', 'resolved']),
  channel: z.string().nullable().describe('Name of the channel; null: it was removed.'),
  recipient: z.string().describe('Address of a mail; empty for a webhook.'),
  state: z
    .enum(['gathering', 'waiting', 'sent', 'given_up', 'cancelled'])
    .describe('gathering: waits for company; waiting: is tried, again if need be, for a day.'),
  message: z.string().nullable().describe('Id of the message, in its Message-ID or webhook-id.'),
  attempts: Count,
  answer: z.string().describe('What was answered to the last attempt.'),
  triedAt: TimeOrNull,
  nextAt: TimeOrNull.describe('When it is tried next.'),
})

const AlertView = z
  .object({
    id: z.string(),
    about: z.object({ sort: z.enum(ABOUT_SORTS), name: z.string() }).nullable(),
    current: z.string().nullable().describe('Name of the current that it belongs to, if it still exists.'),
    export: z.string().nullable().describe('Name of the export, if it still exists.'),
    kind: z.enum(ALERT_KINDS),
    contact: z.string(),
    subject: z.string(),
    detail: z.string(),
    createdAt: Time,
    resolvedAt: TimeOrNull,
    acknowledgedAt: TimeOrNull,
    acknowledgedBy: z.string(),
    acknowledgeNote: z.string(),
    safe: z.string().describe('What is safe meanwhile.'),
    toDo: z.string().describe('What to do about it.'),
    told: z.array(TellingView).describe('Who was told of it, by which channel.'),
  })
  .meta({ id: 'Alert' })

export type AlertAnswer = z.output<typeof AlertView>

const AboutText = z
  .string()
  .max(200)
  .regex(new RegExp(`^(${ABOUT_SORTS.join('|')}):.+$`), 'As in current:orders')
  .transform((text): About => {
    const colon = text.indexOf(':')
    return { sort: text.slice(0, colon) as About['sort'], name: text.slice(colon + 1) }
  })

const Params = z.object({ alert: z.string().min(1).max(64).describe('Id of the alert.') })
const TAGS = ['Alerts']

export function alertRoutes(app: Api, parts: ApiParts): void {
  const { alerts, currents } = parts

  app.get(
    '/alerts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAlerts',
        summary: 'Alerts, newest first',
        querystring: z.object({
          open: z.stringbool().default(false).describe('true: only those not resolved.'),
          current: z.string().min(1).max(63).optional().describe('Name or number of a current.'),
          subject: AboutText.optional().describe('What it is about, as in current:orders or export:vip.'),
          kind: z.enum(ALERT_KINDS).optional(),
          from: z.coerce.number().int().min(0).optional().describe('Raised at or after, in milliseconds.'),
          to: z.coerce.number().int().min(0).optional().describe('Raised before, in milliseconds.'),
          limit: z.coerce.number().int().min(1).max(200).default(200),
          cursor: z.string().max(200).optional().describe('`next` of the page before.'),
        }),
        response: {
          200: z.object({
            alerts: z.array(AlertView),
            next: z.string().nullable().describe('Cursor of the next page; null: this was the last.'),
          }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { open, current, subject, kind, from, to, limit, cursor } = request.query
      const found = await alerts.list({
        open,
        limit,
        ...(current === undefined ? {} : { current: (await currentNamed(currents, current)).number }),
        ...(subject === undefined ? {} : { about: subject }),
        ...(kind === undefined ? {} : { kind }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(cursor === undefined ? {} : { before: placeOf(cursor) }),
      })
      const last = found.at(-1)
      return {
        alerts: await viewsOf(parts, found),
        next: last === undefined || found.length < limit ? null : cursorAfter(last),
      }
    },
  )

  app.get(
    '/alerts/:alert',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAlert',
        summary: 'One alert',
        params: Params,
        response: { 200: AlertView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(parts, await alerts.get(request.params.alert)),
  )

  app.post(
    '/alerts/:alert/acknowledge',
    {
      config: {
        role: 'operator',
        audit: {
          object: 'alert',
          param: 'alert',
          read: async (id) => {
            const { subject, acknowledgedBy, acknowledgeNote } = await alerts.get(id)
            return { id, name: subject, acknowledgedBy, acknowledgeNote }
          },
        },
      },
      schema: {
        tags: TAGS,
        operationId: 'acknowledgeAlert',
        summary: 'Note that somebody has seen it',
        description:
          'What happened once (log-corrupt, activation) is over with that; what lasts stays open until it ends by itself.',
        params: Params,
        body: z.strictObject({ note: Note.default('') }),
        response: { 200: AlertView, default: ErrorAnswer },
      },
    },
    async (request) => {
      return viewOf(
        parts,
        await alerts.acknowledge(request.params.alert, callerName(request), request.body.note),
      )
    },
  )
}

async function viewOf(parts: ApiParts, alert: Alert): Promise<AlertAnswer> {
  const [view] = await viewsOf(parts, [alert])
  if (view === undefined) throw new ThalwegError('DEFECT', 'An alert has no view')
  return view
}

async function viewsOf(
  { alertChannels, currents, exports, store }: ApiParts,
  alerts: readonly Alert[],
): Promise<AlertAnswer[]> {
  const tellings = await tellingsOf(
    store,
    alerts.map(({ id }) => id),
  )
  const names = new Map((await currents.list()).map(({ number, name }) => [number, name]))
  const exported = new Map((await exports.registry.list()).map(({ number, name }) => [number, name]))
  const channels = new Map((await alertChannels.list()).map(({ id, definition }) => [id, definition.name]))
  return alerts.map((alert) => ({
    ...alert,
    ...adviceOf(alert.kind),
    current: alert.current === null ? null : (names.get(alert.current) ?? null),
    export: alert.export === null ? null : (exported.get(alert.export) ?? null),
    told: (tellings.get(alert.id) ?? []).map(({ event, channel, recipient, message }) => ({
      event,
      channel: channels.get(channel) ?? null,
      recipient,
      state: message?.state ?? 'gathering',
      message: message?.id ?? null,
      attempts: message?.attempts ?? 0,
      answer: message?.answer ?? '',
      triedAt: message?.triedAt ?? null,
      nextAt: message?.state === 'waiting' ? message.nextAt : null,
    })),
  }))
}
