/** The log on a real cluster of three NATS servers, of which some are killed, stand still, or are given what is not ours. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openDedupe } from '../../src/log/dedupe.ts'
import { blankRow, type FrameView, ROW_ERASED } from '../../src/log/frame.ts'
import { type JetStreamLogOptions, openJetStreamLog } from '../../src/log/jetstream/jetstream.ts'
import { Remote } from '../../src/log/jetstream/remote.ts'
import type { Log, Retention } from '../../src/log/log.ts'
import { eventually } from '../support/eventually.ts'
import { appendFrame, appendPatiently, identityOf, readAll, textFrame } from '../support/log-frames.ts'
import { TestNats } from '../support/nats.ts'
import { tempFolder } from '../support/temp.ts'

const CLUSTER_MS = { timeout: 120_000 }
const KEEP_ALL: Retention = {
  ageMsMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  despiteReaders: false,
  nowMs: 0,
}

let nats: TestNats
let logs = 0

beforeAll(async () => {
  nats = await TestNats.start({ servers: 3 })
}, 120_000)
afterAll(() => nats.close())

/** A name that no other test uses. */
function newName(): string {
  return `fault${++logs}`
}

/** A hub's log on the stream of a name, in a folder of its own unless it is given one. */
async function openLog(name: string, options: Partial<JetStreamLogOptions> = {}): Promise<Log> {
  const log = await openJetStreamLog({
    directory: await tempFolder(),
    clock: systemClock,
    address: nats.parsed(name),
    credentials: {},
    pollMs: 200,
    ...options,
  })
  onTestFinished(() => log.close())
  return log
}

/** Appends one record after another by several writers until told to stop; what was acknowledged, by offset. */
function writing(log: Log, prefix: string): () => Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>()
  let stopped = false
  let made = 0
  const writers = Array.from({ length: 4 }, async () => {
    while (!stopped) {
      const text = `${prefix}-${made++}`
      acknowledged.set(await appendPatiently(log, textFrame(text)), text)
    }
  })
  return async () => {
    stopped = true
    await Promise.all(writers)
    return acknowledged
  }
}

/** Everything acknowledged is in the log where it was said to be, and nothing is there twice. */
async function expectKept(log: Log, acknowledged: ReadonlyMap<number, string>): Promise<void> {
  const { records, gaps } = await readAll(log)
  expect(gaps).toEqual([])
  const byOffset = new Map(records.map(({ offset, text }) => [offset, text]))
  for (const [offset, text] of acknowledged) expect(byOffset.get(offset)).toBe(text)
  expect(new Set(records.map(({ text }) => text)).size).toBe(records.length)
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i))
}

test('servers killed under load, the leader among them, lose and double nothing', CLUSTER_MS, async () => {
  const name = newName()
  const log = await openLog(name)
  const stop = writing(log, 'r')
  for (let round = 0; round < 2; round++) {
    const leader = await nats.leaderOf(`THALWEG-${name}`)
    const killed = round === 0 ? leader : (leader + 1) % 3
    const before = log.head
    await eventually('records flow', () => log.head > before + 20)
    await nats.kill(killed)
    const during = log.head
    await eventually('they flow again without the server', () => log.head > during + 20, { withinMs: 30_000 })
    await nats.restart(killed)
  }
  const acknowledged = await stop()
  expect(acknowledged.size).toBeGreaterThan(80)
  await expectKept(log, acknowledged)
  await expectKept(await openLog(name), acknowledged)
})

test('a server that stands still holds nothing up for long', CLUSTER_MS, async () => {
  const name = newName()
  const log = await openLog(name)
  const stop = writing(log, 'p')
  const leader = await nats.leaderOf(`THALWEG-${name}`)
  await eventually('records flow', () => log.head > 20)
  nats.pause(leader)
  try {
    const during = log.head
    await eventually('they flow again', () => log.head > during + 20, { withinMs: 40_000 })
  } finally {
    nats.resume(leader)
  }
  await expectKept(log, await stop())
})

