/**
 * The tour through the demo: what happens, what to press, and when a step is done. Each step is done by what the hub says or by where one is,
 * so that who wanders off finds the tour where they come back to it. What is to be pressed, and a word when it is met first, stand between
 * asterisks.
 */

export interface TourFacts {
  readonly path: string
  /** Dead letters that wait for a person, and those there ever were; undefined before it is known. */
  readonly openLetters: number | undefined
  readonly letters: number | undefined
  /** How the demo's current to the HTTP receiver stands; undefined before it is known. */
  readonly webhook: string | undefined
  /** Whether the HTTP receiver refuses our token now, and whether it ever did. */
  readonly receiverRefuses: boolean
  readonly receiverRefused: boolean
  /** Runs of the demo's activation that ended: dry ones and real ones. */
  readonly dryRuns: number
  readonly realRuns: number
  /** One of them is under way. */
  readonly isRunning: boolean
}

export interface TourStep {
  readonly title: string
  readonly words: string
  /** Where it happens. */
  readonly to: string
  readonly place: string
  readonly isDone: (facts: TourFacts) => boolean
  /** Said while it is not done: how far it is. undefined: it is for the reader to do something. */
  readonly waiting?: (facts: TourFacts) => string | undefined
  /** Said when it is. */
  readonly done?: string
}

const ACTIVATION = 'email-openers'

export const STEPS: readonly TourStep[] = [
  {
    title: 'Events flow',
    words:
      'A simulated Braze sends events: an e-mail was sent, somebody opened it. Thalweg has each one on disk before it answers, and carries it to four destinations: Treasure Data, Segment, a plain HTTP receiver and its own warehouse. Whatever carries events to one destination is called a *current*. Numbers and lines show what moves this second.',
    to: '/',
    place: 'the loop',
    isDone: ({ path }) => path === '/',
  },
  {
    title: 'A destination refuses',
    words:
      'Half a minute after the start, Treasure Data refuses five events. They are set aside as *dead letters*, with the reason, and everything else flows on.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ path, letters }) => path.startsWith('/dead-letters') && (letters ?? 0) > 0,
    waiting: ({ letters }) =>
      letters === 0 ? 'Nothing is refused yet. The list fills by itself, within half a minute.' : undefined,
    done: 'They are in the list.',
  },
  {
    title: 'Look at one',
    words:
      'Press the *id* of a dead letter, at the left of its row. You see what Treasure Data answered and, further down, the event and the request as it was sent. There you could change the event and save it.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ path }) => /^\/dead-letters\/./.test(path),
    waiting: ({ openLetters }) =>
      openLetters === 0
        ? 'None waits any more; with the state “Any state” they are all in the list.'
        : undefined,
    done: 'This is one.',
  },
  {
    title: 'Send them again',
    words:
      'To *redrive* is to send again. On the page of the dead letter, press *Redrive*, then *Redrive now*. Then go back to the list, press *Choose all*, and *Redrive* the rest together. Treasure Data refused those five whatever they said; now it takes them.',
    to: '/dead-letters',
    place: 'the dead letters',
    isDone: ({ openLetters }) => openLetters === 0,
    waiting: ({ openLetters }) =>
      openLetters === undefined ? undefined : `${openLetters} still ${openLetters === 1 ? 'waits' : 'wait'}.`,
    done: 'None waits any more.',
  },
  {
    title: 'The books balance',
    words:
      'For each current every event is counted once: delivered, filtered (not for this destination), dead, or pending (still on its way). Together they are what was accepted. Press *Check the books*: the sum is right, with those that you sent again.',
    to: '/currents/treasure-data/ledger',
    place: 'the books',
    isDone: ({ path }) => path === '/currents/treasure-data/ledger',
  },
  {
    title: 'A halt',
    words:
      'A minute after the start, the HTTP receiver refuses our token. Its current, *webhook*, halts and says why. It loses nothing: events wait on disk. Two minutes after the start the receiver takes the token again; then press *Resume*, and what waited is delivered.',
    to: '/currents/webhook',
    place: 'the current webhook',
    isDone: ({ webhook, receiverRefuses, receiverRefused }) =>
      receiverRefused && !receiverRefuses && webhook === 'running',
    waiting: ({ webhook, receiverRefuses, receiverRefused }) =>
      receiverRefuses
        ? 'The receiver still refuses the token. Wait for it, or skip this.'
        : !receiverRefused
          ? 'The receiver still takes the token. It refuses a minute after the start.'
          : webhook === 'halted'
            ? 'The receiver takes the token again: press Resume.'
            : undefined,
    done: 'It goes on where it stopped; nothing was lost.',
  },
  {
    title: 'An audience, tried first',
    words:
      'Now the other direction. A query finds who opened an e-mail, and an *activation* brings them to Braze as a cohort, a list of people. Press *Dry run*: it says who would be added or removed and what it would cost, and sends nothing.',
    to: `/activations/${ACTIVATION}`,
    place: 'the activation',
    isDone: ({ dryRuns }) => dryRuns > 0,
    waiting: ({ isRunning }) => (isRunning ? 'It runs; the first one takes a few seconds.' : undefined),
    done: 'It has ended. Nothing was sent; the lists further down say who it would be.',
  },
  {
    title: 'Now for real',
    words: 'Press *Run now*, then *Run*. When it has ended, its numbers agree: read, added, sent, accepted.',
    to: `/activations/${ACTIVATION}`,
    place: 'the activation',
    isDone: ({ realRuns }) => realRuns > 0,
    waiting: ({ isRunning }) => (isRunning ? 'It runs.' : undefined),
    done: 'It has ended.',
  },
  {
    title: 'See it at Braze',
    words:
      'The simulated Braze has the cohort now. Under “What it keeps”, press *Members of the cohort E-mail openers* to see the same people. That is the whole loop. The compass in the head of the page calls this tour again.',
    to: '/sandbox/braze',
    place: 'the simulated Braze',
    isDone: ({ path }) => path.startsWith('/sandbox/braze'),
  },
]

export const TOUR_ACTIVATION = ACTIVATION
export const TOUR_CURRENT = 'webhook'
export const TOUR_RECEIVER = 'http'
