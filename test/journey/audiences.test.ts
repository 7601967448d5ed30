/** Audiences over profiles: kept up to date as records come, by the clock, and when their rules change; told by API and terminal alike. */

import { expect, test } from 'vitest'
import { type CliStack, startCli } from '../../src/cli/cli.fixture.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { Field } from '../../src/profiles/schema.ts'
import { eventually } from '../support/eventually.ts'

const TOKEN = 'lytics-token'
const BEGIN = Date.parse('2026-03-31T12:00:00Z')
const DAY = 86_400_000

async function begun(): Promise<CliStack & { readonly clock: VirtualClock }> {
  const clock = new VirtualClock(BEGIN)
  const stack = await startCli({ clock })
  const { hub } = stack
  await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token: TOKEN })
  const { definition } = hub.profiles.schemas.present
  const more = [
    { name: 'visits', type: 'int' },
    { name: 'seen', type: 'date' },
  ]
  await hub.profiles.revise(
    {
      ...definition,
      fields: [...definition.fields, ...more.map((field) => Field.parse(field))],
      streams: definition.streams.map((stream) => ({
        ...stream,
        mappings: [
          ...stream.mappings,
          { field: 'visits', expression: 'toint(visits)' },
          { field: 'seen', expression: 'todate(seen)' },
        ],
      })),
    },
    'what rules ask',
    'test',
  )
  return { ...stack, clock }
}

async function send({ hub }: CliStack, records: readonly object[]): Promise<void> {
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: TOKEN },
    body: JSON.stringify(records),
  })
  expect(answer.status).toBe(200)
}

function person(n: number): object {
  const seen = new Date(BEGIN - (n % 10) * DAY).toISOString()
  return { external_id: `u${n}`, email: `p${n}@example.com`, city: n % 2 ? 'Rome' : 'Oslo', visits: n, seen }
}

