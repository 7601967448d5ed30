/**
 * The tour through the demo: what happens, what to press, and when a step is done. Each step is done by what the hub says or by where one is,
 * so that who wanders off finds the tour where they come back to it.
 */

export interface TourFacts {
  readonly path: string
  /** Dead letters that wait for a person; undefined before it is known. */
  readonly openLetters: number | undefined
  /** Runs of the demo's activation: dry ones and real ones that ended. */
  readonly dryRuns: number
  readonly endedRuns: number
}

export interface TourStep {
  readonly title: string
  readonly words: string
  /** Where it happens. */
  readonly to?: string
  readonly place?: string
  /** undefined: done when one says so. */
  readonly isDone?: (facts: TourFacts) => boolean
  /** Said while one can only wait for it. */
  readonly waiting?: (facts: TourFacts) => string | undefined
}

const ACTIVATION = 'email-openers'

export const STEPS: readonly TourStep[] = [
  {
    title: 'Events flow',
    words:
      'A simulated Braze sends events. The hub has each one on disk before it answers, and carries it to four destinations: Treasure Data, Segment, a plain HTTP receiver and the warehouse. The lines move as fast as the events do.',
    to: '/',
    place: 'the loop',
  },
  {
    title: 'A destination refuses',
    words:
      'Half a minute after the start, Treasure Data refuses five records. They are set aside as dead letters, with the reason; everything else flows on. Open the dead letters.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ path, openLetters }) => path.startsWith('/dead-letters') && (openLetters ?? 0) > 0,
    waiting: ({ openLetters }) =>
      (openLetters ?? 0) > 0 ? undefined : 'Nothing was refused yet. This takes about half a minute.',
  },
  {
    title: 'Look at one, and mend it',
    words:
      'Choose a dead letter. You see what the vendor answered, the event, and the request as it left. Change something in the event if you like, and save it.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ path }) => /^\/dead-letters\/./.test(path),
  },
  {
    title: 'Redrive',
    words:
      'Send them again: redrive this one, then go back to the list, choose the others and redrive them together. Our Treasure Data refused those five whatever they said; this time it takes them.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ openLetters }) => openLetters === 0,
    waiting: ({ openLetters }) =>
      openLetters === undefined || openLetters === 0 ? undefined : `${openLetters} still wait.`,
  },
  {
    title: 'The books balance',
    words:
      'Every record of a current is delivered, filtered, dead or pending, and the sum is what was accepted. Check it: the numbers close, the redriven ones included.',
    to: '/currents/treasure-data/ledger',
    place: 'the ledger',
    isDone: ({ path }) => path.endsWith('/ledger'),
  },
  {
    title: 'A halt',
    words:
      'A minute after the start, the HTTP receiver refuses our token. The current halts and says why; it loses nothing, and goes on where it stopped when the token works again. The receiver takes the token again after two and a half minutes; then press Resume, or wait until the current tries by itself.',
    to: '/currents/webhook',
    place: 'the current webhook',
    isDone: ({ path }) => path.startsWith('/currents/webhook'),
  },
  {
    title: 'An audience, first dry',
    words:
      'The other direction: a query finds who opened an e-mail, and an activation makes a cohort of them in Braze. Start a dry run: it shows who would come and go and what it would cost, and sends nothing.',
    to: `/activations/${ACTIVATION}`,
    place: 'the activation',
    isDone: ({ dryRuns }) => dryRuns > 0,
  },
  {
    title: 'Now for real',
    words: 'Press Run now. When the run has ended, its numbers close: read, added, sent, accepted.',
    to: `/activations/${ACTIVATION}`,
    place: 'the activation',
    isDone: ({ endedRuns }) => endedRuns > 0,
  },
  {
    title: 'See it at the vendor',
    words: 'The simulated Braze has the cohort now, with the same people. That is the whole loop.',
    to: '/sandbox/braze',
    place: 'the Braze double',
    isDone: ({ path }) => path.startsWith('/sandbox'),
  },
]

export const TOUR_ACTIVATION = ACTIVATION
