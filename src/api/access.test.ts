import Fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { describe, expect, test } from 'vitest'
import { SOURCE } from '../../test/support/stack.ts'
import { ROLES, type Role } from '../access/roles.ts'
import { CONSOLE_HEADER, guard } from './access.ts'
import { type Answered, type ApiStack, type Method, startApi } from './api.fixture.ts'
import { type Api, FASTIFY_OPTIONS } from './app.ts'

const OWNER = { name: 'Ann', email: 'ann@example.com', password: 'a horse and a battery' }
const CONSOLE = { [CONSOLE_HEADER]: '1' }

function codeOf(answer: Answered): string {
  return answer.status < 300 ? String(answer.status) : `${answer.status} ${answer.json?.error?.code}`
}

async function bare(
  { api }: ApiStack,
  method: Method,
  url: string,
  options: { body?: object; headers?: Record<string, string>; remoteAddress?: string } = {},
) {
  const { body, headers = CONSOLE, remoteAddress = '127.0.0.1' } = options
  const answer = await api.app.inject({
    method,
    url,
    headers,
    remoteAddress,
    ...(body === undefined ? {} : { payload: body }),
  })
  return {
    status: answer.statusCode,
    code: answer.statusCode < 300 ? String(answer.statusCode) : answer.json().error.code,
    json: answer.body === '' ? undefined : answer.json(),
    cookie: String(answer.headers['set-cookie'] ?? ''),
  }
}

