/**
 * The official Segment SDK for Node, pointed at the hub over a real socket: every call arrives once, in the log and
 * at a destination, also when its requests fail on the way and it sends them again.
 */

import { Analytics } from '@segment/analytics-node'
import { expect, test } from 'vitest'
import type { Hub } from '../../src/hub.ts'
import { type Fault, startFaultProxy } from '../support/fault-proxy.ts'
import { httpSink, type Stack, startStack } from '../support/stack.ts'

const CALLS = 10_000
const WRITE_KEY = 'segment-write-key'
const READ_BYTES = 4_194_304

const CALL_KINDS = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const

type Person = { readonly userId: string } | { readonly anonymousId: string }
interface Call {
  readonly person: Person
  readonly serial: number
}

const MAKE: Readonly<Record<(typeof CALL_KINDS)[number], (analytics: Analytics, call: Call) => void>> = {
  track: (analytics, { person, serial }) =>
    analytics.track({ ...person, event: 'Order Completed', properties: { serial, text: 'Grüße' } }),
  identify: (analytics, { person, serial }) => analytics.identify({ ...person, traits: { serial } }),
  page: (analytics, { person, serial }) =>
    analytics.page({ ...person, name: 'Home', properties: { serial } }),
  screen: (analytics, { person, serial }) =>
    analytics.screen({ ...person, name: 'Home', properties: { serial } }),
  group: (analytics, { person, serial }) =>
    analytics.group({ ...person, groupId: `group-${serial % 20}`, traits: { serial } }),
  alias: (analytics, { serial }) =>
    analytics.alias({ userId: `user-${serial % 500}`, previousId: `previous-${serial}` }),
}

/** Of a kind by turns, for a person who is named, or not. */
function call(analytics: Analytics, serial: number): void {
  const person =
    serial % 5 === 0 ? { anonymousId: `anonymous-${serial % 500}` } : { userId: `user-${serial % 500}` }
  MAKE[CALL_KINDS[serial % CALL_KINDS.length] ?? 'track'](analytics, { person, serial })
}

async function sendAll(host: string): Promise<unknown[]> {
  const failures: unknown[] = []
  // All requests go out at once: how long the last ones take is the machine's business, and none is to be given up for that.
  const analytics = new Analytics({
    writeKey: WRITE_KEY,
    host,
    flushAt: 100,
    maxRetries: 20,
    httpRequestTimeout: 120_000,
  })
  analytics.on('error', (error) => failures.push(error))
  for (let i = 0; i < CALLS; i++) call(analytics, i)
  await analytics.closeAndFlush({ timeout: 120_000 })
  return failures
}

async function startWithSegment(): Promise<Stack> {
  const stack = await startStack()
  await stack.hub.sources.create({ name: 'web', kind: 'segment', settings: {}, token: WRITE_KEY })
  await stack.launch('c', httpSink(stack.sandbox), {
    sources: ['web'],
    selection: { include: ['segment.*'] },
    externalId: 'optional',
  })
  return stack
}

/** Every record of the log as its type and messageId. */
async function logged({ log }: Hub): Promise<{ type: string; messageId: string }[]> {
  const records: { type: string; messageId: string }[] = []
  for (let from = log.tail; from < log.head; ) {
    const run = await log.read(from, READ_BYTES)
    for (const frame of run.frames) {
      for (let i = 0; i < frame.count; i++) {
        const text = frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i))
        const { messageId } = JSON.parse(text) as { messageId: string }
        records.push({ type: frame.types[frame.rowType(i)] ?? '', messageId })
      }
    }
    from = run.next
  }
  return records
}

async function expectEachOnce({ hub, sandbox }: Stack): Promise<void> {
  const records = await logged(hub)
  expect(records).toHaveLength(CALLS)
  expect(new Set(records.map(({ messageId }) => messageId)).size).toBe(CALLS)
  for (const [turn, kind] of CALL_KINDS.entries()) {
    const expected = Math.ceil((CALLS - turn) / CALL_KINDS.length)
    expect(records.filter(({ type }) => type === `segment.${kind}`)).toHaveLength(expected)
  }
  const arrived = sandbox.http.arrivals.counts()
  expect(arrived.size).toBe(CALLS)
  expect([...arrived.values()].every((times) => times === 1)).toBe(true)
}

test('ten thousand mixed calls arrive once each', async () => {
  const stack = await startWithSegment()
  expect(await sendAll(stack.hub.url)).toEqual([])
  await stack.settled()
  await expectEachOnce(stack)
  const { counts, remarked } = stack.hub.doors.verdicts.of(stack.hub.sources.get('web').number)
  expect(counts.map(({ verdict }) => verdict)).toEqual(counts.map(() => 'accepted'))
  expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(CALLS)
  expect(remarked).toEqual([])
}, 120_000)

/** By the number of the request: later ones that are sent again meet another. */
function faultOf(number: number): Fault {
  if (number % 7 === 0) return { status: 503 }
  if (number % 31 === 0) return { status: 429, retryAfterS: 1 }
  if (number % 11 === 0) return 'lose'
  if (number % 13 === 0) return 'cut'
  return 'pass'
}

test('with refusals, broken connections and lost answers on the way nothing is lost and nothing doubled', async () => {
  const stack = await startWithSegment()
  const proxy = await startFaultProxy(stack.hub.url, faultOf)
  expect(await sendAll(proxy.url)).toEqual([])
  await stack.settled()
  for (const fault of ['503', '429', 'lose', 'cut']) expect(proxy.met.get(fault) ?? 0).toBeGreaterThan(0)
  await expectEachOnce(stack)
  const { counts } = stack.hub.doors.verdicts.of(stack.hub.sources.get('web').number)
  const repeats = counts.filter(({ verdict }) => verdict === 'duplicate')
  expect(repeats.reduce((sum, { count }) => sum + count, 0)).toBe(100 * (proxy.met.get('lose') ?? 0))
}, 240_000)
