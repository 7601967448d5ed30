/** Alerts on their way out, over a real mail server and a real receiver; time is virtual. */

import { createHmac } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { CERTIFICATE } from '../../test/support/localhost-certificate.ts'
import { bodyOf, headerOf, type RealMailServer, startMailServer } from '../../test/support/mail-server.ts'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { startReceiver } from '../../test/support/webhook-receiver.ts'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import { HttpTransport } from '../delivery/transport.ts'
import { soleLease } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { Alerts, type NewAlert } from './alerts.ts'
import { ChannelDefinition, Channels } from './channels.ts'
import { Dispatcher, GIVE_UP_MS } from './dispatcher.ts'
import { GATHER_MS, HOUR_MS, tellingsOf, waitingChannels } from './outbox.ts'

const START = Date.parse('2026-03-01T12:00:00Z')
const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes 123').toString('base64')}`
const CONTACT = 'contact@example.com'

class World {
  readonly clock = new VirtualClock(START)
  readonly store: Store
  readonly alerts: Alerts
  readonly channels: Channels
  readonly secrets = new Map<string, unknown>()
  dispatcher: Dispatcher
  #raised = 0

  constructor(store: Store) {
    this.store = store
    this.alerts = new Alerts(store, this.clock)
    this.channels = new Channels(store, this.clock)
    this.dispatcher = this.begin()
  }

  /** Another process over the same store. */
  begin(): Dispatcher {
    const transport = new HttpTransport()
    this.dispatcher = new Dispatcher({
      lease: soleLease('schedule'),
      store: this.store,
      clock: this.clock,
      random: seededRandom(5),
      alerts: this.alerts,
      channels: this.channels,
      reveal: async (id) => this.secrets.get(id),
      send: (request, signal) => transport.send(request, signal),
      consoleUrl: () => 'https://hub.example',
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    })
    this.dispatcher.start()
    onTestFinished(async () => {
      await this.dispatcher.stop()
      await transport.close()
    })
    return this.dispatcher
  }

  mailChannel(server: RealMailServer, also: Record<string, unknown> = {}) {
    return this.channels.create(
      ChannelDefinition.parse({
        name: 'mail',
        kind: 'mail',
        settings: { host: 'localhost', port: server.port, tls: 'none', sender: 'thalweg@example.org' },
        ...also,
      }),
    )
  }

  raise(also: Partial<NewAlert> = {}): Promise<void> {
    return this.alerts.raise({
      current: ++this.#raised,
      about: { sort: 'current', name: 'orders' },
      kind: 'halted',
      contact: CONTACT,
      subject: 'Current orders is halted: unauthorized',
      detail: 'The vendor answered 401',
      ...also,
    })
  }

  /** Lets time pass until it is so. Time stands while something is due. */
  async until(what: string, look: () => boolean | Promise<boolean>, stepMs = 1_000): Promise<void> {
    const looked = async (): Promise<boolean> => {
      if (await look()) return true
      const due = (await waitingChannels(this.store)).some(({ at }) => at <= this.clock.now())
      if (!due) await this.clock.advance(stepMs)
      return false
    }
    await eventually(what, looked, { withinMs: 60_000 })
  }

  async tellings() {
    const alerts = await this.alerts.list()
    const told = await tellingsOf(
      this.store,
      alerts.map(({ id }) => id),
    )
    return [...told.values()].flat()
  }
}

async function world(dialect: 'sqlite' | 'postgres' = 'sqlite'): Promise<World> {
  return new World(await freshStore(dialect))
}

