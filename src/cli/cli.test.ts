import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, httpSink, SOURCE, treasureDataRecords } from '../../test/support/stack.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { programVersion } from '../core/version.ts'
import { type CliStack, run, startCli } from './cli.fixture.ts'
import { GROUPS } from './cli.ts'
import type { SimulateDaysOptions, SimulatedDays } from './programs.ts'
import { Session } from './session.ts'
import { processSurroundings } from './surroundings.ts'

const ESCAPE = '\u001b'

function definition({ sandbox }: CliStack, also: object = {}): string {
  const { kind, settings } = httpSink(sandbox)
  return JSON.stringify({
    name: 'hook',
    contactEmail: 'contact@example.com',
    sources: [SOURCE],
    delivery: { waitMs: 0 },
    destination: { kind, settings },
    ...also,
  })
}

describe('exit codes and errors', () => {
  const cases: readonly [args: string[], code: number, err: RegExp][] = [
    [[], 2, /Usage: thalweg/],
    [['nothing'], 2, /unknown command/],
    [['currents', 'list', '--nothing'], 2, /unknown option/],
    [['currents', 'create'], 2, /--file/],
    [['currents', 'check'], 2, /name a current or give a definition/],
    [['currents', 'create', '--file', '/nonexistent.json'], 2, /There is no file/],
    [['currents', 'launch', 'hook', '--from', 'yesterday'], 2, /is not a time/],
    [['dead-letters', 'redrive'], 2, /name letters/],
    [['dead-letters', 'discard', 'a'], 2, /--note/],
    [['sources', 'create', 'a', '--set', 'novalue'], 2, /name=value/],
    [['status', '--watch', '--times', '0'], 2, /whole number/],
    [['event', 'show'], 2, /name an event id/],
    [['currents', 'list', '--url', 'ftp://x'], 1, /is not an address/],
    [['currents', 'list', '--url', 'http://127.0.0.1:1'], 1, /No hub answers[\s\S]*thalweg serve/],
  ]
  test.each(cases)('%j ends with %i', async (args, code, err) => {
    const ran = await run(args, { stdin: '{}' })
    expect(ran.code).toBe(code)
    expect(ran.err).toMatch(err)
    expect(ran.out).toBe('')
  })

  test('help is not a failure, and names the options that every command has', async () => {
    for (const args of [['--help'], ['currents', '--help'], ['currents', 'create', '--help']]) {
      const ran = await run(args)
      expect(ran.code, args.join(' ')).toBe(0)
      expect(ran.out).toContain('--json')
    }
    expect((await run(['--help'])).out).toContain('admin-token')
  })

  test('the version is that of the package', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: `${programVersion()}\n`, err: '' })
    expect(programVersion()).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('a refusal of the API is told with the next step; with --json as JSON on stderr', async () => {
    const { thalweg } = await startCli()
    const ran = await thalweg(['currents', 'show', 'nobody'])
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('There is no current "nobody"')
    expect(ran.err).toContain('thalweg currents list')
    const json = await thalweg(['currents', 'show', 'nobody', '--json'])
    expect(json.code).toBe(1)
    expect(json.out).toBe('')
    expect(JSON.parse(json.err).error.code).toBe('CURRENT_UNKNOWN')
    const without = await thalweg(['currents', 'list'], { env: { THALWEG_TOKEN: '' } })
    expect(without.err).toContain('THALWEG_TOKEN')
  })

  test('what is no hub is said to be none', async () => {
    const { sandbox } = await startCli()
    const ran = await run(['currents', 'list', '--url', sandbox.addresses.http])
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('is no Thalweg')
  })
})

test.each(GROUPS)('the commands %j are where the table says', async (words, load) => {
  const program = new Command()
  const add = await load()
  add(program, new Session(program, processSurroundings()), async () => expect.fail('nothing is run'))
  expect(program.commands.flatMap((command) => [command.name(), ...command.aliases()])).toEqual(words)
})

