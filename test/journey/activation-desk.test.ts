/** What an operator does with an activation and its runs, from the command line: look, send, ask why, take the lists along, and be kept from what would break it. */

import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
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
    expect.objectContaining({
      naming: true,
      records: 1,
      accepted: 1,
      refused: 0,
      skipped: 0,
      attempts: 1,
      status: 201,
    }),
    expect.objectContaining({
      naming: false,
      records: 2,
      accepted: 1,
      refused: 1,
      skipped: 0,
      attempts: 3,
      status: 400,
    }),
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

test(
  'a roster that is not there, or is older than the last run, is not taken for an empty cohort',
  TIMEOUT,
  async () => {
    const { thalweg, call, hub } = await started()
    const members = () => call('viewer', 'GET', '/api/v1/activations/vip/members')
    const run = async () => (await thalweg(['activations', 'run', 'vip', '--json'])).json
    const inCohort = () => thalweg(['activations', 'members', 'vip', '--format', 'csv'])
    expect(await run()).toMatchObject({ state: 'succeeded', report: { added: 2 } })
    const folder = join(hub.settings.dataDir, 'audiences')
    const [old, away] = [`${folder}.old`, `${folder}.away`]
    await cp(folder, old, { recursive: true })

    await rename(folder, away)
    await mkdir(folder)
    expect((await members()).json.error).toMatchObject({
      code: 'ROSTER_MISSING',
      message: expect.stringContaining('resync'),
    })
    expect(await run()).toMatchObject({
      state: 'failed',
      report: { error: expect.stringContaining('Run 1 changed the cohort with a roster that'), appended: 0 },
    })
    await rm(folder, { recursive: true })
    await rename(away, folder)
    const changed = {
      ...(await call('viewer', 'GET', '/api/v1/activations/vip')).json.definition,
      query: { sql: "select 'cyd' as user_ids" },
    }
    expect(
      (await call('operator', 'PUT', '/api/v1/activations/vip', { definition: changed, note: '' })).status,
    ).toBe(200)
    expect(await run()).toMatchObject({ state: 'succeeded', report: { added: 1, removed: 2 } })

    await rm(folder, { recursive: true })
    await rename(old, folder)
    expect(await run()).toMatchObject({
      state: 'failed',
      report: { error: expect.stringContaining('Run 3 changed the cohort'), appended: 0 },
    })
    const resynced = await thalweg(['activations', 'resync', 'vip', '--yes'])
    expect([resynced.code, resynced.err]).toEqual([0, ''])
    expect(await run()).toMatchObject({ state: 'succeeded', report: { added: 1, rejected: 0 } })
    expect((await inCohort()).out).toContain('cyd')
  },
)