describe.each(DIALECTS)('on %s', (dialect) => {
  test('the contact gets one mail when it begins, whatever is tried again, and one when it ends', async () => {
    const server = await startMailServer()
    const under = await world(dialect)
    await under.mailChannel(server)
    await under.raise({ current: 1 })
    await under.raise({ current: 1, detail: 'The vendor answered 401 again' })
    await under.until('a mail', () => server.mails.length === 1)
    const [mail] = server.mails
    if (mail === undefined) throw new Error('no mail')
    expect(mail).toMatchObject({ from: 'thalweg@example.org', to: [CONTACT], user: undefined })
    expect(headerOf(mail, 'Subject')).toBe('[Thalweg] Current orders is halted: unauthorized')
    expect(headerOf(mail, 'Auto-Submitted')).toBe('auto-generated')
    for (const words of [
      'The vendor answered 401 again',
      '2026-03-01T12:00:00.000Z',
      'Nothing is lost',
      'a new secret in its authorization',
      'https://hub.example/currents/orders',
      'your address is the contact',
    ])
      expect(bodyOf(mail)).toContain(words)
    await under.alerts.resolve(1, ['halted'])
    await under.until('the end', () => server.mails.length === 2)
    expect(headerOf(server.mails[1] ?? mail, 'Subject')).toBe(
      '[Thalweg] Over: Current orders is halted: unauthorized',
    )
    await under.clock.advance(GIVE_UP_MS)
    expect(server.mails).toHaveLength(2)
    await eventually('both are noted', async () =>
      (await under.tellings()).every(({ message }) => message?.state === 'sent'),
    )
    expect((await under.tellings()).map(({ event, message }) => [event, message?.answer])).toEqual([
      ['raised', '250 taken'],
      ['resolved', '250 taken'],
    ])
  })

  test('many at once come in one mail, and an hour has only so many', async () => {
    const server = await startMailServer()
    const under = await world(dialect)
    await under.mailChannel(server, { perHourMax: 2 })
    for (let i = 0; i < 120; i++) await under.raise({ subject: `Current c${i} is halted` })
    await under.until('a digest', () => server.mails.length === 1)
    expect(headerOf(server.mails[0] ?? never(), 'Subject')).toBe('[Thalweg] 120 alerts: 120 raised')
    expect(bodyOf(server.mails[0] ?? never())).toContain('… and 20 more.')
    await under.raise({ current: 500, subject: 'One more' })
    await under.until('the second of this hour', () => server.mails.length === 2)
    for (const current of [501, 502]) await under.raise({ current, subject: `Later ${current}` })
    const third = under.clock.now()
    await under.until('the next hour', () => server.mails.length === 3, 10_000)
    expect(under.clock.now() - START).toBeGreaterThanOrEqual(HOUR_MS)
    expect(under.clock.now()).toBeGreaterThan(third + GATHER_MS)
    await eventually('all are noted', async () =>
      (await under.tellings()).every(({ message }) => message?.state === 'sent'),
    )
  })
})

function never(): never {
  throw new Error('no mail')
}