describe('where the hub is', () => {
  test('endpoints.json and admin-token of the data folder are enough on this machine', async () => {
    const { url, secrets } = await startCli()
    const data = await tempFolder()
    await writeFile(join(data, 'endpoints.json'), JSON.stringify({ hub: url }))
    await writeFile(join(data, 'admin-token'), `${secrets.admin}\n`, { mode: 0o600 })
    const ran = await run(['currents', 'list', '--data', data, '--json'])
    expect(ran.code).toBe(0)
    expect(ran.json).toEqual({ currents: [], states: {} })
  })

  test('the token of the file goes to no other machine', async () => {
    const data = await tempFolder()
    await writeFile(join(data, 'admin-token'), 'secret-of-this-machine\n')
    const { tokenOf } = await import('./client.ts')
    const io = { env: {} } as Parameters<typeof tokenOf>[1]
    expect(await tokenOf({ data }, io, 'http://127.0.0.1:7070')).toBe('secret-of-this-machine')
    expect(await tokenOf({ data }, io, 'http://127.0.0.1.example.com:7070')).toBeUndefined()
    expect(await tokenOf({ data, token: 'given' }, io, 'http://example.com')).toBe('given')
  })
})

describe('the way of a current', () => {
  test('create, check, launch, watch, pause, resume, revise, delete', async () => {
    const stack = await startCli()
    const { thalweg, post, settled } = stack
    const checked = await thalweg(['currents', 'check', '-f', '-', '--json'], { stdin: definition(stack) })
    expect(checked.json).toMatchObject({ ok: true })
    const made = await thalweg(['currents', 'create', '-f', '-', '--json'], { stdin: definition(stack) })
    expect(made.json).toMatchObject({ name: 'hook', state: 'draft' })
    expect((await thalweg(['currents', 'launch', 'hook', '--json'])).json.state).toBe('running')
    await post([event('e1'), event('e2')])
    await settled()
    expect((await thalweg(['currents', 'events', 'hook', '--limit', '1'])).out).toMatch(
      /delivered +answered 204/,
    )
    expect((await thalweg(['currents', 'rehearse', 'hook'])).out).toMatch(/2 would be sent[\s\S]*As it came/)
    const other = await thalweg(['currents', 'rehearse', 'hook', '-f', '-'], {
      stdin: definition(stack, { selection: { include: ['channel:push'] } }),
    })
    expect(other.out).toContain('Beside the current as it is: 0 more, 2 fewer')
    const status = await thalweg(['status'])
    expect(status.out).toMatch(/CURRENT +STATE/)
    expect(status.out).toMatch(/hook +running +– +2 +0 +0 +0/)
    expect(status.out).not.toContain(ESCAPE)
    const watched = await thalweg(['status', '--watch', '--times', '2', '--json'])
    const lines = watched.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(2)
    expect(lines[0].currents[0].name).toBe('hook')
    expect((await thalweg(['currents', 'pause', 'hook', '--reason', 'lunch'])).out).toBe('hook is paused.\n')
    expect((await thalweg(['currents', 'resume', 'hook'])).out).toBe('hook is running.\n')
    const revised = await thalweg(['currents', 'revise', 'hook', '-f', '-', '--note', 'less', '--json'], {
      stdin: definition(stack, { selection: { include: ['channel:push'] } }),
    })
    expect(revised.json.version).toBe(2)
    expect((await thalweg(['currents', 'versions', 'hook'])).out).toContain('less')
    expect((await thalweg(['currents', 'ledger', 'hook'])).out).toMatch(/delivered +2/)
    const shown = await thalweg(['currents', 'show', 'hook'])
    expect(shown.out).toContain('channel:push')
    const unasked = await thalweg(['currents', 'delete', 'hook'])
    expect(unasked.code).toBe(2)
    expect(unasked.err).toContain('--yes')
    const no = await thalweg(['currents', 'delete', 'hook'], { terminal: true, stdin: 'n\n' })
    expect(no.err).toContain('Nothing was changed')
    expect((await thalweg(['currents', 'delete', 'hook', '--yes', '--json'])).json).toEqual({
      deleted: 'hook',
    })
    expect((await thalweg(['currents', 'list'])).out).toContain('thalweg currents create')
  })

  test('a check that fails ends with 1', async () => {
    const stack = await startCli()
    const away = { kind: 'http', settings: { url: 'http://127.0.0.1:1/' } }
    const ran = await stack.thalweg(['currents', 'check', '-f', '-'], {
      stdin: definition(stack, { destination: away }),
    })
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('unreachable')
  })
})

