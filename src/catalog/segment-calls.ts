/** Kinds of calls of the Segment HTTP Tracking API: the last part of an address there, and the `type` of a message. */
export const SEGMENT_CALLS = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const
export type SegmentCall = (typeof SEGMENT_CALLS)[number]

/** The type of the record that such a call is in the log. */
export function segmentType(call: SegmentCall): `segment.${SegmentCall}` {
  return `segment.${call}`
}