describe('mail servers', () => {
  const credentials = { user: 'hub', password: 'a-password' }

  test.each(['starttls', 'tls'] as const)(
    '%s, with a password, and a certificate of its own',
    async (tls) => {
      const server = await startMailServer({ tls, password: credentials.password })
      const under = await world()
      under.secrets.set('auth', credentials)
      const channel = await under.mailChannel(server, {
        authorization: 'auth',
        to: ['pager@example.com'],
        settings: {
          host: 'localhost',
          port: server.port,
          tls,
          sender: 'thalweg@example.org',
          certificate: CERTIFICATE,
        },
      })
      expect(await under.dispatcher.test(channel, 'pager@example.com', 'some-id')).toEqual({
        isTaken: true,
        answer: '250 taken',
      })
      expect(server.mails).toMatchObject([{ user: 'hub', wasEncrypted: true, to: ['pager@example.com'] }])
      expect(headerOf(server.mails[0] ?? never(), 'Message-ID')).toBe('<some-id@example.org>')
      expect(await under.channels.get('mail')).toMatchObject({ toldAt: START, answer: '250 taken' })
    },
  )

  test.each([
    ['a certificate that nobody vouches for', 'starttls', 'starttls', {}, /does not encrypt as wanted/],
    ['a server that cannot encrypt', 'none', 'starttls', {}, /does not encrypt as wanted/],
    [
      'a wrong password',
      'starttls',
      'starttls',
      { certificate: CERTIFICATE, wrong: true },
      /^The mail server localhost:\d+ answered 535/,
    ],
  ] as const)('%s is told', async (_case, offered, wanted, { wrong, ...settings }: Odd, message) => {
    const server = await startMailServer({ tls: offered, ...(wrong ? { password: 'right' } : {}) })
    const under = await world()
    under.secrets.set('auth', credentials)
    const channel = await under.mailChannel(server, {
      ...(wrong ? { authorization: 'auth' } : {}),
      settings: { host: 'localhost', port: server.port, tls: wanted, sender: 'a@example.org', ...settings },
    })
    const attempt = await under.dispatcher.test(channel, CONTACT, 'some-id')
    expect(attempt).toMatchObject({ isTaken: false, fault: { message: expect.stringMatching(message) } })
    expect(JSON.stringify(attempt)).not.toContain(credentials.password)
    expect(server.mails).toEqual([])
  })

  test('credentials do not leave this machine in the clear', async () => {
    const server = await startMailServer()
    const under = await world()
    under.secrets.set('auth', credentials)
    const channel = await under.mailChannel(server, {
      authorization: 'auth',
      settings: { host: 'mail.example.com', port: 25, tls: 'none', sender: 'a@example.org' },
    })
    expect(await under.dispatcher.test(channel, CONTACT, 'x')).toMatchObject({
      fault: { kind: 'misconfigured', message: expect.stringContaining('in the clear') },
    })
  })

  test('a server that never answers holds up its own channel only', async () => {
    const [slow, quick] = [await startMailServer(), await startMailServer()]
    // Before the mail comes: the quick one may be told first.
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    slow.onMail = () => released
    const under = await world()
    await under.mailChannel(slow, { name: 'slow' })
    await under.mailChannel(quick, { name: 'quick', contacts: false, to: ['pager@example.com'] })
    await under.raise()
    await under.until('the quick one', () => quick.mails.length === 1)
    expect(slow.mails).toEqual([])
    release()
    await under.until('the slow one', () => slow.mails.length === 1)
  })
})

interface Odd {
  readonly certificate?: string
  readonly wrong?: boolean
}

describe('what is refused', () => {
  test('is tried again with growing waits for a day, then given up for everybody to see', async () => {
    const server = await startMailServer()
    server.refusal = { code: 450, text: 'Mailbox busy' }
    const under = await world()
    await under.mailChannel(server)
    await under.raise()
    await under.until('it is given up', async () => (await states(under)).includes('given_up'), 600_000)
    expect(under.clock.now() - START).toBeGreaterThan(GIVE_UP_MS - HOUR_MS)
    const [telling] = await under.tellings()
    expect(telling?.message).toMatchObject({ attempts: server.refused, state: 'given_up' })
    expect(telling?.message?.answer).toContain('450 Mailbox busy')
    // 5 s, doubled to 15 min, over 24 h: some hundred tries, not some thousand.
    expect(server.refused).toBeGreaterThan(60)
    expect(server.refused).toBeLessThan(200)
  })

  test('goes at once when its authorization or channel was mended, with the same id', async () => {
    const server = await startMailServer({ password: 'new' })
    const under = await world()
    under.secrets.set('auth', { user: 'hub', password: 'old' })
    await under.mailChannel(server, { authorization: 'auth' })
    await under.raise()
    await under.until('a refusal', async () => (await under.tellings())[0]?.message?.attempts === 1)
    const id = (await under.tellings())[0]?.message?.id
    under.secrets.set('auth', { user: 'hub', password: 'new' })
    await under.dispatcher.authorizationChanged('auth')
    await eventually('the mail', () => server.mails.length === 1)
    expect(headerOf(server.mails[0] ?? never(), 'Message-ID')).toBe(`<${id}@example.org>`)
  })

  test('of a channel that is switched off is cancelled, and goes nowhere later', async () => {
    const server = await startMailServer()
    server.refusal = { code: 550, text: 'No such user' }
    const under = await world()
    const channel = await under.mailChannel(server)
    await under.raise()
    await under.until('a refusal', () => server.refused > 0)
    await under.channels.change(channel.id, { ...channel.definition, enabled: false })
    server.refusal = undefined
    await under.raise()
    await under.clock.advance(GIVE_UP_MS)
    expect(server.mails).toEqual([])
    expect(await states(under)).toEqual(['cancelled'])
  })
})