describe('events and dead letters', () => {
  test('inbox, event show, edit, redrive, discard, ledger, alerts, replay', async () => {
    const stack = await startCli()
    const { thalweg, post, settled, sandbox, hub } = stack
    await stack.launch('td', treasureDataRecords(sandbox))
    sandbox.treasureData.faults.set([{ kind: 'refuse', ids: ['bad1', 'bad2', 'bad3'] }])
    await post([event('good'), event('bad1'), event('bad2'), event('bad3'), `x${ESCAPE}[31m`])
    await settled()
    await eventually('the intake account has counted', () => hub.delivery.intake.position >= hub.log.head)

    const inbox = await thalweg(['inbox'])
    expect(inbox.out).toMatch(/users\.messages\.email\.Open +4/)
    expect(inbox.out, 'bytes from outside must not steer the terminal').not.toContain(ESCAPE)
    expect(inbox.out).toContain('not_an_object')
    const good = await thalweg(['event', 'show', 'good', '--mapped'])
    expect(good.out).toContain('"id": "good"')
    expect(good.out).toMatch(/td {2}delivered at .* status 200/)
    expect((await thalweg(['event', 'show', 'bad1'])).out).toMatch(/td {2}dead letter/)
    expect((await thalweg(['event', 'show', '--offset', '4'])).out).toContain('quarantined')
    const latest = await thalweg(['event', 'list', '--limit', '2'])
    expect(latest.out).toMatch(/4 .*quarantined\n/)
    expect(latest.out).toContain('More: --before 3')
    expect((await thalweg(['event', 'show', 'good', '--json'])).json.records).toHaveLength(1)

    const listed = await thalweg(['dead-letters', 'list', '--current', 'td', '--json'])
    expect(listed.json.deadLetters).toHaveLength(3)
    const page = await thalweg(['dead-letters', 'list', '--limit', '2'])
    expect(page.out).toMatch(/--cursor \S+/)
    const letter = listed.json.deadLetters.find((one: { eventId: string }) => one.eventId === 'bad1')
    const shown = await thalweg(['dead-letters', 'show', letter.id])
    expect(shown.out).toContain('Sent')
    const edited = await thalweg(['dead-letters', 'edit', letter.id, '--json'], {
      stdin: JSON.stringify(event('mended')).replace('1780000000', '1780000000.00'),
    })
    expect(edited.json.editedEvent).toContain('1780000000.00')
    expect((await thalweg(['dead-letters', 'redrive', letter.id, '--note', 'mended'])).out).toContain(
      '1 of 1',
    )
    await eventually('the letter is delivered', async () => {
      const now = await thalweg(['dead-letters', 'show', letter.id, '--json'])
      return now.json.state === 'delivered'
    })
    const again = await thalweg(['dead-letters', 'redrive', letter.id])
    expect(again.code).toBe(1)
    expect(again.out).toContain('is delivered')
    const asked = await thalweg(['dead-letters', 'discard', '--current', 'td', '--note', 'tests'])
    expect(asked.code).toBe(2)
    const discarded = await thalweg([
      'dead-letters',
      'discard',
      '--current',
      'td',
      '--note',
      'tests',
      '--yes',
      '--json',
    ])
    expect(discarded.json).toMatchObject({ matched: 2, changed: 2 })

    const books = await thalweg(['ledger', 'check'])
    expect(books.code).toBe(0)
    expect(books.out).toContain('The books balance.')
    expect((await thalweg(['ledger', 'check', 'td', '--json'])).json.balanced).toBe(true)

    const preview = await thalweg(['replays', 'preview', 'td', '--from', '1h', '--json'])
    expect(preview.json).toMatchObject({ selected: 4, alreadySettled: 4 })
    const unasked = await thalweg(['replays', 'start', 'td', '--from', '1h'])
    expect(unasked.code).toBe(2)
    expect(unasked.out).toContain('would be sent')
    const replay = await thalweg(['replays', 'start', 'td', '--from', '1h', '--yes', '--json'])
    expect(replay.json).toMatchObject({ state: 'finished', selected: 4 })
    expect((await thalweg(['replays', 'list', 'td'])).out).toMatch(/finished .* 100 %/)
    expect((await thalweg(['alerts', '--open'])).out).toBe('Nothing is open.\n')
  })

  test('books that do not balance end with 1 and name what is missing', async () => {
    const stack = await startCli()
    const { number } = await stack.launch('hook', httpSink(stack.sandbox))
    await stack.post([event('e1'), event('e2')])
    await stack.settled()
    await eventually('they balance first', async () => (await stack.thalweg(['ledger', 'check'])).code === 0)
    await stack.hub.store.db.deleteFrom('ledger').where('current', '=', number).execute()
    await stack.hub.store.db.deleteFrom('batches').where('current', '=', number).execute()
    const ran = await stack.thalweg(['ledger', 'check'])
    expect(ran.code).toBe(1)
    expect(ran.out).toMatch(/missing: offset 0, event e1/)
    expect((await stack.thalweg(['alerts', '--open'])).out).toContain('do not balance')
  })
})

