import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event } from '../../test/support/stack.ts'
import { run, startCli } from './cli.fixture.ts'

const OPEN = 'users.messages.email.Open'

test('drift list, show and acknowledge; status and inbox say that something waits', async () => {
  const { thalweg, post, hub } = await startCli()
  const tier = (id: string, loyalty_tier: unknown) =>
    event(id, { properties: { email_address: 'a@example.com', loyalty_tier } })
  const odd = { 'x\u001b[31m': 1 }
  await post([
    tier('a', 'gold'),
    tier('b', 'silver'),
    tier('c', 3),
    event('d', { type: 'odd.type', properties: odd }),
    {},
  ])
  await eventually('all is counted', () => hub.drift.position === hub.log.head)

  const listed = await thalweg(['drift', 'list'])
  expect(listed.code).toBe(0)
  expect(listed.out).toMatch(
    new RegExp(
      `New field properties\\.loyalty_tier \\(string\\) on ${OPEN} from source braze: first seen \\S+ \\S+Z, 2 events, for example "gold"`,
    ),
  )
  expect(listed.out).toMatch(/Field properties\.loyalty_tier on \S+ came as integer instead of string/)
  expect(listed.out).toContain('New event type odd.type from source braze')
  expect(listed.out).toContain('New event type (no type) from source braze')

  const shown = await thalweg(['drift', 'show', OPEN])
  expect(shown.out).toMatch(/properties\.loyalty_tier +string +2 +66\.7 % +no +new field/)
  expect(shown.out).toContain('[redacted]')
  const escapes = await thalweg(['drift', 'show', 'odd.type'])
  expect(escapes.out, 'bytes from outside must not steer the terminal').not.toContain('\u001b')
  expect((await thalweg(['drift', 'show', '', '--json'])).json).toMatchObject({ eventType: '' })

  expect((await thalweg(['status'])).out).toContain('4 new in what the sources send: thalweg drift list')
  expect((await thalweg(['status', '--json'])).json).toMatchObject({ unacknowledgedFindings: 4 })
  expect((await thalweg(['inbox'])).out).toContain('4 findings of the drift radar wait')

  const { findings } = (await thalweg(['drift', 'list', '--finding', 'new_field', '--json'])).json
  const known = await thalweg(['drift', 'acknowledge', findings[0].id, '--note', 'the new app'])
  expect(known.out).toBe('1 findings are acknowledged.\n')
  expect((await thalweg(['drift', 'list', '--type', OPEN])).out).not.toContain('New field')
  expect((await thalweg(['drift', 'list', '--all'])).out).toContain('acknowledged: the new app')
  expect((await thalweg(['drift', 'acknowledge', '--all', '--note', '', '--json'])).json).toEqual({
    acknowledged: 3,
  })
  expect((await thalweg(['drift', 'list'])).out).toBe('Nothing new was found.\n')
  expect((await thalweg(['status'])).out).not.toContain('drift')
})

test.each([
  [['drift', 'acknowledge', '--note', 'x'], /name findings/],
  [['drift', 'acknowledge', 'abc', '--all', '--note', 'x'], /name findings/],
  [['drift', 'acknowledge', 'abc'], /--note/],
  [['drift', 'show'], /missing required argument/],
  [['drift', 'list', '--since', 'yesterday'], /is not a time/],
])('%j is a wrong command line', async (args, err) => {
  const ran = await run(args)
  expect([ran.code, ran.out]).toEqual([2, ''])
  expect(ran.err).toMatch(err)
})