test(
  'without a quorum nothing is acknowledged and nothing more is taken; afterwards all of it is kept once',
  CLUSTER_MS,
  async () => {
    const name = newName()
    const log = await openLog(name, { slowMs: 300 })
    await appendFrame(log, textFrame('before'))
    await nats.kill(1)
    await nats.kill(2)
    let acknowledged = false
    const waiting = appendFrame(log, textFrame('during')).then((offset) => {
      acknowledged = true
      return offset
    })
    await eventually('the log is full', () => log.state === 'full')
    expect(() => appendFrame(log, textFrame('refused'))).toThrow(
      expect.objectContaining({ code: 'LOG_FULL' }),
    )
    expect(acknowledged).toBe(false)
    expect(log.head).toBe(1)
    await nats.restart(1)
    await nats.restart(2)
    expect(await waiting).toBe(1)
    await eventually('it is open again', () => log.state === 'open')
    expect(await appendPatiently(log, textFrame('after'))).toBe(2)
    expect((await readAll(log)).records.map(({ text }) => text)).toEqual(['before', 'during', 'after'])
  },
)

test('what waits for the servers is bounded', CLUSTER_MS, async () => {
  const log = await openLog(newName(), { waitingBytesMax: 4_096, slowMs: 60_000 })
  const text = 'x'.repeat(1_500)
  const waiting = [appendFrame(log, textFrame(text)), appendFrame(log, textFrame(text))]
  expect(() => appendFrame(log, textFrame(text))).toThrow(expect.objectContaining({ code: 'LOG_FULL' }))
  expect(log.stats().waitingBytes).toBeLessThanOrEqual(4_096)
  await Promise.all(waiting)
})

test('hubs that append to one log agree on every offset', CLUSTER_MS, async () => {
  const name = newName()
  const hubs = [await openLog(name), await openLog(name), await openLog(name)]
  const stops = hubs.map((log, i) => writing(log, `h${i}`))
  await eventually('much is appended', () => (hubs[0]?.head ?? 0) > 300, { withinMs: 60_000 })
  const acknowledged = new Map((await Promise.all(stops.map((stop) => stop()))).flatMap((one) => [...one]))
  const head = Math.max(...hubs.map((log) => log.head))
  for (const log of hubs) await log.beyond(head - 1, AbortSignal.timeout(20_000))
  const seen = await Promise.all(hubs.map((log) => readAll(log)))
  for (const log of hubs) await expectKept(log, acknowledged)
  expect(acknowledged.size).toBe(head)
  expect(seen[1]?.records).toEqual(seen[0]?.records)
  // One that comes later and knows nothing, and one that reads it all from the servers.
  expect((await readAll(await openLog(name, { tailBytesMax: 0 }))).records).toEqual(seen[0]?.records)
})

test('ids that another hub took are known here', CLUSTER_MS, async () => {
  const name = newName()
  const [here, there] = [await openLog(name), await openLog(name)]
  const dedupe = await openDedupe({ directory: await tempFolder(), clock: systemClock, log: here })
  onTestFinished(() => dedupe.close())
  await appendFrame(there, { receivedAt: Date.now(), records: [{ text: 'a', id: identityOf(1) }] })
  await here.beyond(0, AbortSignal.timeout(20_000))
  const mark = (n: number): number =>
    dedupe.mark(1, Uint32Array.from(identityOf(n)), 1, 4, 0, Date.now(), new Uint8Array(1), new Uint8Array(1))
  expect(mark(1)).toBe(1)
  expect(mark(2)).toBe(0)
})

test(
  'a hub with an empty folder finds the same records, and the ids in them, when the servers answer',
  CLUSTER_MS,
  async () => {
    const name = newName()
    const options = { stretchBytes: 65_536 }
    const first = await openLog(name, options)
    for (let i = 0; i < 60; i++)
      await appendPatiently(first, {
        receivedAt: Date.now(),
        source: i % 2,
        records: [{ text: 'x'.repeat(4_000), id: identityOf(i) }],
      })
    const before = await readAll(first)
    await first.close()
    const again = await openLog(name, options)
    expect([again.tail, again.head]).toEqual([0, 60])
    for (const i of [0, 1, 2]) nats.pause(i)
    await expect(again.read(0, 1_000)).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' })
    for (const i of [0, 1, 2]) nats.resume(i)
    await eventually('the servers answer again', () => readAll(again).catch(() => false), {
      withinMs: 30_000,
    })
    expect(await readAll(again)).toEqual(before)
    expect(await again.find(identityOf(17))).toEqual([17])
    expect(await again.count(new Set([1]), 0, 60)).toBe(30)
    const dedupe = await openDedupe({ directory: await tempFolder(), clock: systemClock, log: again })
    onTestFinished(() => dedupe.close())
    const seen = new Uint8Array(1)
    expect(
      dedupe.mark(1, Uint32Array.from(identityOf(59)), 1, 4, 0, Date.now(), new Uint8Array(1), seen),
    ).toBe(1)
  },
)

