/** The example of the partner page, posted to each door, arrives at the vendors as their pages say. */

import { expect, test } from 'vitest'
import { columnsOf } from '../../src/sandbox/treasure-data-rows.ts'
import { SOURCE, segment, startStack, treasureDataPostback } from '../support/stack.ts'

/** As the page prints it: the id stands in user_id only, the event type is spelt in the singular, the indentation is uneven. */
const EXAMPLE = `{
    "events": [
        {
            "event_type": "users.message.email.Open",
            "id": "a1234567-89ab-cdef-0123-456789abcdef",
            "time": 1477502783,
            "user": {
                "user_id": "user_id",
                "timezone": "America/Chicago"
        },
            "properties": {
                "campaign_id": "11234567-89ab-cdef-0123-456789abcdef",
                "campaign_name": "Test Campaign",
                "dispatch_id": "12345qwert",
                "message_variation_id": "c1234567-89ab-cdef-0123-456789abcdef",
                "email_address": "test@example.com",
                "send_id": "f123456789abcdef01234567",
                "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/67.0.3396.99 Safari/537.36"
            }
        }
    ]
}`
const TD_KEY = '7/89abcdef0123456789abcdef0123456789abcdef'

const doors = [
  {
    door: 'Currents',
    send: (url: string) =>
      fetch(`${url}/currents/${SOURCE}`, {
        method: 'POST',
        headers: { authorization: 'Bearer test-source-token' },
        body: EXAMPLE,
      }),
    source: SOURCE,
  },
  {
    door: 'Postback',
    send: (url: string) =>
      fetch(`${url}/postback/v3/event/braze_db/braze_events?td_write_key=${encodeURIComponent(TD_KEY)}`, {
        method: 'POST',
        body: EXAMPLE,
      }),
    source: 'td-export',
  },
]

test.each(doors)(
  '$door door: one row whose events column is the array; one track call with the anonymous id',
  async ({ send, source }) => {
    const stack = await startStack()
    const { hub, sandbox } = stack
    await hub.sources.create({
      name: 'td-export',
      kind: 'treasure-data',
      settings: { database: 'braze_db', table: 'braze_events' },
      token: TD_KEY,
    })
    const from = { sources: [source] }
    const everyone = { ...from, externalId: 'optional' }
    await stack.launch('td', treasureDataPostback(sandbox), everyone)
    await stack.launch('segment', segment(sandbox, { includeAnonymous: true }), everyone)
    const strict = await stack.launch('td-strict', treasureDataPostback(sandbox), from)

    const answer = await send(hub.url)
    expect(answer.status).toBe(200)
    await stack.settled()

    const rows = sandbox.treasureData.vendor.rows()
    expect(rows).toHaveLength(1)
    const columns = columnsOf(rows[0] as (typeof rows)[number])
    expect(Object.keys(columns).sort()).toEqual(['events', 'time'])
    expect(JSON.parse(String(columns.events))).toEqual(JSON.parse(EXAMPLE).events)

    const tracked = sandbox.segment.vendor.events()
    expect(tracked).toHaveLength(1)
    const [example] = JSON.parse(EXAMPLE).events
    expect(tracked[0]).toMatchObject({
      type: 'track',
      event: 'Email Opened',
      anonymousId: 'user_id',
      timestamp: '2016-10-26T17:26:23.000Z',
      context: { traits: { email: 'test@example.com' } },
      properties: {
        campaign_id: example.properties.campaign_id,
        send_id: example.properties.send_id,
        user_agent: example.properties.user_agent,
      },
    })
    expect(tracked[0]?.userId).toBeUndefined()
    expect(tracked[0]?.properties).not.toHaveProperty('email_address')

    // The page: no event without external_user_id is sent. It is not lost either: it is filtered, with the reason, in the books.
    const books = await hub.delivery.checkBooks(strict.number)
    expect(books).toMatchObject({
      accepted: 1,
      delivered: 0,
      filtered: 1,
      dead: 0,
      pending: 0,
      balanced: true,
    })
    expect(books?.reasons).toEqual([{ outcome: 'filtered', reason: 'no_external_user_id', count: 1 }])
  },
)
