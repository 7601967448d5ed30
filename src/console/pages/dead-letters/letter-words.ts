/** What the states and faults of dead letters mean, in words. */

export const STATES = ['dead', 'queued', 'delivered', 'discarded'] as const
export type LetterState = (typeof STATES)[number]

export const STATE_WORDS: Readonly<Record<LetterState, string>> = {
  dead: 'Waiting for you',
  queued: 'On their way again',
  delivered: 'Delivered since',
  discarded: 'Discarded',
}

interface FaultWords {
  readonly title: string
  /** What to do. */
  readonly next: string
}

const FAULTS: Readonly<Record<string, FaultWords>> = {
  invalid: {
    title: 'The vendor refused this record',
    next: 'Sent again as it is, it will most likely be refused again. Change what the vendor objects to, then redrive it.',
  },
  oversized: {
    title: 'The record was too large for the vendor',
    next: 'Take out what it can do without, then redrive it.',
  },
  unmatched: {
    title: 'The vendor did not know this person',
    next: 'Redrive it once the person exists there.',
  },
  unclear: {
    title: 'Nobody knows whether the vendor took it',
    next: 'It may have arrived. Look there before you redrive it, or redrive it where a second copy does no harm.',
  },
}

const OTHER: FaultWords = {
  title: 'It could not be delivered',
  next: 'Read what came back, change the event if that helps, and redrive it.',
}

export const faultWords = (fault: string): FaultWords => FAULTS[fault] ?? OTHER