test('a hub that comes back to its folder need not read the stream again', CLUSTER_MS, async () => {
  const name = newName()
  const directory = await tempFolder()
  const first = await openLog(name, { directory, stretchBytes: 65_536 })
  for (let i = 0; i < 40; i++)
    await appendPatiently(first, { records: [{ text: 'x'.repeat(4_000), id: identityOf(i) }] })
  await first.close()
  const files = await readdir(directory)
  expect(files.filter((file) => file.endsWith('.ids')).length).toBeGreaterThan(1)
  const again = await openLog(name, { directory, stretchBytes: 65_536 })
  expect([again.tail, again.head]).toEqual([0, 40])
  expect(await again.find(identityOf(39))).toEqual([39])
  expect(await appendFrame(again, textFrame('next'))).toBe(40)
})

test('what is not ours, and what is broken, is reported and stepped over', CLUSTER_MS, async () => {
  const name = newName()
  const gaps: { from: number; to: number }[] = []
  const note = ({ from, to }: { from: number; to: number }): void => void gaps.push({ from, to })
  const log = await openLog(name, { onCorrupt: note })
  await appendFrame(log, textFrame('a', 'b'))
  const { nc } = await nats.manager()
  const broken = headers()
  broken.set('Nats-Msg-Id', 'broken')
  broken.set('Thalweg-Label', '1 frames 3 0 1 2')
  await nc.request(`thalweg.${name}.frames`, 'not a frame')
  await nc.request(`thalweg.${name}.frames`, 'torn', { headers: broken, timeout: 5_000 })
  expect(await appendPatiently(log, textFrame('c'))).toBe(5)
  const { records, gaps: read } = await readAll(log)
  expect(records.map(({ offset, text }) => [offset, text])).toEqual([
    [0, 'a'],
    [1, 'b'],
    [5, 'c'],
  ])
  expect(read).toEqual([{ from: 2, to: 5 }])
  expect(gaps).toEqual(
    expect.arrayContaining([
      { from: 2, to: 2 },
      { from: 2, to: 5 },
    ]),
  )
  expect((await readAll(await openLog(name))).records).toEqual(records)
})

test(
  'a message that somebody removed leaves a gap of its size, and other offsets as they were',
  CLUSTER_MS,
  async () => {
    const name = newName()
    const log = await openLog(name)
    for (const texts of [['a'], ['b', 'c', 'd'], ['e'], ['f']]) await appendFrame(log, textFrame(...texts))
    const { jsm } = await nats.manager()
    await jsm.streams.deleteMessage(`THALWEG-${name}`, 2)
    const again = await openLog(name)
    expect(again.head).toBe(6)
    const { records, gaps } = await readAll(again)
    expect(records.map(({ offset, text }) => [offset, text])).toEqual([
      [0, 'a'],
      [4, 'e'],
      [5, 'f'],
    ])
    expect(gaps).toEqual([{ from: 1, to: 4 }])
  },
)

test(
  'retention passes no reader of any hub, and a hub that comes later tells the offsets all the same',
  CLUSTER_MS,
  async () => {
    const name = newName()
    const options = { stretchBytes: 32_768 }
    const [mine, other] = [await openLog(name, options), await openLog(name, options)]
    other.hold('slow', 30)
    for (let i = 0; i < 80; i++) await appendPatiently(mine, textFrame(`${i}`.padEnd(4_000)))
    await other.beyond(79, AbortSignal.timeout(20_000))
    const { heldBy } = await eventually('the word of the other hub is heard', async () => {
      const trimmed = await mine.retain({ ...KEEP_ALL, bytesMax: 0 })
      return trimmed.heldBy.length > 0 && trimmed
    })
    expect(heldBy).toEqual(['slow'])
    expect(mine.tail).toBeGreaterThan(0)
    expect(mine.tail).toBeLessThanOrEqual(30)
    await eventually('the other hub sees it', () => other.tail === mine.tail)
    expect((await other.read(30, 1)).frames[0]?.baseOffset).toBe(30)
    other.hold('slow', Number.POSITIVE_INFINITY)
    await eventually('more goes', async () => (await mine.retain({ ...KEEP_ALL, bytesMax: 0 })).records > 0)
    expect(mine.tail).toBeGreaterThan(30)
    const late = await openLog(name, options)
    expect([late.tail, late.head]).toEqual([mine.tail, 80])
    expect((await readAll(late)).records).toEqual((await readAll(mine)).records)
  },
)

