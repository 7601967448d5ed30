/** What became of a record in one current, in words. */

import type { RecordAnswer } from '../../../api/routes/events.ts'
import type { Mood } from '../../elements/state-badge.tsx'
import { spoken } from '../../elements/words.ts'

export type Passage = RecordAnswer['currents'][number]
export type Outcome = Passage['fate']['outcome']

export const OUTCOME_WORDS: Readonly<Record<Outcome, { readonly word: string; readonly mood: Mood }>> = {
  delivered: { word: 'delivered', mood: 'good' },
  dead: { word: 'dead letter', mood: 'bad' },
  pending: { word: 'pending', mood: 'wait' },
  missing: { word: 'missing', mood: 'bad' },
  filtered: { word: 'filtered', mood: 'calm' },
  'out-of-scope': { word: 'not concerned', mood: 'calm' },
}

/** What matters most first. */
const ORDER: readonly Outcome[] = ['missing', 'dead', 'pending', 'delivered', 'filtered', 'out-of-scope']

export const byWeight = (a: Passage, b: Passage): number =>
  ORDER.indexOf(a.fate.outcome) - ORDER.indexOf(b.fate.outcome) || (a.current < b.current ? -1 : 1)

const FILTERED: Readonly<Record<string, string>> = {
  type_not_selected: 'Its type is not among those that the current takes.',
  no_external_user_id: 'It names no external user id, and the current asks for one.',
  not_an_event: 'It could not be read as an event.',
  skipped_by_destination: 'The destination has no place for events of its kind.',
  erased: 'What it said was erased before it was sent.',
  suppressed: 'The person was erased and stays out.',
}

const OUT_OF_SCOPE = {
  not_launched: 'The current is a draft.',
  before_launch: 'It came before the current was launched.',
  other_source: 'The current does not take events of this source.',
} as const

/** One sentence: how it ended, or why it has not. */
export function fateSentence({ fate, state }: Passage): string {
  switch (fate.outcome) {
    case 'delivered':
      return `The vendor took it${fate.batch.attempts > 1 ? ` at attempt ${fate.batch.attempts}` : ''}.`
    case 'dead':
      return fate.state === 'dead'
        ? 'The vendor refused it. It waits as a dead letter.'
        : fate.state === 'queued'
          ? 'The vendor refused it. It is on its way again.'
          : 'The vendor refused it, and the letter was discarded.'
    case 'pending':
      return state === 'running'
        ? 'Not sent yet, or not answered yet.'
        : `Not sent yet: the current is ${state}. It goes on where it stopped.`
    case 'filtered':
      return FILTERED[fate.reason] ?? `${spoken(fate.reason)}.`
    case 'out-of-scope':
      return OUT_OF_SCOPE[fate.why]
    case 'missing':
      return 'No outcome covers it. The books of this current do not balance: check its ledger.'
  }
}

/** Which types the current takes, as it was written. */
export function selectionWords({ selection: { include, exclude, externalId } }: Passage): string {
  const takes = include.includes('*') ? 'All types' : include.join(', ')
  const but = exclude.length === 0 ? '' : `, without ${exclude.join(', ')}`
  return `${takes}${but}; external user id ${externalId}`
}

export const DOORS: Readonly<Record<string, string>> = {
  'braze-currents': 'Braze Currents, Custom HTTP connector',
  'treasure-data': 'Treasure Data addresses',
  segment: 'Segment HTTP Tracking API',
  lytics: 'Lytics addresses',
  files: 'Files',
  audience: 'Membership changes of an activation',
}
