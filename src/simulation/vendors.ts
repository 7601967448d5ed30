/** The vendors of a simulated world: the sandbox's doubles without their sockets, and what is seen of each request that they take. */

import { hash } from 'node:crypto'
import { seededRandom } from '../core/random.ts'
import type { Answer } from '../sandbox/answer.ts'
import type { Call, Vendor } from '../sandbox/double.ts'
import { FaultSwitch } from '../sandbox/faults.ts'
import { HttpSink } from '../sandbox/http-sink.ts'
import { DEMO } from '../sandbox/sandbox.ts'
import { Segment } from '../sandbox/segment.ts'
import { TreasureData } from '../sandbox/treasure-data.ts'
import type { VendorName } from './faults.ts'
import type { WorldClock } from './time.ts'
import { type CurrentName, POISON, type Taking, type Witness } from './witness.ts'

/** By the host of its address. */
export const HOSTS: Readonly<Record<CurrentName, string>> = {
  'treasure-data': 'treasure-data.sim',
  webhook: 'webhook.sim',
  'segment-a': 'segment-a.sim',
  'segment-b': 'segment-b.sim',
}

export const SEGMENT_KEYS = { 'segment-a': 'simulatedWriteKeyA', 'segment-b': 'simulatedWriteKeyB' } as const

const CURRENTS: ReadonlyMap<string, CurrentName> = new Map(
  Object.entries(HOSTS).map(([name, host]) => [host, name as CurrentName]),
)

export function currentAt(host: string): CurrentName {
  const current = CURRENTS.get(host)
  if (current === undefined) throw new Error(`Nobody of the simulated world lives at ${host}`)
  return current
}

export function vendorOf(current: CurrentName): VendorName {
  if (current === 'treasure-data') return 'treasure-data'
  return current === 'webhook' ? 'http' : 'segment'
}

interface Sent {
  readonly ids: readonly string[]
  /** The events as they are in the request, where they travel as they came. */
  readonly texts: readonly string[] | undefined
}

export class Vendors {
  readonly treasureData: TreasureData
  readonly segment: Segment
  readonly http: HttpSink
  readonly #witness: Witness

  constructor(seed: number, clock: WorldClock, witness: Witness) {
    this.#witness = witness
    const setting = (current: CurrentName) => {
      const faults = new FaultSwitch(clock, seededRandom(seed))
      faults.set([{ kind: 'refuse', property: `properties.${POISON}`, equals: current }])
      return { clock, random: seededRandom(seed), faults }
    }
    this.treasureData = new TreasureData(setting('treasure-data'), {
      keys: [DEMO.treasureDataKey],
      databases: [DEMO.database],
    })
    this.segment = new Segment(setting('segment-a'), {
      writeKeys: Object.values(SEGMENT_KEYS),
      eventsMax: EVENTS_MAX,
    })
    this.http = new HttpSink(setting('webhook'), { requestsMax: 1 })
  }

  /** What the request brought is taken in, and noted; `told` of a taking is set by whoever brings the answer home. */
  async take(
    current: CurrentName,
    call: Call,
    about: Omit<Taking, 'told'>,
  ): Promise<{ answer: Answer; takings: Taking[] }> {
    const answer = await this.#vendor(current).answer(call)
    const sent = sentIn(current, call.body)
    this.#noteRequest(current, call, about.life, sent)
    const takings: Taking[] = []
    const takes = takenBy(current, answer, sent.ids.length)
    sent.ids.forEach((id, i) => {
      if (!takes(i)) return
      const taking = { ...about, told: false }
      takings.push(taking)
      this.#witness.takings[current].take(id, taking)
      const text = sent.texts?.[i]
      if (text !== undefined && text !== this.#witness.sent.get(id)?.bytes) this.#witness.altered.push(id)
    })
    return { answer, takings }
  }

  #vendor(current: CurrentName): Vendor {
    const name = vendorOf(current)
    if (name === 'http') return this.http
    return name === 'segment' ? this.segment : this.treasureData
  }

  #noteRequest(current: CurrentName, { body }: Call, life: number, { ids }: Sent): void {
    const key = `${life} ${current} ${hash('sha1', ids.join())}`
    const bytes = hash('sha1', body)
    const before = this.#witness.requests.get(key)
    if (before === undefined) this.#witness.requests.set(key, bytes)
    else if (before !== bytes) this.#witness.changed.push(ids[0] ?? '')
  }
}

const EVENTS_MAX = 5_000_000

function sentIn(current: CurrentName, body: Buffer): Sent {
  const { events, records, batch } = JSON.parse(body.toString()) as {
    events?: readonly { id: string }[]
    records?: readonly { id: string }[]
    batch?: readonly { messageId: string }[]
  }
  if (vendorOf(current) === 'segment')
    return { ids: (batch ?? []).map(({ messageId }) => eventIdIn(messageId)), texts: undefined }
  const sent = events ?? records ?? []
  return { ids: sent.map(({ id }) => id), texts: sent.map((event) => JSON.stringify(event)) }
}

/** Message ids carry the current's key behind the event's id. */
export function eventIdIn(messageId: string): string {
  return messageId.slice(0, messageId.lastIndexOf(':'))
}

function takenBy(current: CurrentName, { status, body = '' }: Answer, count: number): (i: number) => boolean {
  if (status < 200 || status > 299 || count === 0) return () => false
  if (current !== 'treasure-data') return () => true
  const { receipts } = JSON.parse(String(body)) as { receipts: readonly { success: boolean }[] }
  return (i) => receipts[i]?.success === true
}
