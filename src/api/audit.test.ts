import { describe, expect, test } from 'vitest'
import { event, httpSink, SOURCE } from '../../test/support/stack.ts'
import { type Answered, type ApiStack, type Method, startApi } from './api.fixture.ts'
import type { WholeAuditEntryAnswer } from './routes/audit.ts'

/** The newest entries that fit, whole. */
async function trail(stack: ApiStack, query = ''): Promise<WholeAuditEntryAnswer[]> {
  const page = (await stack.call('admin', 'GET', `/api/v1/audit${query}`)).json
  const whole: WholeAuditEntryAnswer[] = []
  for (const { number } of page.entries)
    whole.push((await stack.call('admin', 'GET', `/api/v1/audit/${number}`)).json)
  return whole
}

async function countOf({ hub }: ApiStack): Promise<number> {
  return (await hub.store.db.selectFrom('audit').select('number').execute()).length
}

function codeOf(answer: Answered): string {
  return answer.status < 300 ? String(answer.status) : `${answer.status} ${answer.json?.error?.code}`
}

interface Described {
  readonly operationId: string
  readonly description: string
}

describe('the trail of changes', () => {
  test('every route that changes something leaves one entry, also of what was refused', async () => {
    const stack = await startApi()
    const { paths } = (await stack.call('admin', 'GET', '/api/v1/openapi.json')).json
    let leaving = 0
    for (const [path, methods] of Object.entries(paths as Record<string, Record<string, Described>>)) {
      for (const [method, { operationId, description }] of Object.entries(methods)) {
        if (method === 'get') continue
        const before = await countOf(stack)
        const url = path.replace('{merge}', '1').replace(/\{\w+\}/g, 'nothing')
        const body = method === 'delete' ? undefined : { nothing: 'that fits' }
        const answer = await stack.call('operator', method.toUpperCase() as Method, url, body)
        const entries = (await countOf(stack)) - before
        const leaves = description.includes('Leaves an entry')
        expect(entries, `${method} ${path} ${codeOf(answer)}`).toBe(leaves ? 1 : 0)
        if (!leaves) continue
        leaving++
        const [entry] = await trail(stack, '?limit=1')
        // Whoever comes in is asked for no token, so an open route does not look at one.
        const isOpen = description.includes('Needs no token.')
        expect(entry, operationId).toMatchObject({
          operation: operationId,
          who: isOpen ? null : { kind: 'token', name: 'test operator', role: 'operator' },
          outcome: answer.status < 400 ? 'done' : 'refused',
          code: answer.json?.error?.code ?? '',
          request: answer.headers['x-request-id'],
          address: '127.0.0.1',
        })
      }
    }
    expect(leaving).toBeGreaterThan(65)
  })

  test('an object is told before and after, from its making to its end, and by whom', async () => {
    const stack = await startApi()
    const ann = await stack.somebody('operator')
    const { kind, settings } = httpSink(stack.sandbox)
    const definition = {
      name: 'hook',
      contactEmail: 'a@example.com',
      sources: [SOURCE],
      destination: { kind, settings },
    }
    const { number } = (await ann.call('POST', '/api/v1/currents', definition)).json
    await ann.call('POST', '/api/v1/currents/hook/launch')
    const renamed = { definition: { ...definition, name: 'hooked' }, note: 'a better name' }
    await ann.call('PUT', '/api/v1/currents/hook', renamed)
    expect(codeOf(await ann.call('POST', '/api/v1/currents/hooked/launch'))).toBe('409 CURRENT_STATE')
    await stack.call('operator', 'DELETE', '/api/v1/currents/hooked')
    const entries = await trail(stack, `?object=current:${number}`)
    expect(
      entries.map(({ operation, outcome, code, who, object, before, after }) => [
        operation,
        `${outcome} ${code}`.trim(),
        `${who?.kind} ${who?.role}`,
        object.name,
        (before as { state?: string } | undefined)?.state,
        (after as { state?: string } | undefined)?.state,
      ]),
    ).toEqual([
      ['deleteCurrent', 'done', 'token operator', 'hooked', 'running', 'deleted'],
      ['launchCurrent', 'refused CURRENT_STATE', 'person operator', 'hooked', 'running', undefined],
      ['reviseCurrent', 'done', 'person operator', 'hook', 'running', 'running'],
      ['launchCurrent', 'done', 'person operator', 'hook', 'draft', 'running'],
      ['createCurrent', 'done', 'person operator', 'hook', undefined, 'draft'],
    ])
    expect(entries[2]).toMatchObject({
      before: { name: 'hook', version: 1 },
      after: { name: 'hooked', version: 2, definition: { name: 'hooked' } },
    })
  })

  test('no secret is kept, whatever was given or given out', async () => {
    const stack = await startApi()
    const secrets: string[] = []
    const call = async (method: Method, url: string, body: unknown) => {
      const answer = await stack.call('admin', method, `/api/v1${url}`, body)
      expect(answer.status, `${url} ${answer.text}`).toBeLessThan(300)
      return answer.json
    }
    secrets.push((await call('POST', '/sources', { name: 'two', kind: 'braze-currents' })).token)
    secrets.push((await call('POST', '/sources/two/tokens', { label: 'second' })).token)
    secrets.push((await call('POST', '/tokens', { label: 'ci', role: 'viewer' })).secret)
    const { id } = await call('POST', '/authorizations', {
      label: 'segment',
      provider: 'segment',
      credentials: { writeKey: 'the-first-write-key' },
    })
    await call('POST', `/authorizations/${id}/rotate`, { credentials: { writeKey: 'the-second-write-key' } })
    const { link, person } = await call('POST', '/people', {
      email: 'b@example.com',
      name: 'B',
      role: 'viewer',
    })
    secrets.push('the-first-write-key', 'the-second-write-key', link.path.split('=')[1])
    secrets.push((await call('POST', `/people/${person.id}/link`, {})).link.path.split('=')[1])
    const password = 'a horse and a battery'
    const signedIn = await stack.api.app.inject({
      method: 'POST',
      url: '/api/v1/session/accept',
      headers: { 'x-thalweg-console': '1' },
      payload: { code: secrets.at(-1), password },
    })
    secrets.push(password, String(signedIn.headers['set-cookie']).split(/[=;]/)[1] ?? '')
    await call('PUT', '/sandbox/http/faults', { faults: [] })
    const entries = await trail(stack)
    expect(entries).toHaveLength(9)
    for (const { outcome, before, after } of entries) {
      expect(outcome).toBe('done')
      expect(before ?? after).toBeDefined()
    }
    const { db } = stack.hub.store
    const kept = JSON.stringify([
      await db.selectFrom('audit').selectAll().execute(),
      await db.selectFrom('audit_states').selectAll().execute(),
    ])
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10)
      expect(kept).not.toContain(secret)
    }
    expect(entries.find(({ operation }) => operation === 'acceptLink')).toMatchObject({
      who: { kind: 'person', id: person.id, name: 'B', role: 'viewer' },
      after: { email: 'b@example.com' },
    })
  })

  test('nobody’s personal data is kept: not of an erasure, not of an edited event', async () => {
    const stack = await startApi()
    await stack.launch('hook', httpSink(stack.sandbox))
    stack.sandbox.http.faults.set([{ kind: 'status', status: 400, body: 'no' }])
    await stack.post([event('special', { user: { external_user_id: 'somebody-special' } })])
    await stack.settled()
    const { deadLetters } = (await stack.call('admin', 'GET', '/api/v1/dead-letters')).json
    const where = `/api/v1/dead-letters/${deadLetters[0].id}/event`
    const edited = { event: { ...event('special', { user: { external_user_id: 'somebody-special' } }) } }
    expect(codeOf(await stack.call('operator', 'PUT', where, edited))).toBe('200')
    const wish = { identifiers: [{ kind: 'external_id', label: '', value: 'somebody-special' }] }
    expect(codeOf(await stack.call('admin', 'POST', '/api/v1/erasures', { ...wish, note: 'asked' }))).toBe(
      '202',
    )
    const entries = await trail(stack)
    expect(entries.map(({ operation }) => operation)).toEqual(['createErasure', 'editDeadLetter'])
    expect(entries[1]).toMatchObject({ before: { edited: false }, after: { edited: true, state: 'dead' } })
    expect(JSON.stringify(entries)).not.toContain('somebody-special')
  })

  test('what only asks what would be leaves nothing; what is done to many says how many', async () => {
    const stack = await startApi()
    await stack.launch('hook', httpSink(stack.sandbox))
    stack.sandbox.http.faults.set([{ kind: 'status', status: 400, body: 'no' }])
    await stack.post([event('one'), event('two')])
    await stack.settled()
    const discard = (preview: boolean) =>
      stack.call('operator', 'POST', '/api/v1/dead-letters/discard', { filter: {}, note: 'junk', preview })
    await discard(true)
    expect(await trail(stack)).toEqual([])
    await discard(false)
    expect(await trail(stack)).toMatchObject([
      { operation: 'discardDeadLetters', after: { matched: 2, changed: 2, refused: 0, note: 'junk' } },
    ])
  })

  test('a change that the trail cannot keep is not made', async () => {
    const stack = await startApi()
    stack.access.audit.begin = () => Promise.reject(new Error('the disk is full'))
    const answer = await stack.call('admin', 'POST', '/api/v1/tokens', { label: 'x', role: 'viewer' })
    expect(answer.status).toBe(500)
    expect((await stack.access.tokens.list()).map(({ label }) => label)).not.toContain('x')
  })

  test('a program that ends in the middle leaves an entry that says so', async () => {
    const stack = await startApi()
    stack.access.audit.finish = () => Promise.reject(new Error('gone'))
    expect(codeOf(await stack.call('admin', 'POST', '/api/v1/tokens', { label: 'x', role: 'viewer' }))).toBe(
      '201',
    )
    expect(await trail(stack)).toMatchObject([{ operation: 'createToken', outcome: 'begun' }])
  })

  test('whoever is refused all day does not fill the disk', async () => {
    const stack = await startApi()
    for (let i = 0; i < 120; i++) await stack.call('viewer', 'POST', '/api/v1/tokens', {})
    for (let i = 0; i < 120; i++) await stack.call(undefined, 'POST', '/api/v1/tokens', {})
    expect(await countOf(stack)).toBe(200)
    await stack.call('operator', 'POST', '/api/v1/tokens', {})
    expect(await countOf(stack)).toBe(201)
  })
})

