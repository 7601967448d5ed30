/**
 * Segment as a destination: each event a track call of the HTTP Tracking API, in batches. The room maps and
 * describes; it never talks to Segment, and it keeps nothing from one batch for the next but buffers.
 *
 * Segment answers 200 to nearly everything that is JSON and small enough. It looks at names, identities,
 * limits of count and even the write key later, and discards silently (Segment, HTTP API errors). So a
 * `delivered` receipt means that Segment took the request; what it discards shows only in its own debugger.
 * The mapping avoids every discard that is known beforehand.
 */

import { DELIVERED, failed } from '../../core/receipt.ts'
import type { Destination } from '../destination.ts'
import { BATCH_ENVELOPE, wrapped } from '../envelope.ts'
import { SegmentCredentials, SegmentSettings } from './settings.ts'
import { batchDraft, faultOf } from './wire.ts'
import { SEGMENT_LIMITS, SegmentWriter } from './writer.ts'

export const segment: Destination<SegmentSettings, SegmentCredentials> = {
  name: 'segment',
  title: 'Segment',
  description:
    'Track calls in a Segment source, named and shaped like those of the Braze connector "Segment.io for Currents".',
  settings: SegmentSettings,
  credentials: SegmentCredentials,
  /**
   * A batch without events. It shows that the address is right; a wrong key is only refused by servers
   * stricter than Segment.
   */
  *check(target) {
    const fault = faultOf(yield { ...batchDraft(target), body: wrapped(BATCH_ENVELOPE, []) })
    return fault === undefined ? DELIVERED : failed(fault)
  },
  events: {
    limits: () => SEGMENT_LIMITS,
    writer: (target, kernel) => new SegmentWriter(target, kernel),
  },
}