test(
  'what a desk asks before and after: sample, times, standing, lists with search, pace, log',
  TIMEOUT,
  async () => {
    const { thalweg, call, sandbox } = await started()
    const get = async (path: string) => (await call('viewer', 'GET', `/api/v1/activations${path}`)).json
    const preview = async (sql: string, also: object = {}) =>
      (await call('operator', 'POST', '/api/v1/activations/preview', { query: { sql }, ...also })).json
    expect(await preview("select * from (values ('ann', 1), (null, 2)) as t(user_ids, score)")).toMatchObject(
      {
        engine: 'warehouse',
        columns: [
          { name: 'user_ids', kind: 'external_id', label: '' },
          { name: 'score', kind: null, label: '' },
        ],
        rows: [
          ['ann', 1],
          [null, 2],
        ],
        usable: 1,
        invalid: { blank: 1 },
        notices: ['Column score is ignored.'],
        problem: null,
      },
    )
    expect(
      await preview("select 'a@x' as mail, 'd' as device_ids", { destinationKind: 'braze-attribute' }),
    ).toMatchObject({
      usable: 0,
      problem: expect.stringContaining('No column of the result says who is meant'),
    })
    expect(await preview("select 'a@x' as mail", { aliases: ['mail'] })).toMatchObject({
      columns: [{ kind: 'alias', label: 'mail' }],
      problem: null,
    })
    const shown = await thalweg(['activations', 'preview', '-', '--no-color'], {
      stdin: JSON.stringify({ query: { sql: "select 'ann' as user_ids, 1 as score" } }),
    })
    expect(shown.out).toMatch(/user_ids \(external_id\) +score \(ignored\)/i)
    expect(shown.out).toContain('1 of these 1 rows name somebody.')
    const schedule = { when: 'cron', cron: '30 4 * * *', timeZone: 'Europe/Berlin' }
    const times = (await call('viewer', 'POST', '/api/v1/activations/schedule', { schedule })).json
    expect(times.text).toBe('30 4 * * * (Europe/Berlin)')
    expect(times.next).toHaveLength(5)
    const strange = { when: 'cron', cron: 'daily', timeZone: 'UTC' }
    const refused = await call('viewer', 'POST', '/api/v1/activations/schedule', { schedule: strange })
    expect([refused.status, refused.json.error.code]).toEqual([400, 'INPUT_INVALID'])
    const manual = await call('viewer', 'POST', '/api/v1/activations/schedule', {
      schedule: { when: 'manual' },
    })
    expect(manual.json).toEqual({ text: 'by hand', next: [] })

    expect(await get('/vip')).toMatchObject({ lastRun: null, members: null, nextRunAt: null })
    await thalweg(['activations', 'run', 'vip', '--dry-run', '--json'])
    const planned = { kind: 'external_id', label: '', record: null }
    expect(await get('/vip/runs/1/changes')).toEqual({
      people: [
        { ...planned, value: 'ann' },
        { ...planned, value: 'bob' },
      ],
      planned: true,
      whole: true,
      next: null,
    })
    expect(await get('/vip/runs/1/changes?search=OB')).toMatchObject({ people: [{ value: 'bob' }] })
    expect(await get('/vip/runs/1/pace')).toMatchObject({
      sent: null,
      steps: [],
      perSecondMax: expect.any(Number),
    })

    sandbox.braze.faults.set([{ kind: 'refuse', ids: ['bob'], error: 'not this one', path: '/partners/' }])
    await thalweg(['activations', 'run', 'vip', '--json'])
    sandbox.braze.faults.clear()
    // Only the last difference is kept whole: of an earlier plan the beginning is told.
    expect(await get('/vip/runs/1/changes?search=ann')).toMatchObject({
      people: [{ value: 'ann' }],
      planned: true,
      whole: false,
    })
    expect(await get('/vip/runs/2/changes')).toMatchObject({
      people: [{ value: 'ann', record: expect.stringMatching(/^activation-\d+\.2-\d$/) }],
      planned: false,
      whole: true,
    })
    expect((await get('/vip/runs/2/refused?search=BO')).refused).toEqual([
      expect.objectContaining({ fault: 'invalid', batch: expect.any(String) }),
    ])
    expect((await get('/vip/runs/2/refused?search=ann')).refused).toEqual([])
    const pace = await get('/vip/runs/2/pace')
    // The name of the cohort is a request, and no change.
    expect(pace.sent).toMatchObject({
      requests: 4,
      namingRequests: 1,
      accepted: 1,
      refused: 1,
      dataPoints: 0,
    })
    expect(pace.steps.reduce((sum: number, step: { accepted: number }) => sum + step.accepted, 0)).toBe(1)
    expect((await get('/vip/runs/2')).report.log.map(({ text }: { text: string }) => text)).toEqual([
      expect.stringMatching(/^A run was asked for by .* \(manual\)$/),
      'Asks the engine warehouse',
      'The query gave 4 rows with 3 identifiers',
      'Compared with 0 members: 2 to add, 0 to remove, 0 unchanged',
      'Hands 2 changes to the current of the activation',
      'The vendor accepted 1 changes and rejected 1: 1 members now',
      'Ended: partial',
    ])
    expect(await get('/vip')).toMatchObject({ lastRun: { run: 2, state: 'partial' }, members: 1 })

    const runs = async (query: string) => (await call('viewer', 'GET', `/api/v1/runs?${query}`)).json
    const first = await runs('limit=1')
    expect(first.runs).toMatchObject([
      { run: 2, activationName: 'vip', ofDeleted: false, report: { invalidRows: 1 } },
    ])
    const second = await runs(`limit=1&cursor=${first.next}`)
    expect(second.runs).toMatchObject([{ run: 1, dry: true }])
    expect((await runs(`limit=1&cursor=${second.next}`)).runs).toEqual([])
    for (const [query, numbers] of [
      ['state=partial', [2]],
      ['dry=true', [1]],
      ['dry=false&trigger=manual', [2]],
      ['trigger=schedule', []],
      ['activation=vip&state=succeeded', [1]],
    ] as const)
      expect([query, (await runs(query)).runs.map(({ run }: { run: number }) => run)]).toEqual([
        query,
        numbers,
      ])

    // While a run is held nothing works on the roster: it can be read, and not be changed.
    const { definition } = await get('/vip')
    const query = { sql: "select 'x' as user_ids where false" }
    await call('operator', 'PUT', '/api/v1/activations/vip', { definition: { ...definition, query } })
    const held = await thalweg(['activations', 'run', 'vip', '--json'])
    expect(held.json.state).toBe('held')
    // What became of bob is in doubt since he was refused: he is told to leave, too.
    expect(await get('/vip/runs/3/changes?kind=removed')).toMatchObject({
      people: [{ value: 'ann' }, { value: 'bob' }],
      planned: true,
      whole: true,
    })
    expect((await get('/vip/members')).size).toBe(1)
    expect((await call('operator', 'POST', '/api/v1/activations/vip/resync')).json.error.code).toBe(
      'ACTIVATION_BUSY',
    )
    await call('operator', 'POST', '/api/v1/activations/vip/runs/3/cancel')
    expect((await get('/vip/runs/3')).report.log.at(-1).text).toMatch(/^Cancelled by .*: nothing was sent$/)
  },
)

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
