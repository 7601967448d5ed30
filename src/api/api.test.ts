import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, httpSink, SOURCE, treasureDataRecords } from '../../test/support/stack.ts'
import { PER_ADDRESS } from '../access/access.ts'
import { allows, ROLES, type Role } from '../access/roles.ts'
import { ERROR_CODES } from '../core/errors.ts'
import { type Answered, type ApiStack, type Method, startApi } from './api.fixture.ts'
import { BODY_BYTES_MAX } from './api.ts'

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: readonly unknown[]
  readonly responses: Readonly<Record<string, unknown>>
}

/** Every route, as the document lists it, with parameters filled in. */
async function operations(stack: ApiStack) {
  const { json } = await stack.call('admin', 'GET', '/api/v1/openapi.json')
  const rows: { method: Method; path: string; url: string; operation: Operation }[] = []
  for (const [path, methods] of Object.entries(json.paths as Record<string, Record<string, Operation>>)) {
    for (const [method, operation] of Object.entries(methods)) {
      const url = path.replace('{offset}', '0').replace(/\{\w+\}/g, 'nothing')
      rows.push({ method: method.toUpperCase() as Method, path, url, operation })
    }
  }
  return rows
}

function codeOf(answer: Answered): string {
  return `${answer.status} ${answer.json?.error?.code}`
}

describe('access', () => {
  test('no route but health and the ways in answers without a token, or with a wrong one', async () => {
    const stack = await startApi()
    const rows = await operations(stack)
    expect(rows.length).toBeGreaterThan(50)
    const open: string[] = []
    for (const { method, path, url } of rows) {
      const answer = await stack.call(undefined, method, url)
      if (answer.status !== 401) open.push(path)
      else expect(answer.json.error.code, path).toBe('TOKEN_MISSING')
    }
    expect(open.sort()).toEqual([
      '/api/v1/session',
      '/api/v1/session',
      '/api/v1/session/accept',
      '/api/v1/session/demo',
      '/api/v1/setup',
      '/healthz',
      '/readyz',
    ])
    const wrong = await stack.api.app.inject({
      url: '/api/v1/currents',
      headers: { authorization: 'Bearer thalweg_api_wrong' },
    })
    expect(wrong.statusCode).toBe(401)
    expect(wrong.json().error.code).toBe('TOKEN_REFUSED')
    expect(wrong.headers['www-authenticate']).toContain('Bearer')
  })

  test('every route refuses the roles below the one that it names', async () => {
    const stack = await startApi()
    let refusals = 0
    for (const { method, path, url, operation } of await operations(stack)) {
      const needed = /Needs the role (\w+)\./.exec(operation.description ?? '')?.[1] as Role | undefined
      if (needed === undefined) continue
      for (const role of ROLES.filter((one) => !allows(one, needed))) {
        expect(codeOf(await stack.call(role, method, url)), `${role} ${method} ${path}`).toBe(
          '403 TOKEN_FORBIDDEN',
        )
        refusals++
      }
    }
    expect(refusals).toBeGreaterThan(30)
  })

  test('the document and the router know the same routes', async () => {
    const stack = await startApi()
    const documented = (await operations(stack)).map(({ method, path }) => `${method} ${path}`)
    for (const row of documented) {
      const [method = '', path = ''] = row.split(' ')
      const url = path.replace(/\{(\w+)\}/g, ':$1')
      expect(stack.api.app.hasRoute({ method: method as Method, url }), row).toBe(true)
    }
    // printRoutes marks each handler by its methods in brackets.
    const routed = stack.api.app.printRoutes({ commonPrefix: false }).match(/\(([A-Z, ]+)\)/g) ?? []
    const count = routed.flatMap((methods) => methods.split(',')).length
    // Beside them there are the files of the console, which are no part of the API.
    expect(documented.length).toBe(count - 1)
  })

  test('wrong tokens are slowed down, good ones are not', async () => {
    const stack = await startApi()
    const wrong = () =>
      stack.api.app.inject({ url: '/api/v1/system', headers: { authorization: 'Bearer wrong' } })
    for (let i = 1; i < PER_ADDRESS.failuresMax; i++) expect((await wrong()).statusCode).toBe(401)
    const slowed = await wrong()
    expect(slowed.statusCode).toBe(429)
    expect(slowed.json().error.code).toBe('TOKEN_ATTEMPTS')
    expect(slowed.headers['retry-after']).toBeDefined()
    expect((await stack.call('viewer', 'GET', '/api/v1/system')).status).toBe(200)
  })

  test('the last admin token cannot be revoked; a revoked one is refused at once', async () => {
    const stack = await startApi()
    const mine = await stack.call('admin', 'GET', '/api/v1/tokens/mine')
    expect(mine.json.role).toBe('admin')
    expect(codeOf(await stack.call('admin', 'DELETE', `/api/v1/tokens/${mine.json.id}`))).toBe(
      '409 TOKEN_LAST',
    )
    const made = await stack.call('admin', 'POST', '/api/v1/tokens', { label: 'second', role: 'admin' })
    expect(made.status).toBe(201)
    const asSecond = () =>
      stack.api.app.inject({
        url: '/api/v1/tokens',
        headers: { authorization: `Bearer ${made.json.secret}` },
      })
    const listed = await asSecond()
    expect(listed.json().tokens.map((token: { label: string }) => token.label)).toContain('second')
    expect(listed.body).not.toContain(made.json.secret)
    expect((await stack.call('admin', 'DELETE', `/api/v1/tokens/${made.json.token.id}`)).status).toBe(204)
    expect((await asSecond()).statusCode).toBe(401)
    expect(codeOf(await stack.call('admin', 'DELETE', `/api/v1/tokens/${made.json.token.id}`))).toBe(
      '404 TOKEN_UNKNOWN',
    )
  })
})

