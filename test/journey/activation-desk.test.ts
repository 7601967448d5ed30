/** What an operator does with an activation and its runs, from the command line: look, send, ask why, take the lists along, and be kept from what would break it. */

import { expect, onTestFinished, test } from 'vitest'
import { type CliStack, startCli } from '../../src/cli/cli.fixture.ts'
import { DEMO } from '../../src/sandbox/sandbox.ts'

// Several runs, each with a process of its own for its roster.
const TIMEOUT = { timeout: 90_000 }

async function started(): Promise<CliStack> {
  const stack = await startCli()
  const { thalweg, sandbox } = stack
  const { profiles } = sandbox.braze.vendor
  for (const externalId of ['ann', 'bob', 'cyd']) profiles.load({ externalId }, 0)
  const braze = await thalweg(
    ['authorizations', 'create', '--label', 'braze', '--provider', 'braze-cohort', '--json'],
    { stdin: JSON.stringify({ importKey: DEMO.brazeImportKey, partnerKey: DEMO.brazePartnerKey }) },
  )
  const definition = {
    name: 'vip',
    contactEmail: 'contact@example.com',
    query: {
      sql: "select * from (values ('ann', 1), ('bob', 2), (null, 3), ('ann', 4)) as t(user_ids, score);",
    },
    operation: 'mirror',
    destination: {
      kind: 'braze-cohort',
      settings: { instance: 'custom', host: sandbox.addresses.braze, cohortId: 'c1' },
      authorization: braze.json.id,
    },
  }
  const made = await thalweg(['activations', 'create', '-', '--json'], { stdin: JSON.stringify(definition) })
  expect([made.code, made.err]).toEqual([0, ''])
  return stack
}

test('a dry run, a run that is refused in part, its lists, and why', TIMEOUT, async () => {
  const { thalweg, sandbox } = await started()
  const dry = await thalweg(['activations', 'run', 'vip', '--dry-run', '--no-color'])
  expect(dry.out).toContain('A dry run: nothing was sent.')
  expect(dry.out).toMatch(/rows +4, of these 1 invalid/)
  expect(dry.out).toMatch(/people +2 different, 1 repeats/)
  expect(dry.out).toContain('+ ann\n')
  expect(dry.out).toContain('Column score is ignored.')

  sandbox.braze.faults.set([{ kind: 'refuse', ids: ['bob'], error: 'not this one', path: '/partners/' }])
  const run = await thalweg(['activations', 'run', 'vip', '--json'])
  expect([run.code, run.json.state]).toEqual([1, 'partial'])
  expect(run.json.report).toMatchObject({
    asked: { engine: 'warehouse' },
    accepted: 1,
    rejected: 1,
    unsent: 0,
  })
  sandbox.braze.faults.clear()

  const refused = await thalweg(['activations', 'refused', 'vip', '2', '--json'])
  expect(refused.json.refused).toEqual([
    expect.objectContaining({
      who: { kind: 'external_id', label: '', value: 'bob' },
      entered: true,
      status: 400,
      reason: expect.any(String),
      attempts: expect.any(Number),
      deadLetter: expect.any(String),
    }),
  ])
  const { requests, next } = (await thalweg(['activations', 'requests', 'vip', '2', '--json'])).json
  expect(next).toBeNull()
  // The first made the cohort.
  expect(requests).toEqual([
    expect.objectContaining({ records: 1, accepted: 1, refused: 0, skipped: 0, attempts: 1, status: 201 }),
    expect.objectContaining({ records: 2, accepted: 1, refused: 1, skipped: 0, attempts: 3, status: 400 }),
  ])
  expect((await thalweg(['activations', 'requests', 'vip', '1'])).out).toContain('Nothing was sent.')
  const added = await thalweg(['activations', 'export', 'vip', '2'])
  expect(added.out).toBe('kind,label,value\nexternal_id,"",ann\n')
  const lines = await thalweg([
    'activations',
    'export',
    'vip',
    '2',
    '--kind',
    'refused',
    '--format',
    'ndjson',
  ])
  expect(JSON.parse(lines.out)).toMatchObject({ value: 'bob', enters: true, status: 400 })
  expect((await thalweg(['activations', 'members', 'vip', '--format', 'csv'])).out).toBe(added.out)

  const why = await thalweg(['activations', 'why', 'vip', 'ann', '--no-color'])
  expect(why.out).toContain('run 2 brought them in, and the vendor accepted it')
  expect(why.out).toContain('The query names them now: {"user_ids":"ann","score":1}')
  expect(why.out).toMatch(/activation-vip {2}delivered at .* in batch .* of 2, /)
  expect(why.out).toContain('"user_ids"')
  const stranger = await thalweg(['activations', 'why', 'vip', 'cyd'])
  expect(stranger.out).toContain('No run has ever brought them in or out.')
  expect(stranger.out).toContain('The query does not name them now.')

  const retried = await thalweg(['activations', 'retry', 'vip', '2', '--json'])
  expect(retried.json).toMatchObject({ state: 'succeeded', report: { added: 1, accepted: 1 } })
})

