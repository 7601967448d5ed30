/** What a contact should know. */

import * as z from 'zod'
import { ALERT_KINDS } from '../../delivery/alerts.ts'
import type { Api } from '../app.ts'
import { currentNamed } from '../current-views.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, Time, TimeOrNull } from '../schemas.ts'

const AlertView = z
  .object({
    id: z.string(),
    current: z.string().nullable(),
    export: z.string().nullable(),
    kind: z.enum(ALERT_KINDS),
    contact: z.string(),
    subject: z.string(),
    detail: z.string(),
    createdAt: Time,
    resolvedAt: TimeOrNull,
  })
  .meta({ id: 'Alert' })

export type AlertAnswer = z.output<typeof AlertView>

export function alertRoutes(app: Api, { currents, delivery, exports }: ApiParts): void {
  app.get(
    '/alerts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['Alerts'],
        operationId: 'listAlerts',
        summary: 'Alerts, newest first; at most 200',
        querystring: z.object({
          open: z.stringbool().default(false).describe('true: only those not resolved.'),
          current: z.string().min(1).max(63).optional(),
        }),
        response: { 200: z.object({ alerts: z.array(AlertView) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { open, current } = request.query
      const alerts = await delivery.alerts.list({
        open,
        ...(current === undefined ? {} : { current: (await currentNamed(currents, current)).number }),
      })
      const names = new Map((await currents.list()).map(({ number, name }) => [number, name]))
      const exported = new Map((await exports.registry.list()).map(({ number, name }) => [number, name]))
      return {
        alerts: alerts.map((alert) => ({
          ...alert,
          current: alert.current === null ? null : (names.get(alert.current) ?? null),
          export: alert.export === null ? null : (exported.get(alert.export) ?? null),
        })),
      }
    },
  )
}