describe('the document', () => {
  test('is OpenAPI 3.1 and says everything about every route', async () => {
    const stack = await startApi()
    const { json } = await stack.call('viewer', 'GET', '/api/v1/openapi.json')
    expect(json.openapi).toBe('3.1.0')
    const ids = new Set<string>()
    for (const { method, path, operation } of await operations(stack)) {
      const row = `${method} ${path}`
      expect(operation.summary, row).toBeTruthy()
      expect(operation.tags, row).toHaveLength(1)
      expect(operation.operationId, row).toBeTruthy()
      ids.add(operation.operationId ?? '')
      expect(
        Object.keys(operation.responses).some((status) => status.startsWith('2')),
        row,
      ).toBe(true)
      if (path.startsWith('/api/')) expect(operation.responses.default, row).toBeDefined()
      const isOpen = operation.description?.includes('Needs no token.')
      expect(operation.security, row).toEqual(isOpen ? [] : [{ bearer: [] }, { session: [] }])
    }
    expect(ids.size).toBe((await operations(stack)).length)
  })

  test('every reference in it leads somewhere', async () => {
    const stack = await startApi()
    const { json, text } = await stack.call('viewer', 'GET', '/api/v1/openapi.json')
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1],
    )
    expect(references.length).toBeGreaterThan(20)
    for (const name of references) expect(Object.keys(json.components.schemas)).toContain(name)
  })
})

