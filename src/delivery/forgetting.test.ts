/** On both stores: dead letters keep their place in the books with nothing in them; whoever else is named in a row keeps it. */

import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { Traces } from '../core/traces.ts'
import type { DeadLettersTable } from '../store/schema.ts'
import { forgetInDelivery } from './forgetting.ts'

const WHO = new Traces([{ kind: 'external_id', label: '', value: 'person-to-forget' }])

function letter(id: string, user: string, also: Partial<DeadLettersTable> = {}): DeadLettersTable {
  return {
    id,
    current: 1,
    record_offset: Number(id),
    event_id: `event-${id}`,
    event_type: 't',
    received_at: 1,
    version: 1,
    batch: 'b',
    replay: null,
    fault: 'invalid',
    reason: 'invalid',
    message: 'refused',
    status: 400,
    event: Buffer.from(JSON.stringify({ user: { external_user_id: user } })),
    edited: null,
    sent: '{}',
    answer: '',
    attempts: 1,
    state: 'dead',
    note: '',
    created_at: 1,
    updated_at: 1,
    ...also,
  }
}

describe.each(DIALECTS)('on %s', (dialect) => {
  test('letters and excerpts, over more than a page', async () => {
    const store = await freshStore(dialect)
    const letters = [
      letter('1', 'person-to-forget', {
        sent: '{"id":"person-to-forget"}',
        answer: 'person-to-forget?',
        state: 'queued',
      }),
      letter('2', 'person-to-forget', { state: 'delivered' }),
      letter('3', 'somebody', { note: 'asked by person-to-forget', answer: 'no JSON: person-to-forget' }),
      letter('4', 'somebody', { edited: Buffer.from('{"user":{"external_user_id":"person-to-forget"}}') }),
      ...Array.from({ length: 500 }, (_, i) => letter(String(1_000 + i), `somebody-${i}`)),
    ]
    for (let i = 0; i < letters.length; i += 100)
      await store.db
        .insertInto('dead_letters')
        .values(letters.slice(i, i + 100))
        .execute()
    const excerpts = ['{"id":"person-to-forget","cut', '{"note":"with person-to-forget"}', '{"id":"other"}']
    await store.db
      .insertInto('quarantine')
      .values(
        excerpts.map((excerpt, offset) => ({
          offset,
          source: 1,
          received_at: 1,
          reason: 'r',
          bytes: 9,
          excerpt,
        })),
      )
      .execute()
    const expected = [
      { place: 'dead letters', rows: 4 },
      { place: 'quarantined items', rows: 2 },
      { place: 'replays', rows: 0 },
    ]
    expect(await forgetInDelivery(store, WHO, true)).toEqual(expected)
    expect((await forgetInDelivery(store, WHO, true))[0]).toEqual(expected[0])
    expect(await forgetInDelivery(store, WHO, false)).toEqual(expected)
    expect((await forgetInDelivery(store, WHO, true)).map(({ rows }) => rows)).toEqual([0, 0, 0])

    const rows = await store.db
      .selectFrom('dead_letters')
      .selectAll()
      .where('id', 'in', ['1', '2', '3', '4'])
      .orderBy('id')
      .execute()
    const shown = rows.map((row) => ({ ...row, event: Buffer.from(row.event).toString() }))
    const nothing = {
      event: '{"erased":true}',
      edited: null,
      sent: '{}',
      answer: '',
      message: 'Erased',
      note: '',
    }
    expect(shown[0]).toMatchObject({ ...nothing, state: 'discarded', event_id: 'event-1', reason: 'invalid' })
    expect(shown[1]).toMatchObject({ ...nothing, state: 'delivered' })
    expect(shown[2]).toMatchObject({
      event: '{"user":{"external_user_id":"somebody"}}',
      note: 'asked by ****************',
      answer: 'no JSON: ****************',
      state: 'dead',
    })
    expect(shown[3]).toMatchObject({ ...nothing, state: 'discarded' })
    const kept = await store.db.selectFrom('quarantine').select('excerpt').orderBy('offset').execute()
    expect(kept.map(({ excerpt }) => excerpt)).toEqual(['', '', '{"id":"other"}'])
  })
})