describe('secrets', () => {
  test('credentials come from standard input, the environment or a terminal', async () => {
    const stack = await startCli()
    const { thalweg } = stack
    const create = ['authorizations', 'create', '--label', 'TD', '--provider', 'treasure-data', '--json']
    const made = await thalweg(create, { stdin: '{"writeKey":"1/secret-one"}' })
    expect(made.json.fields).toEqual(['writeKey'])
    expect(made.out).not.toContain('secret-one')
    const { id } = made.json
    const rotated = await thalweg(['authorizations', 'rotate', id], {
      env: { THALWEG_CREDENTIALS: '{"writeKey":"1/secret-two"}' },
    })
    expect(rotated.code).toBe(0)
    expect(await stack.hub.authorizations.reveal(id)).toEqual({ writeKey: '1/secret-two' })
    const typed = await thalweg(['authorizations', 'rotate', id], {
      terminal: true,
      // The second key is left out.
      stdin: '1/secret-three\n\n',
    })
    expect(typed.code).toBe(0)
    expect(await stack.hub.authorizations.reveal(id)).toEqual({ writeKey: '1/secret-three' })
    expect(typed.out + typed.err).not.toContain('secret-three')
    const broken = await thalweg(create, { stdin: '{"writeKey": secret-four' })
    expect(broken.code).toBe(2)
    expect(broken.err).not.toContain('secret-four')
    const { settings } = treasureDataRecords(stack.sandbox)
    const sets = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
    expect((await thalweg(['authorizations', 'check', id, ...sets])).code).toBe(1)
    expect((await thalweg(['authorizations', 'list'])).out).toMatch(/TD +treasure-data +writeKey +bad/)
    expect((await thalweg(['authorizations', 'delete', id, '--yes'])).code).toBe(0)
  })

  test('sources and tokens show a secret once', async () => {
    const { thalweg, hub } = await startCli()
    const made = await thalweg([
      'sources',
      'create',
      'door',
      '--kind',
      'treasure-data',
      '--set',
      'database=my_db',
      '--set',
      'table=events',
      '--json',
    ])
    expect(made.json.token).toMatch(/^thalweg_source_/)
    const own = await thalweg(['sources', 'create', 'own', '--own-token', '--json'], {
      stdin: 'my-own-token\n',
    })
    expect(own.json.token).toBe('my-own-token')
    const listed = await thalweg(['sources', 'list'])
    expect(listed.out).toContain('/postback/v3/event/my_db/events')
    expect(listed.out).not.toContain(made.json.token)
    const token = await thalweg(['tokens', 'create', 'ci', '--role', 'viewer', '--json'])
    const asViewer = await thalweg(['tokens', 'create', 'more'], {
      env: { THALWEG_TOKEN: token.json.secret },
    })
    expect(asViewer.code).toBe(1)
    expect(asViewer.err).toContain('needs the role admin')
    expect((await thalweg(['tokens', 'revoke', token.json.token.id])).code).toBe(0)
    expect((await thalweg(['sources', 'delete', 'door', '--yes'])).code).toBe(0)
    expect(hub.sources.find('door')).toBeUndefined()
  })
})