describe('refusals', () => {
  const cases: readonly [what: string, method: Method, url: string, body: unknown, expected: string][] = [
    ['unknown address', 'GET', '/api/v1/nothing', undefined, '404 ROUTE_UNKNOWN'],
    ['unknown method', 'PATCH', '/api/v1/currents', {}, '404 ROUTE_UNKNOWN'],
    ['unknown current by name', 'GET', '/api/v1/currents/nobody', undefined, '404 CURRENT_UNKNOWN'],
    ['unknown current by number', 'GET', '/api/v1/currents/999', undefined, '404 CURRENT_UNKNOWN'],
    ['unknown source', 'GET', '/api/v1/sources/nobody', undefined, '404 SOURCE_UNKNOWN'],
    ['a name from Object’s prototype', 'GET', '/api/v1/sources/__proto__', undefined, '404 SOURCE_UNKNOWN'],
    ['unknown event', 'GET', '/api/v1/events/nobody', undefined, '404 EVENT_UNKNOWN'],
    ['offset beyond the head', 'GET', '/api/v1/records/123456789', undefined, '404 EVENT_UNKNOWN'],
    ['offset that is no number', 'GET', '/api/v1/records/abc', undefined, '400 INPUT_INVALID'],
    ['unknown dead letter', 'GET', '/api/v1/dead-letters/nobody', undefined, '404 DEAD_LETTER_UNKNOWN'],
    ['unknown replay', 'GET', '/api/v1/replays/nobody', undefined, '404 REPLAY_UNKNOWN'],
    ['unknown authorization', 'GET', '/api/v1/authorizations/nobody', undefined, '404 AUTHORIZATION_UNKNOWN'],
    ['unknown double', 'GET', '/api/v1/sandbox/lytics', undefined, '404 SANDBOX_UNKNOWN'],
    ['limit past its bound', 'GET', '/api/v1/dead-letters?limit=501', undefined, '400 INPUT_INVALID'],
    ['a made-up cursor', 'GET', '/api/v1/dead-letters?cursor=abc', undefined, '400 INPUT_INVALID'],
    ['a body without a member', 'POST', '/api/v1/currents', {}, '400 INPUT_INVALID'],
    [
      'a member that is not known',
      'POST',
      '/api/v1/tokens',
      { label: 'a', role: 'viewer', x: 1 },
      '400 INPUT_INVALID',
    ],
    [
      'both ids and filter',
      'POST',
      '/api/v1/dead-letters/redrive',
      { ids: ['a'], filter: {} },
      '400 INPUT_INVALID',
    ],
    ['neither ids nor filter', 'POST', '/api/v1/dead-letters/redrive', {}, '400 INPUT_INVALID'],
    [
      'discarding without a note',
      'POST',
      '/api/v1/dead-letters/discard',
      { ids: ['a'] },
      '400 INPUT_INVALID',
    ],
    [
      'a provider that is not known',
      'POST',
      '/api/v1/authorizations',
      { label: 'a', provider: 'b', credentials: {} },
      '400 INPUT_INVALID',
    ],
    ['an event type as a path', 'GET', '/api/v1/catalog/types/..%2F..%2Fetc', undefined, '404 EVENT_UNKNOWN'],
  ]
  test('each has its own code, and one shape', async () => {
    const stack = await startApi()
    for (const [what, method, url, body, expected] of cases) {
      const answer = await stack.call('admin', method, url, body)
      expect(codeOf(answer), what).toBe(expected)
      expect(Object.keys(answer.json), what).toEqual(['error'])
      expect(answer.json.error.message.length, what).toBeGreaterThan(10)
      expect(answer.status, what).toBe(ERROR_CODES[answer.json.error.code as keyof typeof ERROR_CODES][0])
    }
  })

  test('a body that does not fit is told field by field', async () => {
    const stack = await startApi()
    const answer = await stack.call('operator', 'POST', '/api/v1/currents', {
      name: 'Bad Name',
      contactEmail: 'nobody',
      sources: [],
      destination: { kind: 'http' },
      surprise: 1,
    })
    expect(codeOf(answer)).toBe('400 INPUT_INVALID')
    const fields = answer.json.error.details.map(
      (row: { in: string; field: string }) => `${row.in} ${row.field}`,
    )
    expect(fields).toEqual(expect.arrayContaining(['body name', 'body contactEmail', 'body sources']))
    expect(answer.json.error.message).toContain('contactEmail')
    expect(answer.json.error.message).toContain('surprise')
  })

  test('raw bodies', async () => {
    const { api, secrets } = await startApi()
    const post = async (payload: string, type = 'application/json') => {
      const answer = await api.app.inject({
        method: 'POST',
        url: '/api/v1/currents',
        headers: { authorization: `Bearer ${secrets.admin}`, 'content-type': type },
        payload,
      })
      return `${answer.statusCode} ${answer.json().error.code}`
    }
    expect(await post('{"name":')).toBe('400 INPUT_INVALID')
    expect(await post('')).toBe('400 INPUT_INVALID')
    expect(await post('null')).toBe('400 INPUT_INVALID')
    expect(await post('{"__proto__":{"name":1}}')).toBe('400 INPUT_INVALID')
    expect(await post('name=a', 'application/x-www-form-urlencoded')).toBe('415 BODY_MEDIA')
    expect(await post(`"${'a'.repeat(BODY_BYTES_MAX)}"`)).toBe('413 BODY_OVERSIZED')
  })
})

describe('health', () => {
  test('alive and ready without a token; not ready when the log is closed', async () => {
    const { call, hub } = await startApi()
    expect((await call(undefined, 'GET', '/healthz')).json).toEqual({ status: 'alive' })
    const ready = await call(undefined, 'GET', '/readyz')
    expect(ready.status).toBe(200)
    expect(ready.json.ready).toBe(true)
    await hub.log.close()
    const closed = await call(undefined, 'GET', '/readyz')
    expect(closed.status).toBe(503)
    expect(closed.json.checks).toContainEqual({ name: 'log', ready: false, state: 'closed' })
  })
})

