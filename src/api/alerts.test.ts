/** Alerts by the API: from a halted current to the mail in somebody's box, and what people do with it. */

import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { hurriedClock } from '../../test/support/hurried-clock.ts'
import { bodyOf, headerOf, startMailServer } from '../../test/support/mail-server.ts'
import { event, httpSink } from '../../test/support/stack.ts'
import { startReceiver } from '../../test/support/webhook-receiver.ts'
import { run } from '../cli/cli.fixture.ts'
import { type ApiStack, startApi } from './api.fixture.ts'

const PASSWORD = 'the-mail-password'

async function withMail() {
  const server = await startMailServer({ password: PASSWORD })
  const stack = await startApi({ clock: hurriedClock(10) })
  const made = await stack.call('admin', 'POST', '/api/v1/authorizations', {
    label: 'Mail',
    provider: 'smtp',
    credentials: { user: 'hub', password: PASSWORD },
  })
  const authorization = made.json.id as string
  const definition = {
    name: 'mail',
    kind: 'mail',
    authorization,
    settings: { host: '127.0.0.1', port: server.port, tls: 'none', sender: 'thalweg@example.org' },
  }
  const channel = await stack.call('admin', 'POST', '/api/v1/alert-channels', definition)
  expect(channel.status, channel.text).toBe(201)
  return { server, stack, authorization, definition }
}

async function halt(stack: ApiStack, name: string): Promise<void> {
  await stack.launch(name, httpSink(stack.sandbox))
  stack.sandbox.http.faults.set([{ kind: 'status', status: 401 }])
  await stack.post([event(`of-${name}`)])
}

test('a halt is mailed to the contact, its end too, and whoever looks sees who was told', async () => {
  const { server, stack } = await withMail()
  await halt(stack, 'hook')
  await eventually('the mail', () => server.mails.length === 1)
  const [mail] = server.mails
  if (mail === undefined) throw new Error('no mail')
  expect(mail).toMatchObject({ to: ['contact@example.com'], user: 'hub' })
  expect(bodyOf(mail)).toContain(`${stack.hub.url}/currents/hook`)

  const seen = await eventually('it is noted', async () => {
    const { json } = await stack.call('viewer', 'GET', '/api/v1/alerts?open=true&subject=current:hook')
    return json.alerts[0]?.told[0]?.state === 'sent' && json.alerts[0]
  })
  expect(seen).toMatchObject({
    about: { sort: 'current', name: 'hook' },
    kind: 'halted',
    acknowledgedAt: null,
    told: [{ event: 'raised', channel: 'mail', recipient: 'contact@example.com', answer: '250 taken' }],
  })
  expect(headerOf(mail, 'Message-ID')).toBe(`<${seen.told[0].message}@example.org>`)
  const acknowledged = await stack.call('operator', 'POST', `/api/v1/alerts/${seen.id}/acknowledge`, {
    note: 'asking the vendor',
  })
  expect(acknowledged.json).toMatchObject({
    acknowledgedBy: 'test operator',
    acknowledgeNote: 'asking the vendor',
    resolvedAt: null,
  })

  stack.sandbox.http.faults.set([])
  await stack.call('operator', 'POST', '/api/v1/currents/hook/resume')
  await eventually('the end is mailed', () => server.mails.length === 2)
  expect((await stack.call('viewer', 'GET', `/api/v1/alerts/${seen.id}`)).json.resolvedAt).toBeGreaterThan(0)
})

test('alerts are paged, and found by kind, subject and time', async () => {
  const stack = await startApi()
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    await stack.hub.alerts.raise({
      current: null,
      export: i,
      about: { sort: i < 2 ? 'export' : 'activation', name: `n${i}` },
      kind: i === 0 ? 'capacity' : 'activation',
      contact: 'a@example.com',
      subject: `s${i}`,
      detail: '',
    })
    times.push((await stack.hub.alerts.list())[0]?.createdAt ?? 0)
    await eventually('another millisecond', () => stack.hub.clock.now() > (times[i] ?? 0))
  }
  const pages: string[][] = []
  let cursor = ''
  do {
    const { json } = await stack.call('viewer', 'GET', `/api/v1/alerts?limit=2${cursor}`)
    pages.push(json.alerts.map(({ subject }: { subject: string }) => subject))
    cursor = json.next === null ? '' : `&cursor=${json.next}`
  } while (cursor !== '')
  expect(pages).toEqual([['s4', 's3'], ['s2', 's1'], ['s0']])
  const of = async (query: string) =>
    (await stack.call('viewer', 'GET', `/api/v1/alerts?${query}`)).json.alerts.map(
      ({ subject }: { subject: string }) => subject,
    )
  expect(await of('kind=capacity')).toEqual(['s0'])
  expect(await of('subject=activation:n3')).toEqual(['s3'])
  expect(await of(`from=${times[1]}&to=${times[3]}`)).toEqual(['s2', 's1'])
  expect((await stack.call('viewer', 'GET', '/api/v1/alerts?subject=n3')).status).toBe(400)

  // What happened once is over when somebody has seen it.
  const [last] = await stack.hub.alerts.list()
  const seen = await stack.call('operator', 'POST', `/api/v1/alerts/${last?.id}/acknowledge`)
  expect(seen.json.resolvedAt).toBeGreaterThan(0)
  expect(await of('open=true')).toEqual(['s3', 's2', 's1', 's0'])
})

