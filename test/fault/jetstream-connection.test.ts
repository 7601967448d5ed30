/** One NATS server and the way to it: answers that are lost, credentials, TLS, a server that is set up too narrowly. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { nkeys } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { type LogCredentials, parseLogAddress } from '../../src/log/jetstream/address.ts'
import { type JetStreamLogOptions, openJetStreamLog } from '../../src/log/jetstream/jetstream.ts'
import type { Log } from '../../src/log/log.ts'
import { eventually } from '../support/eventually.ts'
import { CERTIFICATE, KEY } from '../support/localhost-certificate.ts'
import { appendFrame, readAll, recordsOf, textFrame } from '../support/log-frames.ts'
import { type NatsOptions, TestNats } from '../support/nats.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { tempFolder } from '../support/temp.ts'
import { startWire } from '../support/wire.ts'

async function startNats(options: Partial<NatsOptions> = {}): Promise<TestNats> {
  const nats = await TestNats.start({ servers: 1, ...options })
  onTestFinished(() => nats.close())
  return nats
}

async function openLog(
  text: string,
  credentials: LogCredentials = {},
  options: Partial<JetStreamLogOptions> = {},
): Promise<Log> {
  const address = parseLogAddress(text)
  if (address === undefined) throw new Error(`no address: ${text}`)
  const log = await openJetStreamLog({
    directory: await tempFolder(),
    clock: systemClock,
    address,
    credentials,
    pollMs: 200,
    ...options,
  })
  onTestFinished(() => log.close())
  return log
}

test('a hub that was cut off reads on from where another one has come', { timeout: 60_000 }, async () => {
  const nats = await startNats()
  const wire = await startWire(nats.ports[0] ?? 0)
  const here = await openLog(`nats://127.0.0.1:${nats.ports[0]}/ahead`)
  await appendFrame(here, textFrame('a'))
  // Its own looks would let it know by chance.
  const there = await openLog(`nats://127.0.0.1:${wire.port}/ahead`, {}, { pollMs: 600_000 })
  wire.cut()
  await appendFrame(here, textFrame('b'))
  await appendFrame(here, textFrame('c'))
  const reading = there.read(2, 1_000)
  expect(there.head).toBe(1)
  wire.mend()
  expect(recordsOf(await reading, 2).map(({ offset, text }) => [offset, text])).toEqual([[2, 'c']])
})

test.each([
  ['the servers know its id', undefined],
  ['it is looked for in the stream', 0],
])(
  'a message whose acknowledgement was lost is there once: %s',
  { timeout: 60_000 },
  async (_, lookAfterMs) => {
    const nats = await startNats()
    const proxy = await startTcpProxy(nats.ports[0] ?? 0)
    const log = await openLog(
      `nats://127.0.0.1:${proxy.port}/lost`,
      {},
      lookAfterMs === undefined ? {} : { lookAfterMs },
    )
    await appendFrame(log, textFrame('before'))
    proxy.loseAnswers()
    const waiting = appendFrame(log, textFrame('during'))
    const { jsm } = await nats.manager()
    await eventually(
      'the server has it',
      async () => (await jsm.streams.info('THALWEG-lost')).state.last_seq === 2,
    )
    proxy.mend()
    expect(await waiting).toBe(1)
    expect(await appendFrame(log, textFrame('after'))).toBe(2)
    expect((await jsm.streams.info('THALWEG-lost')).state.last_seq).toBe(3)
    expect((await readAll(log)).records.map(({ text }) => text)).toEqual(['before', 'during', 'after'])
  },
)

test('a user and a password, by TLS; a wrong password is not told', async () => {
  const folder = await tempFolder()
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await writeFile(cert, CERTIFICATE)
  await writeFile(key, KEY)
  const nats = await startNats({
    config: `authorization { user: hub, password: "geheim-1" }\ntls { cert_file: "${cert}", key_file: "${key}" }`,
  })
  const server = `localhost:${nats.ports[0]}`
  const log = await openLog(`tls://hub:geheim-1@${server}/tls`, { caFile: cert })
  expect(await appendFrame(log, textFrame('a'))).toBe(0)
  const refused = await openLog(`tls://hub:geheim-2@${server}/tls`, { caFile: cert }).catch(
    (error: unknown) => error,
  )
  expect(refused).toMatchObject({ code: 'LOG_UNREACHABLE' })
  expect(inspect(refused, { depth: 9 })).not.toContain('geheim')
  // Nobody vouches for the server.
  await expect(openLog(`tls://hub:geheim-1@${server}/tls`)).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' })
})

test('an nkey', async () => {
  const user = nkeys.createUser()
  const folder = await tempFolder()
  const seed = join(folder, 'user.nk')
  await writeFile(seed, `${String(Buffer.from(user.getSeed()))}\n`)
  const nats = await startNats({ config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }` })
  const server = `nats://127.0.0.1:${nats.ports[0]}/nkey`
  const log = await openLog(server, { nkeyFile: seed })
  expect(await appendFrame(log, textFrame('a'))).toBe(0)
  await expect(openLog(server)).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' })
})

test('servers whose messages are too small are refused, with what to set', async () => {
  const nats = await startNats({ maxPayload: '1MB' })
  await expect(openLog(nats.address())).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringContaining('max_payload'),
  })
})

test('a stream that the servers would trim by themselves is refused', async () => {
  const nats = await startNats()
  const { jsm } = await nats.manager()
  await jsm.streams.add({
    name: 'THALWEG-theirs',
    subjects: ['thalweg.theirs.frames'],
    max_age: 3_600_000_000_000,
  })
  await expect(openLog(nats.address('theirs'))).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringContaining('remove messages'),
  })
})

test('no server: told which, at once', async () => {
  const nats = await TestNats.start()
  const address = nats.address('gone')
  await nats.close()
  await expect(openLog(address)).rejects.toMatchObject({
    code: 'LOG_UNREACHABLE',
    message: expect.stringContaining(`127.0.0.1:${nats.ports[0]}`),
  })
})
