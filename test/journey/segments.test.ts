/** A segment over a company's PostgreSQL, from the command line: kept, looked at, sent as a cohort, changed, and kept from being removed. */

import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { type CliStack, startCli } from '../../src/cli/cli.fixture.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'
import { postgresDatabase } from '../support/postgres.ts'

const TABLES = `
  create table people(customer text primary key, "Mail" text, plan text, born date);
  create table purchases(who text, product text, at timestamptz);
  insert into people values
    ('ann', 'ann@x.io', 'gold', '1990-01-01'), ('bob', 'bob@x.io', 'gold', null), ('cyd', null, 'silver', '2001-05-05'),
    ('dan', 'dan@x.io', null, null);
  insert into purchases values
    ('ann', 'shoes', now() - interval '2 days'), ('ann', 'shoes', now() - interval '3 days'),
    ('bob', 'shoes', now() - interval '40 days'), ('cyd', 'hat', now() - interval '1 day');
`
const PARENT = {
  engine: 'company',
  table: 'public.people',
  key: 'customer',
  events: { table: 'purchases', key: 'who', time: 'at' },
}
const BOUGHT_LATELY = { events: { times: 'at_least', count: 1, withinDays: 30 } }
const ON_GOLD = { column: 'plan', test: 'is', value: 'gold' }

// A PostgreSQL is started, and runs with processes of their own.
const TIMEOUT = { timeout: 90_000 }

async function started(): Promise<CliStack & { readonly braze: string }> {
  const stack = await startCli()
  const database = await postgresDatabase('empty')
  onTestFinished(() => database.drop())
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(TABLES)
  await client.end()
  const reader = await stack.thalweg(
    ['authorizations', 'create', '--label', 'reader', '--provider', 'postgres', '--json'],
    { stdin: JSON.stringify({ user: database.user }) },
  )
  await stack.thalweg([
    ...['engines', 'add', 'company', '--kind', 'postgres', '--authorization', reader.json.id, '--json'],
    ...['--set', `host=${database.host}`, '--set', `database=${database.database}`, '--set', 'tls=off'],
  ])
  const braze = await stack.thalweg(
    ['authorizations', 'create', '--label', 'braze', '--provider', 'braze-cohort', '--json'],
    { stdin: JSON.stringify({ importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey }) },
  )
  const { profiles } = stack.sandbox.braze.vendor
  for (const externalId of ['ann', 'bob', 'cyd']) profiles.load({ externalId }, 0)
  return { ...stack, braze: braze.json.id }
}

const members = ({ sandbox }: CliStack): string[] =>
  [...(sandbox.braze.vendor.cohorts.get(DEMO.brazePartner, 'buyers')?.members ?? [])]
    .map(({ externalId = '' }) => externalId)
    .sort()