describe('the way of a current', () => {
  const definition = (stack: ApiStack, also: object = {}) => ({
    name: 'hook',
    contactEmail: 'contact@example.com',
    sources: [SOURCE],
    delivery: { waitMs: 0 },
    destination: httpSink(stack.sandbox),
    ...also,
  })
  const withoutCredentials = ({ kind, settings }: { kind: string; settings: object }) => ({ kind, settings })

  test('from draft to deleted', async () => {
    const stack = await startApi()
    const { call, post, settled } = stack
    const wanted = definition(stack, { destination: withoutCredentials(httpSink(stack.sandbox)) })
    expect((await call('operator', 'POST', '/api/v1/currents/check', wanted)).json).toMatchObject({
      ok: true,
    })
    const draft = await call('operator', 'POST', '/api/v1/currents', wanted)
    expect(draft.status).toBe(201)
    expect(draft.json).toMatchObject({ name: 'hook', state: 'draft', version: 1 })
    expect(codeOf(await call('operator', 'POST', '/api/v1/currents', wanted))).toBe('409 CURRENT_NAME_TAKEN')
    expect(codeOf(await call('operator', 'POST', '/api/v1/currents/hook/pause'))).toBe('409 CURRENT_STATE')
    expect((await call('operator', 'POST', '/api/v1/currents/hook/launch')).json.state).toBe('running')

    await post([event('e1'), event('e2'), event('e3', { user: { user_id: 'x' } })])
    await settled()
    const shown = await call('viewer', 'GET', `/api/v1/currents/${draft.json.number}`)
    expect(shown.json.status).toMatchObject({
      pending: 0,
      gate: 'open',
      sinceStart: { delivered: 2, filtered: 1, dead: 0 },
    })
    const ledger = await call('viewer', 'GET', '/api/v1/currents/hook/ledger')
    expect(ledger.json.totals).toEqual(
      expect.arrayContaining([
        { outcome: 'delivered', reason: '', count: 2 },
        { outcome: 'filtered', reason: 'no_external_user_id', count: 1 },
      ]),
    )
    const [minute] = ledger.json.byMinute
    expect(minute.at % 60_000).toBe(0)
    const none = await call('viewer', 'GET', `/api/v1/currents/hook/ledger?fromMs=${minute.at + 600_000}`)
    expect(none.json.totals).toEqual([])
    const attempts = await call('viewer', 'GET', '/api/v1/currents/hook/attempts')
    expect(attempts.json.attempts[0]).toMatchObject({ status: 204, fault: null })

    expect(
      (await call('operator', 'POST', '/api/v1/currents/hook/pause', { reason: 'lunch' })).json,
    ).toMatchObject({
      state: 'paused',
      stateReason: 'lunch',
    })
    const revised = await call('operator', 'PUT', '/api/v1/currents/hook', {
      definition: { ...wanted, selection: { include: ['channel:push'] } },
      note: 'push only',
    })
    expect(revised.json).toMatchObject({ version: 2, state: 'paused' })
    const versions = await call('viewer', 'GET', '/api/v1/currents/hook/versions')
    expect(versions.json.versions.map((row: { note: string }) => row.note)).toEqual(['created', 'push only'])
    expect((await call('operator', 'POST', '/api/v1/currents/hook/resume')).json.state).toBe('running')
    expect((await call('operator', 'DELETE', '/api/v1/currents/hook')).status).toBe(204)
    expect(codeOf(await call('viewer', 'GET', '/api/v1/currents/hook'))).toBe('404 CURRENT_UNKNOWN')
    expect((await call('viewer', 'GET', '/api/v1/currents')).json.currents).toEqual([])
  })

  test('a preview shows the request and sends nothing', async () => {
    const stack = await startApi()
    const made = await stack.call('admin', 'POST', '/api/v1/authorizations', {
      label: 'hook',
      provider: 'http',
      credentials: { token: 'very-secret-token' },
    })
    const destination = { ...withoutCredentials(httpSink(stack.sandbox)), authorization: made.json.id }
    const raw = JSON.stringify(event('e9')).replace('1780000000', '1780000000.0')
    const preview = await stack.call('operator', 'POST', '/api/v1/currents/preview-request', {
      definition: definition(stack, { destination }),
      events: [event('skipped', { user: {} }), raw],
    })
    expect(preview.json.request.method).toBe('POST')
    expect(preview.json.request.body).toContain('1780000000.0')
    expect(preview.text).not.toContain('very-secret-token')
    expect(stack.sandbox.http.arrivals.total).toBe(0)
    const nothing = await stack.call('operator', 'POST', '/api/v1/currents/preview-request', {
      definition: definition(stack, { destination }),
      events: [event('skipped', { user: {} })],
    })
    expect(nothing.json).toEqual({ request: null })
  })

  test('lineage, ledger check, inbox, dead letters, replay', async () => {
    const stack = await startApi()
    const { call, post, settled, sandbox, hub } = stack
    await stack.launch('td', treasureDataRecords(sandbox))
    await stack.launch('hook', httpSink(sandbox), { selection: { include: ['channel:push'] } })
    sandbox.treasureData.faults.set([{ kind: 'refuse', ids: ['bad1', 'bad2', 'bad3'] }])
    await post([event('good'), event('bad1'), event('bad2'), event('bad3'), 17])
    await settled()

    const lineage = await call('viewer', 'GET', '/api/v1/events/bad1')
    expect(lineage.json.records).toHaveLength(1)
    const [record] = lineage.json.records
    expect(record).toMatchObject({ source: SOURCE, inCatalog: true, quarantined: false, channel: 'email' })
    expect(JSON.parse(record.raw).id).toBe('bad1')
    const fates = Object.fromEntries(
      record.currents.map((row: { current: string; fate: { outcome: string } }) => [
        row.current,
        row.fate.outcome,
      ]),
    )
    expect(fates).toEqual({ td: 'dead', hook: 'filtered' })
    const good = await call('viewer', 'GET', '/api/v1/events/good')
    const delivered = good.json.records[0].currents.find((row: { current: string }) => row.current === 'td')
    expect(delivered).toMatchObject({ fate: { outcome: 'delivered', version: 1, batch: { status: 200 } } })
    expect(delivered.mapped).toMatchObject({ id: 'good' })
    const junk = await call('viewer', 'GET', '/api/v1/records/4')
    expect(junk.json).toMatchObject({ quarantined: true, raw: '17' })

    const check = await call('viewer', 'GET', '/api/v1/ledger/check')
    expect(check.json).toMatchObject({ balanced: true })
    expect(check.json.currents).toHaveLength(2)
    const one = await call('viewer', 'GET', '/api/v1/ledger/check?current=td')
    expect(one.json.currents).toMatchObject([
      { current: 'td', accepted: 5, delivered: 1, dead: 3, pending: 0, missing: [] },
    ])

    await eventually('all is counted', () =>
      [hub.delivery.intake, hub.drift].every(({ position }) => position >= hub.log.head),
    )
    const inbox = await call('viewer', 'GET', '/api/v1/inbox')
    expect(inbox.json.quarantine).toMatchObject([{ offset: 4, reason: 'not_an_object', source: SOURCE }])
    expect(inbox.json.counts).toContainEqual(
      expect.objectContaining({ eventType: 'users.messages.email.Open', accepted: 4 }),
    )
    expect(inbox.json.firstSeen.map((row: { eventType: string }) => row.eventType)).toContain(
      'users.messages.email.Open',
    )

    expect((await call('viewer', 'GET', '/api/v1/quarantine')).json).toMatchObject({
      items: [{ offset: 4, reason: 'not_an_object', source: SOURCE }],
      next: null,
    })
    const newest = await call('viewer', 'GET', `/api/v1/events?source=${SOURCE}&limit=2`)
    expect(newest.json.events.map(({ offset }: { offset: number }) => offset)).toEqual([4, 3])
    const older = await call('viewer', 'GET', `/api/v1/events?before=${newest.json.next}`)
    expect(older.json.events.map(({ offset }: { offset: number }) => offset)).toEqual([2, 1, 0])
    expect(older.json.next).toBeNull()
    const opens = await call('viewer', 'GET', '/api/v1/events?type=users.messages.*')
    expect(opens.json.events).toHaveLength(4)
    const batches = await call('viewer', 'GET', '/api/v1/inbox/batches')
    expect(batches.json).toMatchObject({
      batches: [{ offset: 0, source: SOURCE, records: 5, quarantined: 1 }],
      next: null,
    })
    const minutes = await call('viewer', 'GET', `/api/v1/inbox/minutes?source=${SOURCE}`)
    expect(minutes.json.minutes.map(({ accepted }: { accepted: number }) => accepted)).toEqual([5])
    const bad = await call('viewer', 'GET', '/api/v1/events/bad1')
    expect(bad.json.records[0]).toMatchObject({
      door: 'braze-currents',
      request: { offset: 0, records: 5 },
      currents: [
        { current: 'hook', fate: { outcome: 'filtered' }, attempts: [] },
        {
          current: 'td',
          destination: 'treasure-data',
          attempts: [{ status: 200, fault: { kind: 'invalid' } }],
          fate: {
            outcome: 'dead',
            attempts: 1,
            answer: expect.stringContaining('InvalidPropertyValueError'),
          },
        },
      ],
    })

    const seen: string[] = []
    let cursor = ''
    do {
      const page = await call('viewer', 'GET', `/api/v1/dead-letters?current=td&limit=2${cursor}`)
      seen.push(...page.json.deadLetters.map((letter: { eventId: string }) => letter.eventId))
      cursor = page.json.next === null ? '' : `&cursor=${page.json.next}`
    } while (cursor !== '')
    expect(seen.sort()).toEqual(['bad1', 'bad2', 'bad3'])
    const ofCurrent = await call('viewer', 'GET', '/api/v1/currents/td/dead-letters?eventId=bad2')
    expect(ofCurrent.json.counts).toEqual({ dead: 3, queued: 0, delivered: 0, discarded: 0 })
    const id = ofCurrent.json.deadLetters[0].id
    const letter = await call('viewer', 'GET', `/api/v1/dead-letters/${id}`)
    expect(letter.json).toMatchObject({ eventId: 'bad2', state: 'dead', edited: false, current: 'td' })
    expect(letter.json.sent).not.toContain('0123456789abcdef0123456789abcdef01234567')

    const mended = { ...JSON.parse(letter.json.event), id: 'mended' }
    const edited = await call('operator', 'PUT', `/api/v1/dead-letters/${id}/event`, { event: mended })
    expect(JSON.parse(edited.json.editedEvent)).toEqual(mended)
    const preview = await call('operator', 'POST', '/api/v1/dead-letters/redrive', {
      filter: { current: 'td' },
      preview: true,
    })
    expect(preview.json).toEqual({
      matched: 3,
      changed: 0,
      refused: [],
      left: 0,
      next: null,
      preview: { edited: 1, leftOut: 0, currents: [{ current: 'td', state: 'running', count: 3 }] },
    })
    const redriven = await call('operator', 'POST', '/api/v1/dead-letters/redrive', {
      ids: [id, 'nobody'],
      note: 'mended',
    })
    expect(redriven.json).toMatchObject({
      matched: 2,
      changed: 1,
      refused: [{ id: 'nobody', code: 'DEAD_LETTER_UNKNOWN' }],
    })
    await eventually('the letter is delivered', async () => {
      const now = await call('viewer', 'GET', `/api/v1/dead-letters/${id}`)
      return now.json.state === 'delivered'
    })
    const discarded = await call('operator', 'POST', '/api/v1/dead-letters/discard', {
      filter: { current: 'td', eventType: 'users.messages.email.Open' },
      note: 'test data',
    })
    expect(discarded.json).toMatchObject({ matched: 2, changed: 2, left: 0 })
    const counts = await call('viewer', 'GET', '/api/v1/dead-letters/counts?state=discarded')
    expect(counts.json).toMatchObject({
      total: 2,
      states: { dead: 0, queued: 0, delivered: 1, discarded: 2 },
      reasons: [{ value: 'invalid', count: 2 }],
      eventTypes: [{ value: 'users.messages.email.Open', count: 2 }],
      currents: [{ current: 'td', count: 2 }],
      cut: false,
    })
    expect((await call('viewer', 'GET', '/api/v1/ledger/check')).json.balanced).toBe(true)

    const window = { fromMs: 0, toMs: hub.clock.now() + 60_000 }
    const would = await call('viewer', 'POST', '/api/v1/currents/td/replays/preview', window)
    expect(would.json).toMatchObject({
      records: 5,
      selected: 4,
      alreadySettled: 4,
      pending: 0,
      outOfOrder: true,
    })
    const replay = await call('operator', 'POST', '/api/v1/currents/td/replays', window)
    expect(replay.status).toBe(201)
    await eventually('the replay has ended', async () => {
      const now = await call('viewer', 'GET', `/api/v1/replays/${replay.json.id}`)
      return now.json.state === 'finished'
    })
    const listed = await call('viewer', 'GET', '/api/v1/currents/td/replays')
    expect(listed.json.replays).toMatchObject([{ current: 'td', selected: 4 }])
    expect(codeOf(await call('operator', 'POST', `/api/v1/replays/${replay.json.id}/pause`))).toBe(
      '422 REPLAY_INVALID',
    )
    const after = await call('viewer', 'GET', '/api/v1/events/good')
    expect(
      after.json.records[0].currents.find((row: { current: string }) => row.current === 'td').replays,
    ).toHaveLength(1)
  })

  test('a halted current raises an alert', async () => {
    const stack = await startApi()
    await stack.launch('hook', httpSink(stack.sandbox))
    stack.sandbox.http.faults.set([{ kind: 'status', status: 401 }])
    await stack.post([event('e1')])
    await eventually('the current halts', async () => {
      const { json } = await stack.call('viewer', 'GET', '/api/v1/currents/hook')
      return json.state === 'halted'
    })
    const open = await stack.call('viewer', 'GET', '/api/v1/alerts?open=true&current=hook')
    expect(open.json.alerts).toMatchObject([{ kind: 'halted', current: 'hook', resolvedAt: null }])
    const healed = await stack.call('operator', 'PUT', '/api/v1/sandbox/http/faults', { faults: [] })
    expect(healed.status).toBe(200)
    await stack.call('operator', 'POST', '/api/v1/currents/hook/resume')
    await stack.settled()
    expect((await stack.call('viewer', 'GET', '/api/v1/alerts?open=true')).json.alerts).toEqual([])
    expect((await stack.call('viewer', 'GET', '/api/v1/alerts')).json.alerts).toHaveLength(1)
  })
})

