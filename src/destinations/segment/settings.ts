/** What an operator says about a Segment source, and the key that opens it. */

import * as z from 'zod'
import { segmentRegions } from '../../catalog/instances.ts'
import { BaseAddress, under } from '../address.ts'
import { Secret } from '../credential.ts'

const EVENT_NAMES_MAX = 1000

export const SegmentSettings = z
  .strictObject({
    region: z
      .enum([...segmentRegions.map((region) => region.name), 'custom'])
      .default('us')
      .describe(
        'Where the Segment workspace lives: us (Oregon), eu (Dublin), or custom for another host. Segment rejects or loses data sent to the wrong region.',
      ),
    host: BaseAddress.optional().describe(
      'Base address with its /v1, for region custom: a proxy, a compatible server or the sandbox, for example http://127.0.0.1:7082/v1.',
    ),
    includeAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Also send events of users without an external id, with their Braze id as anonymousId. Otherwise those are filtered.',
      ),
    eventNames: z
      .record(z.string().min(1).max(200), z.string().min(1).max(200))
      .refine(
        (names) => Object.keys(names).length <= EVENT_NAMES_MAX,
        `There are more than ${EVENT_NAMES_MAX} names`,
      )
      .default({})
      .describe('Segment event name per Currents event type, instead of the usual one.'),
    keepEventType: z
      .boolean()
      .default(true)
      .describe(
        'Send the Currents event type as the property event_type. The usual names of LINE and RCS events are bare verbs, such as Sent, that nothing else tells apart.',
      ),
  })
  .superRefine((settings, context) => {
    if ((settings.region === 'custom') === (settings.host !== undefined)) return
    const message = settings.host === undefined ? 'Region custom needs a host' : 'A host needs region custom'
    context.addIssue({ code: 'custom', path: ['host'], message })
  })
export type SegmentSettings = z.infer<typeof SegmentSettings>

export const SegmentCredentials = z.strictObject({
  writeKey: Secret.regex(/^[^:]*$/, 'A write key holds no colon').describe(
    'Write key of the Segment source.',
  ),
})
export type SegmentCredentials = z.infer<typeof SegmentCredentials>

/** Address of the batch call. */
export function batchUrl(settings: SegmentSettings): string {
  const base = settings.host ?? segmentRegions.find((region) => region.name === settings.region)?.api
  return under(base ?? '', '/batch')
}