async function states(under: World): Promise<(string | undefined)[]> {
  return (await under.tellings()).map(({ message }) => message?.state)
}

test('a process that ends between answer and note repeats that message alone, with its id', async () => {
  const server = await startMailServer()
  const under = await world()
  await under.mailChannel(server)
  let stopped: Promise<void> | undefined
  server.onMail = () => {
    // As good as killed: the mail is there, its note is not, and of the others nothing happened.
    stopped ??= under.dispatcher.stop()
  }
  for (const current of [1, 2, 3]) await under.raise({ current, subject: `Current c${current} is halted` })
  await under.until('the process ended', () => stopped !== undefined)
  await stopped
  expect((await states(under)).every((state) => state === 'waiting' || state === 'sent')).toBe(true)
  under.begin()
  await under.until('all were told', async () => (await states(under)).every((state) => state === 'sent'))
  const ids = server.mails.map((mail) => headerOf(mail, 'Message-ID'))
  expect(new Set(ids).size).toBe(3)
  expect(ids.length).toBeLessThanOrEqual(4)
})

describe('webhooks', () => {
  const channel = (url: string, also: Record<string, unknown> = {}) =>
    ChannelDefinition.parse({
      name: 'hook',
      kind: 'webhook',
      authorization: 'auth',
      settings: { url },
      ...also,
    })

  test('are signed as Standard Webhooks says, over id, time and body', async () => {
    const receiver = await startReceiver()
    const under = await world()
    under.secrets.set('auth', { secret: SECRET })
    await under.channels.create(channel(receiver.url))
    await under.raise()
    await under.until('a call', () => receiver.calls.length === 1)
    const { headers, body, path } = receiver.calls[0] ?? { headers: {}, body: '', path: '' }
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers
    const expected = createHmac('sha256', 'a secret of thirty-two bytes 123')
      .update(`${id}.${at}.${body}`)
      .digest('base64')
    expect([path, signature]).toEqual(['/alerts', `v1,${expected}`])
    expect(Number(at)).toBe(Math.floor(START / 1000) + GATHER_MS / 1000)
    expect(JSON.parse(body)).toMatchObject({
      id,
      event: 'alert.raised',
      channel: 'hook',
      text: expect.stringContaining('Nothing is lost'),
      alerts: [
        {
          event: 'raised',
          kind: 'halted',
          about: { sort: 'current', name: 'orders' },
          contact: CONTACT,
          raisedAt: '2026-03-01T12:00:00.000Z',
          resolvedAt: null,
        },
      ],
      more: 0,
    })
  })

  test('a redirect is not followed, Retry-After is honoured, and an endless answer is cut', async () => {
    const [receiver, elsewhere] = [await startReceiver(), await startReceiver()]
    const under = await world()
    await under.channels.create(channel(receiver.url, { authorization: null }))
    receiver.answer = { status: 307, headers: { location: elsewhere.url } }
    await under.raise()
    await under.until('a refusal', async () => (await under.tellings())[0]?.message?.attempts === 1)
    expect(elsewhere.calls).toEqual([])
    receiver.answer = { status: 503, headers: { 'retry-after': '600' }, body: 'x'.repeat(100_000) }
    await under.until('another', async () => (await under.tellings())[0]?.message?.attempts === 2)
    const message = (await under.tellings())[0]?.message
    expect(message?.answer.length).toBeLessThanOrEqual(2_000)
    expect((message?.nextAt ?? 0) - (message?.triedAt ?? 0)).toBe(600_000)
  })

  test('an address that is a secret is in no answer', async () => {
    const receiver = await startReceiver()
    receiver.answer = { status: 404, body: `nothing at ${receiver.url}` }
    const under = await world()
    under.secrets.set('auth', { url: receiver.url })
    const made = await under.channels.create({ ...channel(receiver.url), settings: { url: null } } as never)
    const attempt = await under.dispatcher.test(made, '', 'x')
    expect(attempt).toMatchObject({ isTaken: false, fault: { answer: '404 nothing at [secret]' } })
    expect(receiver.calls).toHaveLength(1)
  })
})