describe('--json', () => {
  const commands: readonly string[][] = [
    ['status'],
    ['currents', 'list'],
    ['sources', 'list'],
    ['sources', 'show', SOURCE],
    ['sources', 'verdicts', SOURCE],
    ['authorizations', 'list'],
    ['dead-letters', 'list'],
    ['ledger', 'check'],
    ['inbox'],
    ['alerts'],
    ['alerts', 'channels'],
    ['system'],
    ['backup', 'list'],
    ['tokens', 'list'],
    ['catalog', 'types', '--channel', 'email'],
    ['catalog', 'destinations'],
  ]
  test('every reading command prints one JSON value and nothing else, and something for people without it', async () => {
    const { thalweg } = await startCli()
    for (const args of commands) {
      const ran = await thalweg([...args, '--json'], { terminal: true })
      expect(ran.code, args.join(' ')).toBe(0)
      expect(typeof ran.json, args.join(' ')).toBe('object')
      expect(ran.err, args.join(' ')).toBe('')
      const plain = await thalweg(args)
      expect(plain.out.length, args.join(' ')).toBeGreaterThan(5)
      expect(plain.out, args.join(' ')).not.toContain(ESCAPE)
    }
  })

  test('colours only for a terminal that wants them', async () => {
    const { thalweg } = await startCli()
    const args = ['catalog', 'types', '--channel', 'email']
    expect((await thalweg(args, { terminal: true })).out).toContain(ESCAPE)
    expect((await thalweg(args, { terminal: true, env: { NO_COLOR: '1' } })).out).not.toContain(ESCAPE)
    expect((await thalweg([...args, '--no-color'], { terminal: true })).out).not.toContain(ESCAPE)
  })
})

describe('programs', () => {
  test('are given what the command line says', async () => {
    const calls: unknown[] = []
    const note =
      (name: string) =>
      async (...given: unknown[]): Promise<void> => {
        calls.push([name, ...given])
      }
    const programs = {
      serve: note('serve'),
      demo: note('demo'),
      sandboxOnly: note('sandbox'),
      simulate: note('simulate'),
      simulateFiles: note('files'),
      bench: async (names: readonly string[]) => {
        calls.push(['bench', names])
        return 3
      },
    }
    await run(['serve', '--port', '0', '--data', '/tmp/x'], { programs })
    await run(['demo', '--rate', '5', '--seed', '9'], { programs })
    await run(['sandbox', '--sandbox-port', '0'], { programs })
    await run(['simulate', 'braze', '--url', 'http://127.0.0.1:9', '--seconds', '2'], {
      programs,
      stdin: 'tok\n',
    })
    await run(['simulate', '--files', '/tmp/x', '--events', '5', '--seed', '9'], { programs })
    const bench = await run(['bench', 'log'], { programs })
    expect(bench.code).toBe(3)
    expect(calls).toMatchObject([
      ['serve', { port: '0', dataDir: '/tmp/x' }],
      ['demo', {}, { seed: 9, eventsPerSecond: 5 }],
      ['sandbox', { sandboxPort: '0' }],
      [
        'simulate',
        { url: 'http://127.0.0.1:9/currents/braze', token: 'tok', seconds: 2, seed: 7, eventsPerSecond: 60 },
      ],
      ['files', { folder: '/tmp/x', events: 5, seed: 9 }],
      ['bench', ['log']],
    ])
  })

  test('a program that cannot start says why', async () => {
    const { ThalwegError } = await import('../core/errors.ts')
    const serve = async () => {
      throw new ThalwegError('LOG_LOCKED', 'Another process uses it')
    }
    const ran = await run(['serve'], { programs: { serve } })
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('Another process uses it')
    expect(ran.err).toContain('Stop the other process')
  })
})