test('an audience follows its people, the clock and its rule, and tells about all of it', async () => {
  const stack = await begun()
  const { call, thalweg, clock, hub } = stack
  const sizeOf = async (slug: string): Promise<number> =>
    (await call('viewer', 'GET', `/api/v1/audiences/${slug}`)).json.size
  const sized = (slug: string, size: number) =>
    eventually(`${slug} has ${size} members`, async () => (await sizeOf(slug)) === size)

  // Kept by API and by terminal, as text and as a tree.
  const text = '-- lately\nFILTER seen > "now-5d"\nALIAS recent'
  const made = await thalweg(['audiences', 'create', '-', '--name', 'Lately here'], { stdin: text })
  expect(made.out).toContain('Lately here')
  const romans = await call('operator', 'POST', '/api/v1/audiences', {
    slug: 'romans',
    filter: {
      op: 'and',
      args: [
        { op: 'include', args: [{ seg: 'recent' }] },
        { op: '=', args: [{ ident: 'city' }, { val: 'Rome' }] },
      ],
    },
  })
  expect(romans.status).toBe(201)
  expect(romans.json).toMatchObject({ slug: 'romans', includes: ['recent'], fields: ['city'], size: 0 })

  await send(
    stack,
    Array.from({ length: 20 }, (_, n) => person(n)),
  )
  // Of n % 10 the days 0 to 4 are after now-5d.
  await sized('recent', 10)
  await sized('romans', 4)
  const preview = { filter: 'FILTER INCLUDE romans' }
  expect((await call('operator', 'POST', '/api/v1/audiences/preview', preview)).json).toMatchObject({
    ...{ size: 4, exact: true, looked: 20, profiles: 20 },
  })

  const against = await thalweg(['audiences', 'preview', '-', '--against', 'romans'], {
    stdin: 'FILTER city = "Rome"',
  })
  expect(against.out).toContain('6 would enter, 0 would leave')
  expect((await thalweg(['audiences', 'show', 'recent'])).out).toMatch(/needed by +the audience romans/)
  const [listed] = (await call('viewer', 'GET', '/api/v1/audiences')).json.audiences
  expect(listed).toMatchObject({ slug: 'recent', size: 10, change: { entered: 10, left: 0 } })

  expect((await call('viewer', 'GET', '/api/v1/audience-progress')).json).toEqual({
    judging: false,
    pending: 0,
  })

  // A record: who was seen now enters.
  await send(stack, [{ external_id: 'u5', seen: new Date(BEGIN).toISOString() }])
  await sized('recent', 11)
  await sized('romans', 5)

  // The clock: in the first second of the second day those of the fourth day back are out, without any record.
  await clock.advance(DAY)
  await sized('recent', 9)
  await sized('romans', 5)

  // The rule.
  const noted = ['--note', 'longer', '--slug', 'of_late']
  const revised = await thalweg(['audiences', 'revise', 'recent', '-', ...noted], {
    stdin: 'FILTER seen > "now-9d"',
  })
  expect(revised.err).toBe('')
  await sized('of_late', 16)
  await sized('romans', 8)
  expect((await call('viewer', 'GET', '/api/v1/audiences/romans')).json.includes).toEqual(['of_late'])

  // Who, when and why.
  const moves = (await call('viewer', 'GET', '/api/v1/audiences/of_late/moves?limit=1000')).json.moves
  const causes = moves.map(({ cause, entered }: { cause: string; entered: boolean }) => `${cause} ${entered}`)
  expect(new Set(causes)).toEqual(new Set(['record true', 'clock false', 'definition true']))
  const then = BEGIN + DAY / 2
  const at = await call('viewer', 'GET', `/api/v1/audiences/of_late/members?at=${then}`)
  expect(at.json.members).toHaveLength(11)
  expect(at.json.members[0].identifiers).toContainEqual({ field: 'email', value: '•••' })
  expect((await call('viewer', 'GET', `/api/v1/audiences/of_late/size?at=${then}`)).json).toEqual({
    size: 11,
  })
  const compared = await thalweg([
    ...['audiences', 'compare', 'of_late', '--from', String(then), '--to', String(clock.now()), '--json'],
  ])
  expect(compared.json).toMatchObject({ sizeAtA: 11, sizeAtB: 16, entered: 5, left: 0 })
  const sizes = await call(
    'viewer',
    'GET',
    `/api/v1/audiences/of_late/sizes?from=${BEGIN - 1}&to=${BEGIN + DAY - 1}&step=${DAY}`,
  )
  expect(sizes.json.points).toEqual([{ at: BEGIN + DAY - 1, size: 11, entered: 11, left: 0 }])

  const why = await call('viewer', 'GET', '/api/v1/audiences/romans/why?field=email&value=P1@example.com')
  expect(why.json).toMatchObject({
    since: BEGIN,
    why: {
      ...{ text: 'AND', holds: true },
      parts: [
        { text: 'INCLUDE of_late', audience: 'of_late', holds: true, flipAt: BEGIN + 8 * DAY },
        { text: 'city = "Rome"', condition: { actual: 'Rome' } },
      ],
    },
  })
  const told = await thalweg(['audiences', 'why', 'romans', 'external_id=u0', '--no-color'])
  expect(told.out).toContain('is not in it')
  expect(told.out).toMatch(/no {4}city = "Rome" {3}found Oslo/)

  // Personal values are for those who may see them.
  const sample = async (role: 'viewer' | 'operator') =>
    (await call(role, 'GET', '/api/v1/audiences/romans/sample?limit=1')).json.people[0].fields
  expect(await sample('operator')).toMatchObject({ city: 'Rome', email: expect.stringContaining('@') })
  expect(await sample('viewer')).toMatchObject({ city: 'Rome', email: '•••' })

  // What is needed stays; what is deleted is left, and its history can still be told.
  const fields = hub.profiles.schemas.present.definition.fields.filter(({ name }) => name !== 'seen')
  await expect(
    hub.profiles.revise(
      {
        ...hub.profiles.schemas.present.definition,
        fields,
        streams: hub.profiles.schemas.present.definition.streams.map((stream) => ({
          ...stream,
          mappings: stream.mappings.filter(({ field }) => field !== 'seen'),
        })),
      },
      '',
      'test',
    ),
  ).rejects.toMatchObject({ code: 'FILTERQL_INVALID' })
  const kept = await thalweg(['audiences', 'delete', 'of_late', '--yes'])
  expect(kept.err).toContain('still needed by the audience romans')
  const { number } = (await call('viewer', 'GET', '/api/v1/audiences/romans')).json
  expect((await thalweg(['audiences', 'delete', 'romans', '--yes'])).out).toContain('Deleted romans.')
  await eventually('nobody is in it any more', async () => {
    const { json } = await call('viewer', 'GET', `/api/v1/audiences/${number}/size`)
    return json.size === 0
  })
  expect((await call('viewer', 'GET', '/api/v1/audiences/romans')).json.error.code).toBe('AUDIENCE_UNKNOWN')
  const history = await call('viewer', 'GET', `/api/v1/audiences/${number}/size?at=${then}`)
  expect(history.json.size).toBe(5)
})

test('what is wrong with a rule is shown where it is', async () => {
  const { call, thalweg } = await startCli()
  const filter = 'FILTER AND (\n  cty = "Rome"\n)'
  const refused = await call('viewer', 'POST', '/api/v1/audiences/validate', { filter })
  expect(refused.status).toBe(422)
  expect(refused.json.error).toMatchObject({
    code: 'FILTERQL_INVALID',
    message: 'Line 2, column 3: There is no field cty; do you mean city?',
    details: { line: 2, column: 3, excerpt: '  cty = "Rome"\n  ^^^' },
  })
  const failed = await thalweg(['audiences', 'validate', '-'], { stdin: filter })
  expect(failed.code).toBe(1)
  expect(failed.err).toContain('  cty = "Rome"\n  ^^^\n')
  const valid = await thalweg(['audiences', 'validate', '-'], { stdin: 'filter "Rome" == city' })
  expect(valid.out).toBe('FILTER city = "Rome"\n')
  expect((await call('viewer', 'POST', '/api/v1/audiences', { slug: 'a', filter: 'FILTER *' })).status).toBe(
    403,
  )
  expect((await call('viewer', 'GET', '/api/v1/audiences')).json).toEqual({ audiences: [] })
  expect((await thalweg(['audiences', 'list'])).out).toContain('There are no audiences')
})