describe('the list', () => {
  test('is filtered, paged, exported, and refuses what it cannot tell', async () => {
    const stack = await startApi()
    const ann = await stack.somebody('admin')
    for (const label of ['one', 'two', 'three'])
      await ann.call('POST', '/api/v1/tokens', { label, role: 'viewer' })
    await stack.call('admin', 'PUT', '/api/v1/sandbox/http/faults', { faults: [] })
    const names = async (query: string) =>
      (await ann.call('GET', `/api/v1/audit${query}`)).json.entries.map(
        (entry: WholeAuditEntryAnswer) => entry.object.name,
      )
    expect(await names('')).toEqual(['http', 'three', 'two', 'one'])
    expect(await names(`?who=${ann.id}`)).toEqual(['three', 'two', 'one'])
    expect(await names('?who=1@EXAMPLE.com&text=TW')).toEqual(['two'])
    expect(await names('?object=double')).toEqual(['http'])
    expect(await names('?operation=createToken&outcome=done')).toEqual(['three', 'two', 'one'])
    expect(await names('?outcome=refused')).toEqual([])
    expect(await names(`?from=${Date.now() + 60_000}`)).toEqual([])
    expect(await names(`?to=${Date.now() + 60_000}`)).toHaveLength(4)
    const first = (await ann.call('GET', '/api/v1/audit?limit=3')).json
    expect(first.entries).toHaveLength(3)
    expect(await names(`?before=${first.next}`)).toEqual(['one'])
    const file = await ann.call('GET', '/api/v1/audit/export?operation=createToken')
    expect(file.headers['content-type']).toContain('x-ndjson')
    const lines = file.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ after }) => after.label)).toEqual(['three', 'two', 'one'])
    expect(codeOf(await ann.call('GET', '/api/v1/audit/999999'))).toBe('404 AUDIT_UNKNOWN')
    expect(codeOf(await ann.call('GET', '/api/v1/audit?from=2&to=1'))).toBe('400 INPUT_INVALID')
    expect(codeOf(await ann.call('GET', '/api/v1/audit?who=x@y.z'))).toBe('404 PERSON_UNKNOWN')
  })
})
