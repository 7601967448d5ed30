/**
 * Everything between the hub and the others, without a socket: a request takes its time, arrives or not, is answered, and the answer takes its time
 * or is lost. The vendors' side of a request goes on when the hub dies in the middle of it.
 */

import { offAbort, onAbort } from '../core/aborts.ts'
import type { WireReply, WireRequest } from '../core/exchange.ts'
import type { MayStart, NoAnswer, Transport } from '../delivery/transport.ts'
import type { Draws } from './draws.ts'
import type { FaultKind, Place, PlannedFault } from './faults.ts'
import type { WorldClock } from './time.ts'
import { currentAt, type Vendors, vendorOf } from './vendors.ts'
import type { Taking, Witness } from './witness.ts'

export interface DoorAnswer {
  readonly status: number
  /** Of a refusal; '' otherwise. */
  readonly code: string
}

/** A hub as the network sees it. */
export interface Reachable {
  readonly number: number
  readonly isOver: boolean
  /** undefined: it died before it answered. */
  door(body: Buffer): Promise<DoorAnswer | undefined>
}

export interface NetworkParts {
  readonly clock: WorldClock
  readonly draws: Draws
  readonly vendors: Vendors
  readonly witness: Witness
  readonly fault: (kind: FaultKind, place: Place | '') => PlannedFault | undefined
  /** The hub that listens now. */
  readonly hub: () => Reachable | undefined
}

const LATENCY_MS = [2, 60] as const
const SLOW_MS = [1_000, 90_000] as const
const OVERTAKEN_MS = [0, 25_000] as const
const DOOR_OVERTAKEN_MS = [0, 600_000] as const
/** As the hub's own transport gives up. */
const ANSWER_MS_MAX = 60_000
const LOST = 0.3
const REPEATED = 0.5
const REPEATED_AFTER_MS = [60_000, 6 * 3_600_000] as const
/** Of what a hub was sending when it died. */
const ARRIVES_ALL_THE_SAME = 0.5

export class Network {
  readonly #parts: NetworkParts
  /** Requests on their way to a vendor or to the door. */
  underWay = 0
  /** Batches that were acknowledged and are to be repeated. */
  repeating = 0

  constructor(parts: NetworkParts) {
    this.#parts = parts
  }

  /** By which one life of the hub sends. */
  transport(life: Reachable): Transport {
    return {
      send: (request, signal, mayStart) => this.#send(life, request, signal, mayStart),
      close: async () => undefined,
    }
  }

  /** A request of the sender: the status that it hears of. */
  async post(body: Buffer, ids: readonly string[]): Promise<number | undefined> {
    this.underWay++
    try {
      return await this.#post(body, ids)
    } finally {
      this.underWay--
    }
  }