test('what only its activation may change', TIMEOUT, async () => {
  const { thalweg, call, sandbox } = await started()
  sandbox.braze.faults.set([{ kind: 'refuse', ids: ['bob'], path: '/partners/' }])
  await thalweg(['activations', 'run', 'vip', '--json'])
  const current = '/api/v1/currents/activation-vip'
  const { definition } = (await call('operator', 'GET', current)).json
  const letters = (await call('operator', 'GET', '/api/v1/dead-letters')).json.deadLetters
  const window = { fromMs: 0, toMs: 4_102_444_800_000 }
  for (const [method, url, body] of [
    ['PUT', current, { definition }],
    ['DELETE', current, undefined],
    ['POST', `${current}/replays`, window],
  ] as const) {
    const answer = await call('operator', method, url, body)
    expect([url, answer.status, answer.json.error.code]).toEqual([url, 409, 'CURRENT_OF_ACTIVATION'])
  }
  const redriven = await call('operator', 'POST', '/api/v1/dead-letters/redrive', { ids: [letters[0].id] })
  expect(redriven.json).toMatchObject({ changed: 0, refused: [{ code: 'CURRENT_OF_ACTIVATION' }] })
})

test('schedules that follow each other end somewhere', async () => {
  const { thalweg, call } = await started()
  const { definition } = (await call('operator', 'GET', '/api/v1/activations/vip')).json
  const after = (name: string, activation: string) => ({
    ...definition,
    name,
    schedule: { when: 'after', activation },
  })
  const refused = async (given: object, code: string): Promise<void> => {
    const answer = await call('operator', 'POST', '/api/v1/activations', given)
    expect(answer.json.error?.code).toBe(code)
  }
  await refused(after('second', 'nobody'), 'ACTIVATION_UNKNOWN')
  await refused(after('second', 'second'), 'ACTIVATION_INVALID')
  expect((await call('operator', 'POST', '/api/v1/activations', after('second', 'vip'))).status).toBe(201)
  const circle = await call('operator', 'PUT', '/api/v1/activations/vip', {
    definition: after('vip', 'second'),
  })
  expect(circle.json.error).toMatchObject({
    code: 'ACTIVATION_INVALID',
    message: expect.stringContaining('after itself'),
  })
  expect((await thalweg(['activations', 'show', 'second'])).out).toMatch(/schedule +after vip/)
  const followed = await call('operator', 'DELETE', '/api/v1/activations/vip')
  expect([followed.status, followed.json.error?.code]).toEqual([409, 'ACTIVATION_IN_USE'])
  expect((await call('operator', 'DELETE', '/api/v1/activations/second')).status).toBeLessThan(300)
  expect((await call('operator', 'DELETE', '/api/v1/activations/vip')).status).toBeLessThan(300)
})

test(
  'many ask about one cohort at once: each is answered, and a run waits for its turn',
  TIMEOUT,
  async () => {
    const { thalweg, call, hub } = await started()
    await thalweg(['activations', 'run', 'vip', '--json'])
    const left = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    const reading = hub.audiences.withRoster('vip', () => {
      opened.resolve()
      return left.promise
    })
    onTestFinished(() => left.resolve())
    await opened.promise
    const asked = Promise.all(
      Array.from({ length: 4 }, () => call('viewer', 'GET', '/api/v1/activations/vip/members')),
    )
    const begun = await call('operator', 'POST', '/api/v1/activations/vip/runs', {})
    expect(begun.json.state).toBe('queued')
    left.resolve()
    await reading
    for (const { status } of await asked) expect([200, 409]).toContain(status)
    const shown = async () => (await call('viewer', 'GET', '/api/v1/activations/vip/runs/2')).json
    await expect.poll(async () => (await shown()).state, { timeout: 10_000 }).toBe('succeeded')
  },
)