test('a segment becomes a cohort, and the cohort follows it', TIMEOUT, async () => {
  const stack = await started()
  const { thalweg, sandbox, braze } = stack
  const definition = { name: 'buyers', description: 'who bought lately', parent: PARENT, rule: BOUGHT_LATELY }
  const made = await thalweg(['segments', 'create', '-'], {
    stdin: JSON.stringify(definition),
    terminal: false,
  })
  expect([made.code, made.out]).toEqual([0, expect.stringContaining('public.people, known by customer')])
  const preview = await thalweg(['segments', 'preview', 'buyers', '--sql', '--no-color'], { terminal: true })
  expect(preview.out).toMatch(/^2 people\n/)
  expect(preview.out).toContain('ann@x.io')

  const activation = {
    name: 'buyers',
    contactEmail: 'contact@example.com',
    query: { segment: 'buyers', columns: { user_ids: 'customer', mail: 'Mail' } },
    aliases: ['mail'],
    operation: 'mirror',
    brake: { removedShareMax: 1 },
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'buyers' },
      authorization: braze,
    },
  }
  const sent = await thalweg(['activations', 'create', '-', '--json'], { stdin: JSON.stringify(activation) })
  expect([sent.code, sent.err]).toEqual([0, ''])
  expect((await thalweg(['activations', 'show', 'buyers'])).out).toContain(
    'buyers (user_ids = customer, mail = Mail)',
  )
  expect((await thalweg(['activations', 'run', 'buyers', '--json'])).json).toMatchObject({
    state: 'succeeded',
    report: { rows: 2, added: 2 },
  })
  expect(members(stack)).toEqual(['ann', 'cyd'])

  const revised = { ...definition, rule: { all: [ON_GOLD, { not: { column: 'born', test: 'is_not_set' } }] } }
  const note = ['--note', 'gold only', '--json']
  const told = await thalweg(['segments', 'revise', 'buyers', '-', ...note], {
    stdin: JSON.stringify(revised),
  })
  expect(told.json).toMatchObject({ version: 2, author: expect.any(String), note: 'gold only' })
  expect((await thalweg(['activations', 'run', 'buyers', '--json'])).json.report).toMatchObject({
    unchanged: 1,
    removed: 1,
  })
  expect(members(stack)).toEqual(['ann'])
  const shown = await thalweg(['segments', 'show', 'buyers', '--json'])
  expect(shown.json.versions.map((one: { version: number }) => one.version)).toEqual([2, 1])

  const refused = await thalweg(['segments', 'delete', 'buyers', '--yes'])
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('is sent by buyers')])
  await thalweg(['activations', 'delete', 'buyers', '--yes'])
  expect((await thalweg(['segments', 'delete', 'buyers', '--yes'])).code).toBe(0)
  expect((await thalweg(['segments', 'list', '--json'])).json).toEqual({ segments: [] })
})

test('what is no segment is refused with a reason', TIMEOUT, async () => {
  const { call } = await started()
  const definition = { name: 'x', parent: PARENT, rule: ON_GOLD }
  expect((await call('operator', 'POST', '/api/v1/segments', definition)).status).toBe(201)
  const { events: _events, ...eventless } = PARENT
  const cases: [string, object, number, string][] = [
    ['POST /segments', definition, 409, 'SEGMENT_NAME_TAKEN'],
    ['POST /segments', { ...definition, name: 'No Name' }, 400, 'INPUT_INVALID'],
    [
      'POST /segments',
      { ...definition, name: 'y', rule: { column: 'plan', test: 'resembles' } },
      400,
      'INPUT_INVALID',
    ],
    [
      'POST /segments',
      { ...definition, name: 'y', parent: eventless, rule: BOUGHT_LATELY },
      422,
      'SEGMENT_INVALID',
    ],
    [
      'POST /segments',
      { ...definition, name: 'y', parent: { ...PARENT, engine: 'nowhere' } },
      404,
      'ENGINE_UNKNOWN',
    ],
    ['PUT /segments/x', { definition: { ...definition, name: 'y' } }, 422, 'SEGMENT_INVALID'],
    ['PUT /segments/z', { definition: { ...definition, name: 'z' } }, 404, 'SEGMENT_UNKNOWN'],
    ['GET /segments/z/preview', {}, 404, 'SEGMENT_UNKNOWN'],
    ['DELETE /segments/z', {}, 404, 'SEGMENT_UNKNOWN'],
    [
      'POST /segments/preview',
      { parent: PARENT, rule: { column: 'nosuch', test: 'is_set' } },
      422,
      'QUERY_FAILED',
    ],
  ]
  for (const [route, body, status, code] of cases) {
    const [method = '', path = ''] = route.split(' ')
    const sent = method === 'GET' ? undefined : body
    const answer = await call('operator', method as 'GET' | 'POST' | 'PUT', `/api/v1${path}`, sent)
    expect([route, answer.status, answer.json?.error.code]).toEqual([route, status, code])
  }
  const preview = await call('operator', 'POST', '/api/v1/segments/preview', {
    parent: PARENT,
    rule: ON_GOLD,
    rows: 1,
  })
  expect(preview.json).toMatchObject({ size: 2, columns: [{ name: 'customer' }, { name: 'Mail' }, {}, {}] })
  expect(preview.json.rows).toHaveLength(1)
})