  async #post(body: Buffer, ids: readonly string[]): Promise<number | undefined> {
    const { clock, draws, fault } = this.#parts
    const answer = await this.#atDoor(body, ids)
    await clock.sleep(draws.between('door answer', ...LATENCY_MS))
    if (answer === undefined) return undefined
    if (fault('lost', 'door') !== undefined && draws.happens('door lost', LOST)) return undefined
    const isTaken = answer.status >= 200 && answer.status < 300
    if (isTaken && fault('duplicate', 'door') !== undefined && draws.happens('door repeated', REPEATED))
      this.#repeatLater(body, ids)
    return answer.status
  }

  #repeatLater(body: Buffer, ids: readonly string[]): void {
    const { clock, draws } = this.#parts
    this.repeating++
    clock.after(draws.between('repeat', ...REPEATED_AFTER_MS), () => {
      void this.#atDoor(body, ids).finally(() => this.repeating--)
    })
  }

  async #atDoor(body: Buffer, ids: readonly string[]): Promise<DoorAnswer | undefined> {
    const { clock, draws, fault, hub, witness } = this.#parts
    const late =
      fault('reorder', 'door') === undefined ? 0 : draws.between('door overtaken', ...DOOR_OVERTAKEN_MS)
    await clock.sleep(draws.between('door', ...LATENCY_MS) + late)
    const listening = fault('partition', 'door') === undefined ? hub() : undefined
    if (listening === undefined) return undefined
    const answer = await listening.door(body)
    witness.answered(ids, answer)
    return answer
  }

  async #send(
    life: Reachable,
    request: WireRequest,
    signal: AbortSignal,
    mayStart: MayStart | undefined,
  ): Promise<WireReply | NoAnswer> {
    // The hub takes its buffers back when it gives up.
    const body = copyOf(request.body)
    this.underWay++
    const carried = this.#carry(life, { ...request, body }, mayStart).finally(() => this.underWay--)
    const heard = await unlessStopped(carried, signal)
    if (life.isOver || heard === undefined) return noAnswer('stopped by us')
    for (const taking of heard.takings) taking.told = 'status' in heard.answer
    return heard.answer
  }

  /** The request's way to the vendor and back, whether anybody still waits for it or not. */
  async #carry(
    life: Reachable,
    request: WireRequest & { readonly body: Buffer },
    mayStart: MayStart | undefined,
  ): Promise<{ answer: WireReply | NoAnswer; takings: readonly Taking[] }> {
    const { clock, draws, fault, vendors, witness } = this.#parts
    const { host, pathname, search } = new URL(request.url)
    const current = currentAt(host)
    const vendor = vendorOf(current)
    const none = (what: string) => ({ answer: noAnswer(what), takings: [] })
    if (mayStart?.() === false) return none('stopped by us')
    const startedMs = clock.elapsedMs
    const late =
      fault('reorder', vendor) === undefined ? 0 : draws.between(`${current} overtaken`, ...OVERTAKEN_MS)
    await clock.sleep(draws.between(current, ...LATENCY_MS) + late)
    if (fault('partition', vendor) !== undefined) return none('the network cannot be reached')
    if (life.isOver && !draws.happens(`${current} arrives`, ARRIVES_ALL_THE_SAME))
      return none('the hub is gone')

    const locked = fault('locked', vendor)
    const mood = locked ?? fault('errors', vendor)
    let reply: WireReply
    let takings: readonly Taking[] = []
    if (mood !== undefined) {
      if (locked !== undefined) witness.takings[current].turnedAwayAtMs = clock.now()
      reply = { status: Number(mood.detail), headers: {}, body: Buffer.from('{"error":"simulated"}') }
    } else {
      const { method, headers, body } = request
      const call = { method, path: pathname, query: search.slice(1), headers, address: '127.0.0.1', body }
      const taken = await vendors.take(current, call, { atMs: clock.now(), life: life.number })
      takings = taken.takings
      const { status, headers: named = {}, body: said = '' } = taken.answer
      reply = { status, headers: { 'content-type': 'application/json', ...named }, body: Buffer.from(said) }
    }
    const slow = fault('slow', vendor)
    const [least, most] = slow === undefined ? LATENCY_MS : SLOW_MS
    const backMs = draws.between(`${current} answer`, least, most)
    const leftMs = startedMs + ANSWER_MS_MAX - clock.elapsedMs
    await clock.sleep(Math.min(backMs, leftMs))
    if (backMs >= leftMs) return { answer: noAnswer('the answer took too long'), takings }
    if (fault('lost', vendor) !== undefined && draws.happens(`${current} lost`, LOST))
      return { answer: noAnswer('the connection was cut'), takings }
    return { answer: reply, takings }
  }
}

function copyOf(body: WireRequest['body']): Buffer {
  if (body === undefined) return Buffer.alloc(0)
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body)
}

function noAnswer(why: string): NoAnswer {
  return { noAnswer: { kind: 'unreachable', message: `No answer: ${why}` } }
}

/** undefined: stopped before. */
function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined)
    onAbort(signal, stop)
    work.then(resolve, reject).finally(() => offAbort(signal, stop))
  })
}
