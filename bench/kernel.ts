/**
 * What the kernel costs per event, on events like those of a Braze Currents Custom HTTP connector (about 0.9 KB, 100 per body).
 * `node bench/kernel.ts` prints a table; the budgets are 0.8 µs for a scan and 1.5 µs for a projection.
 */

import { createJavaScriptKernel, createKernel } from '../src/core/kernel/create.ts'
import { ITEM_END, ITEM_START, ITEM_WORDS, type Kernel, type Member } from '../src/core/kernel/kernel.ts'
import { type Random, seededRandom } from '../src/core/random.ts'

const EVENTS = 100
const ROUND_MS = 300
const ROUNDS = 5

const random = seededRandom(7)
const encoder = new TextEncoder()

function hexDigits(count: number, from: Random): string {
  let digits = ''
  while (digits.length < count) digits += Math.floor(from() * 16).toString(16)
  return digits
}

function uuid(): string {
  const d = hexDigits(32, random)
  return `${d.slice(0, 8)}-${d.slice(8, 12)}-4${d.slice(13, 16)}-a${d.slice(17, 20)}-${d.slice(20)}`
}

function event(i: number): unknown {
  return {
    id: uuid(),
    event_type: 'users.messages.email.Open',
    time: 1753000000 + i,
    user: {
      user_id: hexDigits(24, random),
      external_user_id: `customer-${100000 + i}`,
      device_id: uuid(),
      timezone: 'America/Chicago',
    },
    properties: {
      campaign_id: uuid(),
      campaign_name: 'Spring promotion, second wave',
      canvas_id: uuid(),
      canvas_name: i % 7 === 0 ? 'Été à la plage' : 'Onboarding of new customers',
      canvas_step_id: uuid(),
      canvas_step_name: 'Welcome message after three days',
      message_variation_id: uuid(),
      dispatch_id: hexDigits(32, random),
      send_id: hexDigits(24, random),
      email_address: `customer-${100000 + i}@example.com`,
      user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15',
      ip_pool: 'main-pool',
      machine_open: 'true',
      link_id: i,
      is_amp: false,
    },
  }
}

const SEGMENT: readonly Member[] = [
  { key: 'type', constant: 'track' },
  { key: 'event', constant: 'Email Opened' },
  { key: 'messageId', suffixed: ['id'], suffix: '-c7' },
  { key: 'userId', copy: ['user', 'external_user_id'] },
  { key: 'timestamp', isoTime: ['time'] },
  {
    key: 'context',
    object: [
      { key: 'integration', constant: { name: 'Thalweg' } },
      { key: 'traits', object: [{ key: 'email', copy: ['properties', 'email_address'] }] },
      { key: 'device', object: [{ key: 'id', copy: ['user', 'device_id'] }] },
      { key: 'timezone', copy: ['user', 'timezone'] },
      { key: 'userAgent', copy: ['properties', 'user_agent'] },
    ],
  },
  {
    key: 'properties',
    object: [
      { key: 'braze_id', copy: ['user', 'user_id'] },
      {
        rest: 'properties',
        except: ['email_address', 'user_agent'],
        rename: { campaign_id: 'campaignId', canvas_id: 'canvasId', link_id: 'link' },
      },
    ],
  },
]

const PICKED: readonly Member[] = [
  ...['id', 'event_type', 'time'].map((key): Member => ({ key, copy: [key] })),
  ...['user_id', 'external_user_id', 'device_id', 'timezone'].map(
    (key): Member => ({ key, copy: ['user', key] }),
  ),
  ...[
    'campaign_id',
    'campaign_name',
    'canvas_id',
    'canvas_name',
    'canvas_step_id',
    'canvas_step_name',
    'message_variation_id',
    'dispatch_id',
    'send_id',
    'email_address',
    'user_agent',
    'link_id',
    'absent',
  ].map((key): Member => ({ key, copy: ['properties', key] })),
]

const FLAT: readonly Member[] = [
  { key: 'id', copy: ['id'] },
  { key: 'event_type', copy: ['event_type'] },
  { key: 'time', copy: ['time'] },
  { rest: 'user', except: [], rename: {} },
  { rest: 'properties', except: [], rename: {} },
]

/** The best of several rounds, in microseconds of processor time per event. */
function microseconds(task: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    let runs = 0
    let used = 0
    while (used < ROUND_MS * 1000) {
      for (let i = 0; i < 50; i++) task()
      runs += 50
      const { user, system } = process.cpuUsage(before)
      used = user + system
    }
    best = Math.min(best, used / runs / EVENTS)
  }
  return best
}

const body = encoder.encode(JSON.stringify({ events: Array.from({ length: EVENTS }, (_, i) => event(i)) }))
const text = new TextDecoder().decode(body)

function projecting(kernel: Kernel, members: readonly Member[]): () => void {
  const starts = new Uint32Array(EVENTS)
  const ends = new Uint32Array(EVENTS)
  const { items } = kernel.scan(body)
  for (let i = 0; i < EVENTS; i++) {
    starts[i] = items[i * ITEM_WORDS + ITEM_START] ?? 0
    ends[i] = items[i * ITEM_WORDS + ITEM_END] ?? 0
  }
  const programs = new Uint32Array(EVENTS).fill(kernel.compile({ members }))
  const out = new Uint8Array(body.length * 4)
  const outEnds = new Uint32Array(EVENTS)
  return () => {
    if (kernel.project(body, starts, ends, EVENTS, programs, out, 0, outEnds) < 0)
      throw new Error('An event is odd')
  }
}

const options = { bodyBytesMax: 1 << 24, itemsMax: 10_000, key: new Uint8Array(16) }
const rows: Record<string, unknown>[] = []
for (const kernel of [createKernel(options), createJavaScriptKernel(options)]) {
  const into = new Uint32Array(5 * 1000)
  const one = encoder.encode(JSON.stringify(event(1)))
  rows.push({
    executor: kernel.name,
    scan: microseconds(() => kernel.scan(body)),
    segment: microseconds(projecting(kernel, SEGMENT)),
    picked20: microseconds(projecting(kernel, PICKED)),
    flat: microseconds(projecting(kernel, FLAT)),
    members: microseconds(() => kernel.members(one, into)) * EVENTS,
  })
}
rows.push({ executor: 'JSON.parse', scan: microseconds(() => JSON.parse(text)) })
process.stdout.write(
  `${EVENTS} events of ${Math.round(body.length / EVENTS)} bytes, microseconds of processor time per event\n`,
)
console.table(
  rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'number' ? v.toFixed(3) : v])),
  ),
)