describe('secrets', () => {
  test('authorizations never show their values, and are checked', async () => {
    const stack = await startApi()
    const { call, sandbox } = stack
    const { settings, credentials } = treasureDataRecords(sandbox)
    const made = await call('admin', 'POST', '/api/v1/authorizations', {
      label: 'TD',
      provider: 'treasure-data',
      credentials: { writeKey: '1/wrong-key' },
    })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({ label: 'TD', fields: ['writeKey'], health: 'unknown' })
    const { id } = made.json
    const bad = await call('operator', 'POST', `/api/v1/authorizations/${id}/check`, { settings })
    expect(bad.json).toMatchObject({ ok: false, fault: 'unauthorized' })
    expect((await call('viewer', 'GET', `/api/v1/authorizations/${id}`)).json.health).toBe('bad')
    const rotated = await call('admin', 'POST', `/api/v1/authorizations/${id}/rotate`, { credentials })
    expect(rotated.json).toMatchObject({ health: 'unknown' })
    const good = await call('operator', 'POST', `/api/v1/authorizations/${id}/check`, { settings })
    expect(good.json).toMatchObject({ ok: true })
    const listed = await call('viewer', 'GET', '/api/v1/authorizations')
    expect(listed.json.authorizations[0]).toMatchObject({ health: 'good' })
    expect(listed.text).not.toContain(String(credentials?.writeKey))
    const wrong = await call('admin', 'POST', `/api/v1/authorizations/${id}/rotate`, {
      credentials: { writeKey: 'has space secret', other: 'x' },
    })
    expect(codeOf(wrong)).toBe('400 INPUT_INVALID')
    expect(wrong.text).not.toContain('has space secret')
    expect((await call('admin', 'PATCH', `/api/v1/authorizations/${id}`, { label: 'New' })).json.label).toBe(
      'New',
    )

    await call('operator', 'POST', '/api/v1/currents', {
      name: 'td',
      contactEmail: 'contact@example.com',
      sources: [SOURCE],
      destination: { kind: 'treasure-data', settings, authorization: id },
    })
    expect(codeOf(await call('admin', 'DELETE', `/api/v1/authorizations/${id}`))).toBe(
      '409 AUTHORIZATION_IN_USE',
    )
    expect((await call('operator', 'POST', '/api/v1/currents/td/check')).json.ok).toBe(true)
    expect((await call('operator', 'DELETE', '/api/v1/currents/td')).status).toBe(204)
    expect((await call('admin', 'DELETE', `/api/v1/authorizations/${id}`)).status).toBe(204)
  })

  test('a destination that is away says nothing about the credentials', async () => {
    const { call } = await startApi()
    const made = await call('admin', 'POST', '/api/v1/authorizations', {
      label: 'x',
      provider: 'http',
      credentials: {},
    })
    const check = await call('operator', 'POST', `/api/v1/authorizations/${made.json.id}/check`, {
      settings: { url: 'http://127.0.0.1:1/' },
    })
    expect(check.json).toMatchObject({ ok: false, fault: 'unreachable' })
    expect((await call('viewer', 'GET', `/api/v1/authorizations/${made.json.id}`)).json.health).toBe(
      'unknown',
    )
  })

  test('a source of Segment messages tells what became of each', async () => {
    const { hub, call } = await startApi()
    const made = await call('admin', 'POST', '/api/v1/sources', { name: 'web', kind: 'segment' })
    expect(made.json.source.addresses).toContain('/v1/batch')
    await fetch(`${hub.url}/v1/batch`, {
      method: 'POST',
      body: JSON.stringify({
        writeKey: made.json.token,
        batch: [
          { type: 'track', event: 'E', userId: 'u' },
          { type: 'track', event: 'E' },
        ],
      }),
    })
    expect((await call(undefined, 'GET', '/api/v1/sources/web/verdicts')).status).toBe(401)
    const { json } = await call('viewer', 'GET', '/api/v1/sources/web/verdicts')
    expect(json).toEqual({
      source: 'web',
      counts: [
        { type: 'segment.track', verdict: 'accepted', reason: '', count: 1 },
        { type: 'segment.track', verdict: 'rejected', reason: 'no_user_anon_id', count: 1 },
      ],
      remarked: [
        {
          at: expect.any(Number),
          type: 'segment.track',
          verdict: 'rejected',
          reason: 'no_user_anon_id',
          place: 'message 2',
          bytes: 28,
          raw: '{"type":"track","event":"E"}',
        },
      ],
    })
    expect((await call('admin', 'DELETE', '/api/v1/sources/web')).status).toBe(204)
  })

  test('sources show a token once and count what came', async () => {
    const { call, post, hub } = await startApi()
    const made = await call('admin', 'POST', '/api/v1/sources', {
      name: 'td-door',
      kind: 'treasure-data',
      settings: { database: 'my_db', table: 'events', taskId: 'task-1' },
    })
    expect(made.status).toBe(201)
    expect(made.json.source.addresses).toEqual([
      '/postback/v3/event/my_db/events',
      '/my_db/events',
      '/v1/task/task-1',
    ])
    const added = await call('admin', 'POST', '/api/v1/sources/td-door/tokens', { label: 'next' })
    const shown = await call('viewer', 'GET', '/api/v1/sources/td-door')
    expect(shown.json.tokens).toHaveLength(2)
    expect(shown.text).not.toContain(made.json.token)
    expect(shown.text).not.toContain(added.json.token)
    expect((await call('admin', 'DELETE', `/api/v1/sources/td-door/tokens/${added.json.id}`)).status).toBe(
      204,
    )
    const changed = await call('operator', 'PUT', '/api/v1/sources/td-door', {
      settings: { database: 'my_db', table: 'events2' },
    })
    expect(changed.json.settings).toMatchObject({ table: 'events2', taskId: 'task-1' })
    await post([event('a'), event('a'), 5])
    const { json } = await call('viewer', 'GET', '/api/v1/sources')
    const braze = json.sources.find((source: { name: string }) => source.name === SOURCE)
    expect(braze.counters).toMatchObject({ requests: 1, accepted: 1, duplicates: 1, quarantined: 1 })
    const { number } = hub.sources.get('td-door')
    expect((await call('admin', 'DELETE', '/api/v1/sources/td-door')).status).toBe(204)
    expect(hub.doors.counters.sources.has(number)).toBe(false)
  })

  test('a source that a current reads from stays', async () => {
    const stack = await startApi()
    await stack.launch('hook', httpSink(stack.sandbox))
    expect(codeOf(await stack.call('admin', 'DELETE', `/api/v1/sources/${SOURCE}`))).toBe('409 SOURCE_IN_USE')
  })
})