test('a hub gives the others what it appended; where nobody listens it only rings', CLUSTER_MS, async () => {
  const address = nats.parsed(newName())
  const [teller, listener] = [await Remote.open(address, {}), await Remote.open(address, {})]
  onTestFinished(() => Promise.all([teller.close(), listener.close()]).then(() => undefined))
  const label = { kind: 'frames', records: 1, receivedAtMax: 0, known: { seq: 0, offset: 0 } } as const
  const tell = (): void => teller.tell(5, 'a-5', label, Buffer.from('body'))
  const own: string[] = []
  teller.listen(
    () => void own.push('rung'),
    () => void own.push('told'),
  )
  tell()
  // The servers' answer to that comes before this one.
  await teller.state()
  const heard: string[] = []
  listener.listen(
    (seq) => void heard.push(`rung ${seq}`),
    ({ seq, id, bytes }) => void heard.push(`told ${seq} ${id} ${bytes}`),
  )
  await eventually('it is told', () => {
    tell()
    return heard.at(-1)?.startsWith('told') === true
  })
  expect([heard[0], heard.at(-1), own]).toEqual(['rung 5', 'told 5 a-5 body', []])
})

test('an erasure reaches the disks of all servers and the memory of all hubs', CLUSTER_MS, async () => {
  const name = newName()
  const [log, other] = [await openLog(name), await openLog(name)]
  for (let i = 0; i < 5; i++) await appendFrame(log, textFrame(`keep-${i}`, `secret-of-${name}-${i}`))
  await other.beyond(9, AbortSignal.timeout(20_000))
  expect(await filesWith(`secret-of-${name}`)).not.toEqual([])
  const edit = (frame: FrameView): Buffer => {
    blankRow(frame, 1, ROW_ERASED)
    return frame.bytes
  }
  expect(await log.rewrite(edit, new AbortController().signal)).toEqual({ frames: 5, replaced: 5 })
  const expected = Array.from({ length: 5 }, (_, i) => [
    `keep-${i}`,
    expect.stringMatching(/^\{"erased":true\} *$/),
  ]).flat()
  const texts = async (one: Log): Promise<string[]> => (await readAll(one)).records.map(({ text }) => text)
  expect(await texts(log)).toEqual(expected)
  await other.reread()
  expect(await texts(other)).toEqual(expected)
  const late = await openLog(name)
  expect(await texts(late)).toEqual(expected)
  expect([late.tail, late.head]).toEqual([0, 10])
  // The copies write it out when they next flush. Their log of proposals goes minutes later: docs/cluster.md.
  await eventually('no store file holds it', async () =>
    (await filesWith(`secret-of-${name}`)).every((path) => path.includes('_js_')),
  )
})

/** Files of the servers that hold a text. */
async function filesWith(text: string): Promise<string[]> {
  const found: string[] = []
  for (const path of await readdir(nats.folder, { recursive: true })) {
    const bytes = await readFile(join(nats.folder, path)).catch(() => Buffer.alloc(0))
    if (path.startsWith('store') && bytes.includes(text)) found.push(path)
  }
  return found
}

test('a stream that lost its end goes on behind what was given out', CLUSTER_MS, async () => {
  const name = newName()
  const first = await openLog(name)
  await appendFrame(first, textFrame('a', 'b'))
  await first.close()
  const gaps: unknown[] = []
  const log = await openLog(name, { offsetMin: 10, onCorrupt: (gap) => gaps.push([gap.from, gap.to]) })
  expect(log.head).toBe(10)
  expect(gaps).toContainEqual([2, 10])
  expect(await appendFrame(log, textFrame('c'))).toBe(10)
  const again = await openLog(name)
  const { records } = await readAll(again)
  expect(records.map(({ offset, text }) => [offset, text])).toEqual([
    [0, 'a'],
    [1, 'b'],
    [10, 'c'],
  ])
})

test('a stream that is removed under a hub stops its log', CLUSTER_MS, async () => {
  const name = newName()
  const log = await openLog(name)
  await appendFrame(log, textFrame('a'))
  const { jsm } = await nats.manager()
  const { config } = await jsm.streams.info(`THALWEG-${name}`)
  await jsm.streams.delete(`THALWEG-${name}`)
  await jsm.streams.add(config)
  await eventually('the log is stopped', () => log.state === 'stopped')
  expect(() => appendFrame(log, textFrame('b'))).toThrow(expect.objectContaining({ code: 'LOG_STOPPED' }))
})