describe('the console’s way in', () => {
  test('set-up makes the owner, signs in, and is over; who I am is told to anybody', async () => {
    const stack = await startApi()
    const nobody = await bare(stack, 'GET', '/api/v1/session', { headers: {} })
    expect(nobody.json).toEqual({ caller: null, setup: 'needed', demo: false, version: '0.0.0-test' })
    const made = await bare(stack, 'POST', '/api/v1/setup', { body: { ...OWNER, code: stack.setupCode } })
    expect(made.json.caller).toMatchObject({ kind: 'person', email: OWNER.email, role: 'admin' })
    expect(made.cookie).toMatch(
      /^thalweg_session=thalweg_session_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/,
    )
    const cookie = made.cookie.split(';')[0] ?? ''
    const me = await bare(stack, 'GET', '/api/v1/session', { headers: { cookie: `a=b; ${cookie}; c=d` } })
    expect(me.json).toMatchObject({ caller: made.json.caller, setup: 'done' })
    const token = await bare(stack, 'GET', '/api/v1/session', {
      headers: { authorization: `Bearer ${stack.secrets.viewer}`, cookie },
    })
    expect(token.json.caller).toMatchObject({
      kind: 'token',
      name: 'test viewer',
      email: null,
      role: 'viewer',
    })
    expect((await bare(stack, 'POST', '/api/v1/setup', { body: { ...OWNER, code: 'x' } })).code).toBe(
      'SETUP_DONE',
    )
  })

  test('signing in, out, and an ended session', async () => {
    const stack = await startApi()
    await stack.access.setUp({ ...OWNER, code: stack.setupCode }, { agent: '', address: '' })
    const { email, password } = OWNER
    const wrong = await bare(stack, 'POST', '/api/v1/session', { body: { email, password: 'wrong' } })
    expect([wrong.status, wrong.code, wrong.cookie]).toEqual([401, 'SIGN_IN_REFUSED', ''])
    const right = await bare(stack, 'POST', '/api/v1/session', { body: { email, password } })
    const cookie = right.cookie.split(';')[0] ?? ''
    const headers = { ...CONSOLE, cookie }
    expect((await bare(stack, 'GET', '/api/v1/people', { headers })).status).toBe(200)
    const out = await bare(stack, 'DELETE', '/api/v1/session', { headers })
    expect([out.status, out.cookie]).toEqual([
      204,
      'thalweg_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0',
    ])
    expect((await bare(stack, 'GET', '/api/v1/people', { headers })).code).toBe('SESSION_ENDED')
    expect((await bare(stack, 'GET', '/api/v1/session', { headers })).json.caller).toBeNull()
  })

  test('the cookie is for https only where the request came by it, as a trusted proxy says', async () => {
    const body = { email: OWNER.email, password: OWNER.password }
    const headers = { ...CONSOLE, 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' }
    for (const [trustedProxies, secure] of [
      [undefined, false],
      [['127.0.0.0/8'], true],
      [['10.0.0.0/8'], false],
    ] as const) {
      const stack = await startApi(trustedProxies === undefined ? {} : { trustedProxies })
      await stack.access.setUp({ ...OWNER, code: stack.setupCode }, { agent: '', address: '' })
      const { cookie } = await bare(stack, 'POST', '/api/v1/session', { body, headers })
      expect(cookie.includes('; Secure'), String(trustedProxies)).toBe(secure)
      const { entries } = (await stack.call('admin', 'GET', '/api/v1/audit')).json
      expect(entries[0].address).toBe(secure ? '203.0.113.9' : '127.0.0.1')
    }
  })

  test('the demo lets in from this machine by its own name only, and only where there is a demo', async () => {
    const stack = await startApi({ demo: true })
    const enter = (host: string, remoteAddress = '127.0.0.1', headers: Record<string, string> = CONSOLE) =>
      bare(stack, 'POST', '/api/v1/session/demo', { headers: { ...headers, host }, remoteAddress })
    for (const host of ['127.0.0.1:7070', 'localhost', '[::1]:7070', 'LOCALHOST:1'])
      expect((await enter(host)).json.caller, host).toMatchObject({ name: 'Demo owner', role: 'admin' })
    expect((await enter('localhost', '::1')).status).toBe(200)
    for (const host of ['rebound.example:7070', '192.168.1.2:7070', 'localhost.example', '127.0.0.1.example'])
      expect((await enter(host)).code, host).toBe('DEMO_REFUSED')
    expect((await enter('localhost', '192.168.1.2')).code).toBe('DEMO_REFUSED')
    expect((await enter('localhost', '127.0.0.1', {})).code).toBe('REQUEST_FOREIGN')
    const serious = await startApi()
    expect(
      (await bare(serious, 'POST', '/api/v1/session/demo', { headers: { ...CONSOLE, host: 'localhost' } }))
        .code,
    ).toBe('DEMO_REFUSED')
  })
})

describe('requests that a browser was made to send', () => {
  const cases: readonly [what: string, headers: Record<string, string | undefined>, expected: string][] = [
    ['from the console', { origin: 'http://localhost:80' }, '204'],
    ['from the console, without an origin', {}, '204'],
    ['without the header', { [CONSOLE_HEADER]: undefined }, '403 REQUEST_FOREIGN'],
    ['from another site', { origin: 'https://evil.example' }, '403 REQUEST_FOREIGN'],
    ['from another port', { origin: 'http://localhost:8080' }, '403 REQUEST_FOREIGN'],
    ['from a page without an origin', { origin: 'null' }, '403 REQUEST_FOREIGN'],
  ]
  test.each(cases)('%s', async (_, headers, expected) => {
    const stack = await startApi()
    const admin = await stack.somebody('admin')
    const host = headers.origin === 'http://localhost:80' ? 'localhost' : 'localhost:80'
    const answer = await admin.call('DELETE', `/api/v1/sources/${SOURCE}`, undefined, { host, ...headers })
    expect(codeOf(answer)).toBe(expected)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  test('a preflight is answered as an unknown address, without a word of leave', async () => {
    const { api } = await startApi()
    const answer = await api.app.inject({
      method: 'OPTIONS',
      url: '/api/v1/currents',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    })
    expect(answer.statusCode).toBe(404)
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('people', () => {
  test('are invited, changed and removed by admins; the link is given once', async () => {
    const stack = await startApi()
    const admin = await stack.somebody('admin')
    const made = await admin.call('POST', '/api/v1/people', {
      email: ' ben@example.com ',
      name: 'Ben',
      role: 'viewer',
    })
    expect(made.status).toBe(201)
    const { person, link } = made.json
    expect(person).toMatchObject({ email: 'ben@example.com', state: 'invited' })
    const code = link.path.replace('/accept#code=', '')
    expect((await admin.call('GET', '/api/v1/people')).text).not.toContain(code)
    const body = { code, password: 'correct horse staple', name: 'Ben Ng' }
    const accepted = await bare(stack, 'POST', '/api/v1/session/accept', { body })
    expect(accepted.json.caller).toMatchObject({ id: person.id, name: 'Ben Ng', role: 'viewer' })
    const where = `/api/v1/people/${encodeURIComponent('BEN@example.com')}`
    expect((await admin.call('PATCH', where, { role: 'operator' })).json.role).toBe('operator')
    expect((await admin.call('POST', `${where}/link`)).json.link.path).toMatch(
      /^\/accept#code=thalweg_link_[\w-]{43}$/,
    )
    expect((await admin.call('DELETE', where)).status).toBe(204)
    expect(codeOf(await admin.call('GET', where))).toBe('404 PERSON_UNKNOWN')
    expect(codeOf(await admin.call('DELETE', `/api/v1/people/${admin.id}`))).toBe('409 PERSON_LAST_ADMIN')
  })

  test('have sessions and a password of their own; tokens have not', async () => {
    const stack = await startApi()
    const viewer = await stack.somebody('viewer')
    const { sessions } = (await viewer.call('GET', '/api/v1/sessions')).json
    expect(sessions).toMatchObject([{ agent: 'test', current: true }])
    expect((await viewer.call('PATCH', '/api/v1/me', { name: 'Vi' })).json.name).toBe('Vi')
    const password = { old: 'wrong', new: 'a better password' }
    expect(codeOf(await viewer.call('PATCH', '/api/v1/me', { password }))).toBe('403 PASSWORD_REFUSED')
    expect((await viewer.call('DELETE', '/api/v1/sessions')).json).toEqual({ ended: 0 })
    expect(codeOf(await viewer.call('DELETE', `/api/v1/sessions/${sessions[0].id}`))).toBe('204')
    expect(codeOf(await viewer.call('GET', '/api/v1/sessions'))).toBe('401 SESSION_ENDED')
    for (const [method, url] of [
      ['PATCH', '/api/v1/me'],
      ['GET', '/api/v1/sessions'],
      ['DELETE', '/api/v1/sessions'],
      ['DELETE', '/api/v1/session'],
    ] as const)
      expect(codeOf(await stack.call('admin', method, url)), url).toBe('403 PERSON_ONLY')
    expect(codeOf(await viewer.call('GET', '/api/v1/tokens/mine'))).toBe('401 SESSION_ENDED')
  })

  const refused: readonly [what: string, body: object][] = [
    ['no address', { email: 'nobody', name: 'X', role: 'viewer' }],
    ['a long address', { email: `${'x'.repeat(251)}@y.z`, name: 'X', role: 'viewer' }],
    ['a name of blanks', { email: 'x@y.z', name: '  ', role: 'viewer' }],
    ['a name with a line end', { email: 'x@y.z', name: 'X\nY', role: 'viewer' }],
    ['another role', { email: 'x@y.z', name: 'X', role: 'owner' }],
  ]
  test.each(refused)('%s is refused', async (_, body) => {
    const stack = await startApi()
    expect(codeOf(await stack.call('admin', 'POST', '/api/v1/people', body))).toBe('400 INPUT_INVALID')
  })

  test('passwords that are short or of few characters are refused', async () => {
    const stack = await startApi()
    for (const password of ['eleven char', 'abababababababab'])
      expect(
        (await bare(stack, 'POST', '/api/v1/setup', { body: { ...OWNER, password, code: stack.setupCode } }))
          .code,
      ).toBe('INPUT_INVALID')
  })
})

interface Route {
  readonly method: Method
  readonly path: string
  readonly url: string
  readonly operationId: string
  readonly description: string
}

async function routesOf(stack: ApiStack): Promise<Route[]> {
  const { paths } = (await stack.call('admin', 'GET', '/api/v1/openapi.json')).json
  return Object.entries(paths as Record<string, Record<string, Route>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, description }]) => ({
      method: method.toUpperCase() as Method,
      path,
      url: path
        .replace('{offset}', '0')
        .replace('{merge}', '1')
        .replace(/\{\w+\}/g, 'nothing'),
      operationId,
      description,
    })),
  )
}

describe('a viewer', () => {
  /** What has another method than GET and changes nothing: read each before you add to these. */
  const READS = [
    'cancelQuery',
    'checkDefinition',
    'checkProfileSchema',
    'explainSelection',
    'exportQuery',
    'planConfiguration',
    'planErasure',
    'previewActivation',
    'previewAudience',
    'previewExportDefinition',
    'previewReplay',
    'previewRequest',
    'previewRule',
    'previewSchedule',
    'profilesDrift',
    'rehearseActivation',
    'rehearseDefinition',
    'rehearseMapping',
    'runQuery',
    'tryMapping',
    'validateAudience',
    'verifyReceipt',
  ]
  /** What is one's own. */
  const OWN = ['endMyOtherSessions', 'endMySession', 'signOut', 'updateMe']

  test('can change nothing, by token or by session: every route that changes something says 403', async () => {
    const stack = await startApi()
    const viewer = await stack.somebody('viewer')
    const routes = (await routesOf(stack)).filter(({ method }) => method !== 'GET')
    const changing = routes.filter(({ description }) => description.includes('Leaves an entry'))
    const reading = routes.filter((route) => !changing.includes(route))
    expect(reading.map(({ operationId }) => operationId).sort()).toEqual(READS)
    const own = changing.filter(({ description }) => description.includes('Needs the role viewer.'))
    expect(own.map(({ operationId }) => operationId).sort()).toEqual(OWN)
    const refusing = changing.filter(
      (route) => !own.includes(route) && !route.description.includes('Needs no token.'),
    )
    expect(refusing.length).toBeGreaterThan(55)
    for (const { method, path, url } of refusing) {
      expect(codeOf(await stack.call('viewer', method, url)), `${method} ${path} by token`).toBe(
        '403 TOKEN_FORBIDDEN',
      )
      expect(codeOf(await viewer.call(method, url)), `${method} ${path} by session`).toBe(
        '403 TOKEN_FORBIDDEN',
      )
    }
  })
})

test('a session may what its role may, and no more', async () => {
  const stack = await startApi()
  const table: Record<string, Record<Role, string>> = {}
  for (const role of ROLES) {
    const one = await stack.somebody(role)
    const rows: Record<string, Answered> = {
      '/currents': await one.call('GET', '/api/v1/currents'),
      '/sandbox/http/faults': await one.call('PUT', '/api/v1/sandbox/http/faults', { faults: [] }),
      '/audit': await one.call('GET', '/api/v1/audit'),
    }
    for (const [url, answer] of Object.entries(rows))
      table[url] = { ...table[url], [role]: codeOf(answer) } as Record<Role, string>
  }
  expect(table).toEqual({
    '/currents': { viewer: '200', operator: '200', admin: '200' },
    '/sandbox/http/faults': { viewer: '403 TOKEN_FORBIDDEN', operator: '200', admin: '200' },
    '/audit': { viewer: '403 TOKEN_FORBIDDEN', operator: '403 TOKEN_FORBIDDEN', admin: '200' },
  })
})

test('a proxy’s own password does not hide the session behind it', async () => {
  const stack = await startApi()
  const one = await stack.somebody('viewer')
  const answer = await one.call('GET', '/api/v1/currents', undefined, { authorization: 'Basic abc' })
  expect(answer.status).toBe(200)
})

describe('a route cannot be added', () => {
  const cases: readonly [what: string, method: 'GET' | 'POST', config: object, message: RegExp][] = [
    ['without a role', 'GET', {}, /declares no role/],
    ['that changes something and tells the trail nothing', 'POST', { role: 'admin' }, /what the trail keeps/],
    ['that a viewer may change something by', 'POST', { role: 'viewer', audit: { object: 'x' } }, /a viewer/],
    [
      'that changes nothing and tells the trail of it',
      'GET',
      { role: 'viewer', audit: 'reads' },
      /changes nothing/,
    ],
  ]
  test.each(cases)('%s', async (_, method, config, message) => {
    const { access } = await startApi()
    const app: Api = Fastify(FASTIFY_OPTIONS).withTypeProvider<ZodTypeProvider>()
    guard(app, access)
    expect(() => app.route({ method, url: '/more', config, handler: () => '' })).toThrow(message)
  })
})