describe('reading', () => {
  const pages: readonly [url: string, has: object][] = [
    ['/api/v1/catalog', { picker: expect.any(Array), piiFields: expect.arrayContaining(['email_address']) }],
    ['/api/v1/catalog/types?channel=email', { types: expect.any(Array) }],
    [
      '/api/v1/catalog/types/users.message.email.Open',
      { name: 'users.messages.email.Open', channel: 'email' },
    ],
    ['/api/v1/destinations', { destinations: expect.any(Array) }],
    ['/api/v1/destinations/segment', { settings: expect.objectContaining({ type: 'object' }) }],
    [
      '/api/v1/providers',
      { providers: expect.arrayContaining([expect.objectContaining({ name: 'segment' })]) },
    ],
    ['/api/v1/providers/segment', { credentials: expect.objectContaining({ type: 'object' }) }],
    ['/api/v1/source-kinds', { kinds: expect.any(Array) }],
    ['/api/v1/system', { version: '0.0.0-test', log: expect.objectContaining({ state: 'open' }) }],
    ['/api/v1/sandbox', { doubles: expect.any(Array) }],
    ['/api/v1/inbox?minutes=5&limit=1', { counts: [], quarantine: [] }],
    ['/api/v1/ledger/check', { balanced: true, currents: [] }],
  ]
  test('every page answers what it promises', async () => {
    const { call } = await startApi()
    for (const [url, has] of pages) {
      const answer = await call('viewer', 'GET', url)
      expect(answer.status, url).toBe(200)
      expect(answer.json, url).toMatchObject(has)
    }
  })
})