describe('simulate --days', () => {
  const kept: SimulatedDays = {
    seed: 7,
    days: 2,
    rate: 20,
    sent: 960,
    acknowledged: 960,
    currents: [
      {
        name: 'webhook',
        state: 'running',
        accepted: 960,
        delivered: 700,
        filtered: 257,
        dead: 3,
        pending: 0,
        repeats: 40,
      },
    ],
    faults: [{ name: 'crash@2', day: 2, hour: 13, what: 'the hub is killed; it is back after 45 s' }],
    lives: 2,
    looks: 9,
    judged: ['INV-2', 'INV-12'],
    digest: 'c0ffee',
    breach: undefined,
    worlds: 1,
    again: undefined,
  }
  const broken: SimulatedDays = {
    ...kept,
    digest: '',
    breach: {
      invariant: 'INV-12',
      what: 'current webhook: the books differ by 3',
      day: 2,
      atMs: 1_780_000_000_000,
    },
    worlds: 4,
    again: ['--days', '2', '--seed', '10', '--per-hour', '20', '--faults', 'crash@2'],
  }

  test('tells how far it is, what went wrong, what became of it, and the digest', async () => {
    const asked: SimulateDaysOptions[] = []
    const simulateDays = async (options: SimulateDaysOptions) => {
      asked.push(options)
      options.onProgress({ seed: 7, day: 1, days: 2, events: 480, faults: 1, shrinking: false })
      return kept
    }
    const ran = await run(['simulate', '--days', '2', '--faults', 'crash'], { programs: { simulateDays } })
    expect(asked).toMatchObject([{ seed: 7, days: 2, perHour: 10, faults: 'crash' }])
    expect(asked[0]).not.toHaveProperty('soakMs')
    expect(ran.code).toBe(0)
    expect(ran.err).toContain('seed 7, day 1 of 2: 480 events, 1 faults so far')
    expect(ran.out).toContain('the hub is killed; it is back after 45 s')
    expect(ran.out).toMatch(/webhook +running +960 +700 +257 +3 +0 +40/)
    expect(ran.out).toContain('c0ffee')
    expect(ran.out).toContain('Every promise was kept.')
  })

  test('a broken promise is exit code 1, with the command that breaks it again', async () => {
    const programs = { simulateDays: async () => broken }
    const ran = await run(['simulate', '--days', '30', '--soak', '10'], { programs })
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('INV-12 was broken on day 2')
    expect(ran.out).toContain(
      'Run it again: thalweg simulate --days 2 --seed 10 --per-hour 20 --faults crash@2',
    )
    const told = await run(['simulate', '--days', '30', '--json'], { programs })
    expect(told.code).toBe(1)
    expect(told.json).toEqual(JSON.parse(JSON.stringify(broken)))
  })

  test('faults that there are none of are refused before anything runs', async () => {
    const { simulateDays } = await import('../programs.ts')
    const ran = await run(['simulate', '--days', '1', '--faults', 'floods'], { programs: { simulateDays } })
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('"floods" is no fault')
  })
})

describe('doctor', () => {
  test('finds nothing to mend on a healthy hub', async () => {
    const { thalweg, hub } = await startCli()
    const ran = await thalweg(['doctor', '--data', hub.settings.dataDir, '--json'])
    expect(ran.json.findings.filter((one: { verdict: string }) => one.verdict === 'bad')).toEqual([])
    expect(ran.code).toBe(0)
    expect(ran.json.findings.map((one: { about: string }) => one.about)).toEqual(
      expect.arrayContaining([
        'Node.js',
        'settings',
        'data folder',
        'sealing key',
        'disk',
        'hub',
        'API token',
        'log',
        'store',
      ]),
    )
  })

  test('says what is wrong and how to mend it', async () => {
    const stack = await startCli()
    await stack.launch('hook', httpSink(stack.sandbox))
    stack.sandbox.http.faults.set([{ kind: 'status', status: 401 }])
    await stack.post([event('e1')])
    await eventually('the current halts', async () => {
      const { json } = await stack.call('viewer', 'GET', '/api/v1/currents/hook')
      return json.state === 'halted'
    })
    const data = await tempFolder()
    await writeFile(join(data, 'sealing.key'), 'short')
    await chmod(join(data, 'sealing.key'), 0o644)
    const ran = await stack.thalweg(['doctor', '--data', data])
    expect(ran.code).toBe(1)
    expect(ran.out).toMatch(/bad +current hook: halted/)
    expect(ran.out).toContain('thalweg currents resume hook')
    expect(ran.out).toContain('chmod 600')
    const bare = await run(['doctor', '--url', 'http://127.0.0.1:1', '--json'], {
      env: { THALWEG_PORT: 'abc' },
    })
    expect(bare.code).toBe(1)
    const about = (name: string) => bare.json.findings.find((one: { about: string }) => one.about === name)
    expect(about('settings')).toMatchObject({
      verdict: 'bad',
      detail: expect.stringContaining('THALWEG_PORT'),
    })
    expect(about('hub').mend).toContain('thalweg serve')
    const file = join(await tempFolder(), 'file')
    await writeFile(file, '')
    expect((await run(['doctor', '--data', file, '--url', 'http://127.0.0.1:1'])).out).toContain(
      'is no folder',
    )
  })
})
