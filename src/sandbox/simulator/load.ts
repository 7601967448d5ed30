/**
 * Ready-made request bodies for benchmarks: the events are serialised once, and before each send only the
 * ids are overwritten, so that the load generator costs next to nothing and a deduplicating receiver still
 * sees new events.
 */

import { eventType } from '../../catalog/catalog.ts'
import { seededRandom } from '../../core/random.ts'
import { pick, weighted } from './draw.ts'
import { eventOf } from './samples.ts'
import { createOrigin } from './values.ts'
import { createWorld, type World } from './world.ts'

export interface LoadOptions {
  readonly seed: number
  /** 1 to 10,000. */
  readonly bodies: number
  /** 1 to 10,000. */
  readonly eventsPerBody: number
  /** Default 2,000. */
  readonly users?: number
  /** `time` of the events in Unix seconds; default 1,780,000,000. */
  readonly nowSeconds?: number
}

export interface LoadBody {
  /** All events of a body have one type, as at Braze. */
  readonly type: string
  readonly count: number
  /** `{"events":[…]}` */
  readonly body: Buffer
  /** Byte positions of the ids, 36 characters each. */
  readonly idPositions: Uint32Array
}

/** What a busy workspace sends, roughly. */
export const LOAD_MIX = [
  { type: 'users.messages.email.Send', weight: 20 },
  { type: 'users.messages.email.Delivery', weight: 19 },
  { type: 'users.messages.email.Open', weight: 12 },
  { type: 'users.messages.email.Click', weight: 4 },
  { type: 'users.messages.pushnotification.Send', weight: 15 },
  { type: 'users.messages.pushnotification.Open', weight: 3 },
  { type: 'users.messages.inappmessage.Impression', weight: 5 },
  { type: 'users.messages.contentcard.Impression', weight: 4 },
  { type: 'users.messages.banner.Impression', weight: 3 },
  { type: 'users.messages.sms.Delivery', weight: 3 },
  { type: 'users.behaviors.CustomEvent', weight: 5 },
  { type: 'users.behaviors.Purchase', weight: 2 },
  { type: 'users.behaviors.app.SessionStart', weight: 3 },
  { type: 'users.canvas.Entry', weight: 2 },
] as const

const USERS = 2000
const NOW_SECONDS = 1_780_000_000
const COUNT_MAX = 10_000

/** Throws RangeError when a number is out of bounds. */
export function buildLoadBodies(options: LoadOptions): readonly LoadBody[] {
  const { bodies, eventsPerBody } = options
  for (const count of [bodies, eventsPerBody]) {
    if (!(count >= 1 && count <= COUNT_MAX))
      throw new RangeError(`Bodies and events per body must be 1 to ${COUNT_MAX}`)
  }
  const random = seededRandom(options.seed)
  const world = createWorld(options.seed, options.users ?? USERS)
  const nowSeconds = options.nowSeconds ?? NOW_SECONDS
  return Array.from({ length: bodies }, () => {
    const { type } = weighted(random, LOAD_MIX)
    const texts = Array.from({ length: eventsPerBody }, () => eventText(type, world, random, nowSeconds))
    return bodyOf(type, texts)
  })
}

function eventText(typeName: string, world: World, random: () => number, nowSeconds: number): string {
  const type = eventType(typeName)
  if (type === undefined) throw new RangeError(`The mix names an unknown type: ${typeName}`)
  const user = pick(random, world.users)
  // `both` makes up for the longer names and properties of real workspaces: about 0.9 KB an event.
  const origin = createOrigin(random, world, pick(random, ['campaign', 'canvas', 'both'] as const))
  return JSON.stringify(eventOf(type, { random, world, user, origin, nowSeconds, kept: new Map() }, user))
}

const ID_KEY = '"id":"'

function bodyOf(type: string, texts: readonly string[]): LoadBody {
  const idPositions = new Uint32Array(texts.length)
  let at = '{"events":['.length
  texts.forEach((text, i) => {
    // Everything before the id is ASCII: the event type.
    idPositions[i] = at + text.indexOf(ID_KEY) + ID_KEY.length
    at += Buffer.byteLength(text) + 1
  })
  return { type, count: texts.length, body: Buffer.from(`{"events":[${texts.join(',')}]}`), idPositions }
}

const DIGITS = Buffer.from('0123456789abcdef')

/**
 * Overwrites the first and the last eight digits of every id of a body, so that the patcher never gives the
 * same id twice within 4,294,967,296 ids; they are spread evenly over the range of their digits, as random
 * ones are. Patchers of other seeds give other ids.
 */
export function createIdPatcher(seed: number): (body: Pick<LoadBody, 'body' | 'idPositions'>) => void {
  const random = seededRandom(seed)
  const firstKey = Math.floor(random() * 0x100000000)
  const lastKey = Math.floor(random() * 0x100000000)
  let counter = 0
  return ({ body, idPositions }) => {
    for (const position of idPositions) {
      const first = mixed(counter++ ^ firstKey)
      writeHex(body, position, first)
      writeHex(body, position + 28, mixed(first ^ lastKey))
    }
  }
}

/** The finalizer of MurmurHash3: one-to-one on 32 bits, so distinct counters stay distinct. */
function mixed(value: number): number {
  let word = value
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return (word ^ (word >>> 16)) >>> 0
}

function writeHex(body: Buffer, at: number, word: number): void {
  for (let i = 0; i < 8; i++) body[at + i] = DIGITS[(word >>> (28 - 4 * i)) & 15] ?? 0
}