test('a channel is made, tested, changed and removed; its secret shows nowhere and cannot be removed under it', async () => {
  const { server, stack, authorization, definition } = await withMail()
  const { call } = stack
  expect((await call('viewer', 'GET', '/api/v1/alert-channels')).text).not.toContain(PASSWORD)
  expect((await call('viewer', 'GET', `/api/v1/authorizations/${authorization}/uses`)).json.uses).toEqual([
    { sort: 'channel', name: 'mail', state: '' },
  ])
  expect((await call('admin', 'DELETE', `/api/v1/authorizations/${authorization}`)).status).toBe(409)

  expect((await call('operator', 'POST', '/api/v1/alert-channels/mail/test')).json.error.code).toBe(
    'INPUT_INVALID',
  )
  const elsewhere = { to: 'me@example.com' }
  expect((await call('operator', 'POST', '/api/v1/alert-channels/mail/test', elsewhere)).status).toBe(403)
  const tested = await call('admin', 'POST', '/api/v1/alert-channels/mail/test', elsewhere)
  expect(tested.json).toMatchObject({ ok: true, answer: '250 taken', recipient: 'me@example.com' })
  expect(server.mails).toHaveLength(1)

  await call('admin', 'POST', `/api/v1/authorizations/${authorization}/rotate`, {
    credentials: { user: 'hub', password: 'wrong' },
  })
  const refused = await call('admin', 'POST', '/api/v1/alert-channels/mail/test', elsewhere)
  expect(refused.json).toMatchObject({ ok: false, answer: expect.stringContaining('535') })
  const check = await call('admin', 'POST', `/api/v1/authorizations/${authorization}/check`, {
    settings: { host: '127.0.0.1', port: server.port, tls: 'none' },
  })
  expect(check.json).toMatchObject({ ok: false, fault: 'unauthorized' })

  const change = (body: unknown) => call('admin', 'PATCH', '/api/v1/alert-channels/mail', body)
  expect((await change({ kind: 'webhook' })).status).toBe(422)
  expect((await change({ perHourMax: 0 })).json.error).toMatchObject({ code: 'ALERT_CHANNEL_INVALID' })
  expect((await change({ to: ['pager@example.com'] })).json.definition).toEqual({
    ...(await call('viewer', 'GET', '/api/v1/alert-channels/mail')).json.definition,
    to: ['pager@example.com'],
  })
  const ofOther = await call('admin', 'POST', '/api/v1/alert-channels', {
    ...definition,
    name: 'hook',
    kind: 'webhook',
    settings: { url: 'https://example.com' },
  })
  expect(ofOther.json.error.message).toContain('takes one of webhook')
  expect((await call('admin', 'DELETE', '/api/v1/alert-channels/mail')).status).toBe(204)
  expect((await call('admin', 'DELETE', `/api/v1/authorizations/${authorization}`)).status).toBe(204)
})

test('the command line lists alerts and channels, and sends a test', async () => {
  const receiver = await startReceiver()
  const stack = await startApi()
  stack.hub.server.removeAllListeners('request')
  stack.hub.server.on('request', (request, response) => stack.api.handle(request, response))
  const thalweg = (args: readonly string[], stdin?: string) =>
    run(args, {
      env: { THALWEG_URL: stack.hub.url, THALWEG_TOKEN: stack.secrets.admin },
      ...(stdin === undefined ? {} : { stdin }),
    })
  expect((await thalweg(['alerts', 'channels'])).out).toContain('No alert leaves the house')
  const definition = { name: 'pager', kind: 'webhook', settings: { url: receiver.url } }
  expect((await thalweg(['alerts', 'add-channel', '-f', '-'], JSON.stringify(definition))).code).toBe(0)
  expect((await thalweg(['alerts', 'test', 'pager'])).out).toMatch(/^Taken after \d+ ms: 200 thanks\n$/)
  expect(JSON.parse(receiver.calls[0]?.body ?? '')).toMatchObject({ event: 'alert.test', channel: 'pager' })
  receiver.answer = { status: 500, body: 'no' }
  expect(await thalweg(['alerts', 'test', 'pager'])).toMatchObject({
    code: 1,
    out: expect.stringContaining('Not taken'),
  })
  await thalweg(['alerts', 'change-channel', 'pager', '-f', '-'], '{"enabled":false}')
  expect((await thalweg(['alerts', 'channels'])).out).toContain('pager (off)')
  await stack.hub.alerts.raise({
    current: null,
    about: { sort: 'activation', name: 'vip' },
    kind: 'activation',
    contact: 'a@example.com',
    subject: 'Run 1 of vip is failed',
    detail: 'no rows',
  })
  const listed = await thalweg(['alerts', '--json'])
  expect(listed.json.alerts).toHaveLength(1)
  const { id } = listed.json.alerts[0]
  expect((await thalweg(['alerts', 'show', id])).out).toContain('Nobody was told')
  expect((await thalweg(['alerts', 'acknowledge', id, '--note', 'seen'])).out).toContain('seen')
  expect((await thalweg(['alerts', '--open'])).out).toBe('Nothing is open.\n')
  expect((await thalweg(['alerts', 'remove-channel', 'pager', '--yes'])).code).toBe(0)
})
