/** What delivery's own tables say of somebody who is erased. Dead letters stay where they are in the books, with nothing in them. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { DeadLettersTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recountLetters } from './letter-counts.ts'

const NOTHING = Buffer.from('{"erased":true}')

/** Once the log is erased and no connection holds anything older. Dry: counts only. */
export async function forgetInDelivery(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const masked = (text: string): string | undefined => {
    const blotted = traces.masked(text)
    return blotted === text ? undefined : blotted
  }
  const letters = await editRows(
    store,
    {
      table: 'dead_letters',
      key: ['id'],
      columns: ['event_id', 'event', 'edited', 'sent', 'answer', 'message', 'note', 'state'],
    },
    isDry,
    (row) => forgottenLetter(row, traces),
  )
  if (!isDry && letters > 0) await recountLetters(store)
  const excerpts = await editRows(
    store,
    { table: 'quarantine', key: ['offset'], columns: ['excerpt'] },
    isDry,
    ({ excerpt }) => (traces.bearingOf(excerpt) === 'none' ? undefined : { excerpt: '' }),
  )
  const reasons = await editRows(
    store,
    { table: 'replays', key: ['id'], columns: ['reason'] },
    isDry,
    ({ reason }) => {
      const blotted = masked(reason)
      return blotted === undefined ? undefined : { reason: blotted }
    },
  )
  return [
    { place: 'dead letters', rows: letters },
    { place: 'quarantined items', rows: excerpts },
    { place: 'replays', rows: reasons },
  ]
}

type Letter = Pick<
  DeadLettersTable,
  'event_id' | 'event' | 'edited' | 'sent' | 'answer' | 'message' | 'note' | 'state'
>

function forgottenLetter(letter: Letter, traces: Traces): Partial<Letter> | undefined {
  const { event, edited, sent, answer, message, note, state } = letter
  const texts = [event, edited ?? '', sent, answer, message, note]
  const bearings = texts.map((text) => traces.bearingOf(text))
  if (bearings.every((bearing) => bearing === 'none')) return undefined
  // An answer or a note that is no JSON tells nothing of whose letter it is.
  const isTheirs = bearings.slice(0, 2).includes('theirs') || traces.bearingOf(letter.event_id) !== 'none'
  if (!isTheirs) {
    return {
      event: maskedBytes(event, traces),
      edited: edited === null ? null : maskedBytes(edited, traces),
      sent: traces.masked(sent),
      answer: traces.masked(answer),
      message: traces.masked(message),
      note: traces.masked(note),
    }
  }
  return {
    event_id: traces.masked(letter.event_id),
    event: NOTHING,
    edited: null,
    sent: '{}',
    answer: '',
    message: 'Erased',
    note: '',
    // Nothing is left to be sent.
    state: state === 'delivered' ? state : 'discarded',
  }
}

function maskedBytes(bytes: Uint8Array, traces: Traces): Uint8Array {
  return Buffer.from(traces.masked(Buffer.from(bytes).toString()))
}
