/** What a step would bring about, asked of the hub: over the last kept events, people as they are, cohorts as the vendor accepted them. Nothing is kept and nothing is sent. */

import { path } from '../core/api-path.ts'
import { ThalwegError } from '../core/errors.ts'
import type { ProfileSchema } from '../profiles/schema.ts'
import type { Desk } from './desk.ts'
import type { Inventory } from './inventory.ts'
import { type Body, valueAt } from './kinds.ts'
import type { Step } from './plan.ts'

export interface Effect {
  /** Whole sentences. */
  readonly words: readonly string[]
  /** The same for programs, by name. */
  readonly numbers: Readonly<Record<string, number>>
}

export interface EffectInput {
  readonly desk: Desk
  readonly inventory: Inventory
  /** The schema of profiles as it would be. */
  readonly schema: ProfileSchema | undefined
  /** Texts of saved queries as they would be, by name. */
  readonly queries: ReadonlyMap<string, Body>
  /** So many kept events are looked at. */
  readonly events: number
}

/** Steps that are rehearsed: the others are told as they are. */
export const EFFECTS_MAX = 100
/** People that an audience is tried on: everybody, or so many from all over. */
const LOOK_MAX = 100_000
const DAY_MINUTES = 1_440

type Numbers = Readonly<Record<string, number>>

/** undefined: it has none beyond itself. Never throws for what the hub refuses: it says so. */
export async function effectOf(step: Step, input: EffectInput): Promise<Effect | undefined> {
  try {
    return step.action === 'remove' ? await ofRemoval(step, input) : await ofChange(step, input)
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    return { words: [`What it brings about cannot be told now: ${error.message}`], numbers: {} }
  }
}

async function ofChange(step: Step, input: EffectInput): Promise<Effect | undefined> {
  const { kind, name, live, wanted = {} } = step
  const { desk, inventory } = input
  const sent = inventory.sent(kind, wanted)
  switch (kind) {
    case 'current':
      return ofCurrent(step, sent, input)
    case 'stream':
      return ofStream(name, input)
    case 'audience': {
      const against = live === undefined ? {} : { against: live.name }
      const { size, change } = await desk.send<{
        size: number
        change: { entered: number; left: number } | null
      }>('POST', '/audiences/preview', { filter: wanted.filter, sample: 0, look: LOOK_MAX, ...against })
      const moved: Record<string, number> =
        change === null ? {} : { entered: change.entered, left: change.left }
      const words = change === null ? '' : `: ${count(change.entered)} enter, ${count(change.left)} leave`
      return { words: [`It means ${people(size)}${words}`], numbers: { size, ...moved } }
    }
    case 'segment': {
      const size = await sizeOf(
        desk.send('POST', '/segments/preview', { parent: wanted.parent, rule: wanted.rule, rows: 0 }),
      )
      if (live === undefined) return { words: [`It means ${people(size)}`], numbers: { size } }
      const before = await sizeOf(desk.get(`${path`/segments/${live.id}`}/preview?rows=0`))
      return { words: [`It means ${people(size)}; until now ${count(before)}`], numbers: { size, before } }
    }
    case 'activation':
      return ofActivation(step, sent, input)
    case 'export': {
      const preview = await desk.send<Record<string, number>>('POST', '/exports/preview', sent)
      const { people: first = 0, members = 0, requests = 0, dataPoints = 0, minutes = 0 } = preview
      return {
        words: [
          `${people(members)} are in its audiences; a start would send ${count(first)}: ${counted(requests, 'request')}, ${counted(dataPoints, 'data point')}, ${counted(minutes, 'minute')}`,
        ],
        numbers: { people: first, members, requests, dataPoints, minutes },
      }
    }
    case 'authorization':
      return live === undefined ? undefined : ofAuthorization(live.id, input)
    default:
      return undefined
  }
}

/** The change simulator. */
async function ofCurrent(
  { live, wanted = {} }: Step,
  sent: Body,
  { desk, events, inventory }: EffectInput,
): Promise<Effect> {
  const sources = wanted.sources as readonly string[]
  const authorization = valueAt(wanted, ['destination', 'authorization'])
  const isWhole =
    sources.every((name) => inventory.find('source', name) !== undefined) &&
    (typeof authorization !== 'string' || inventory.find('authorization', authorization) !== undefined)
  if (!isWhole)
    return ofSelection(
      wanted,
      desk,
      sources.filter((name) => inventory.find('source', name) !== undefined),
    )
  const {
    records,
    sent: flowing,
    unsent,
    changes,
  } = await desk.send<{
    records: number
    sent: number
    unsent: readonly { reason: string; count: number }[]
    changes: { added: number; removed: number; different: number; same: number } | null
  }>('POST', '/currents/rehearse', {
    ...{ definition: sent, records: events, samples: 0 },
    ...(live === undefined ? {} : { against: live.name }),
  })
  const reasons = unsent.map(({ reason, count: n }) => `${count(n)} ${reason}`).join(', ')
  const words = [
    `Of the last ${count(records)} events of its sources it sends ${count(flowing)}${reasons === '' ? '' : ` (not sent: ${reasons})`}`,
  ]
  if (changes === null) return { words, numbers: { records, sent: flowing } }
  const { added, removed, different, same } = changes
  words.push(
    `Against now: ${count(added)} more, ${count(removed)} no more, ${count(different)} sent otherwise, ${count(same)} the same`,
  )
  return { words, numbers: { records, sent: flowing, added, removed, different, same } }
}

/** Where there is nothing to rehearse a write with. */
async function ofSelection({ selection }: Body, desk: Desk, sources: readonly string[]): Promise<Effect> {
  const { accepted, flowing } = await desk.send<{ accepted: number; flowing: number }>(
    'POST',
    '/currents/selection',
    {
      ...{ selection, sources, minutes: DAY_MINUTES },
    },
  )
  return {
    words: [
      `Of ${count(accepted)} events of the last day from its sources, ${count(flowing)} are of types that flow; how they look at the destination can be told once its sources and its authorization are there`,
    ],
    numbers: { accepted, flowing },
  }
}

async function ofStream(stream: string, { desk, schema, events }: EffectInput): Promise<Effect | undefined> {
  if (schema === undefined) return undefined
  const { unmapped, lost, ...numbers } = await desk.send<
    {
      unmapped: readonly { reason: string; count: number }[]
      lost: readonly { field: string; count: number }[]
    } & Numbers
  >('POST', '/profile-schema/rehearse', { definition: schema, stream, records: Math.min(events, 1_000) })
  const { records = 0, mapped = 0, added = 0, removed = 0, different = 0, same = 0 } = numbers as Numbers
  const reasons = unmapped.map(({ reason, count: n }) => `${count(n)} ${reason}`).join(', ')
  const words = [
    `Of its last ${count(records)} records it maps ${count(mapped)}${reasons === '' ? '' : ` (not mapped: ${reasons})`}`,
    `Against now: ${count(added)} more, ${count(removed)} no more, ${count(different)} otherwise, ${count(same)} the same`,
  ]
  if (lost.length > 0)
    words.push(
      `Values that cannot be made: ${lost.map(({ field, count: n }) => `${field} ${count(n)}`).join(', ')}`,
    )
  return { words, numbers: { records, mapped, added, removed, different, same } }
}

async function ofActivation(
  { wanted = {} }: Step,
  sent: Body,
  { desk, queries }: EffectInput,
): Promise<Effect> {
  // Of a saved query the text that it will have.
  const saved = valueAt(wanted, ['query', 'saved'])
  const text = typeof saved === 'string' ? queries.get(saved) : undefined
  const definition = text === undefined ? sent : { ...sent, query: { engine: text.engine, sql: text.sql } }
  const answer = await desk.send<{
    [number: string]: unknown
    cost: { requests: number; dataPoints: number; secondsAtRateLimit: number } | null
    hold: string | null
  }>('POST', '/activations/rehearse', definition)
  const { cost, hold } = answer
  const [members, added, removed, unchanged] = ['members', 'added', 'removed', 'unchanged'].map((name) =>
    Number(answer[name]),
  )
  const words = [
    `A run now would add ${count(added)} and remove ${count(removed)}; ${count(unchanged)} stay (members now: ${count(members)})`,
  ]
  if (cost !== null)
    words.push(
      `It would cost ${counted(cost.requests, 'request')} and ${counted(cost.dataPoints, 'data point')}, ${count(cost.secondsAtRateLimit)} s at the rate limit`,
    )
  if (hold !== null) words.push(`It would be held: ${hold}`)
  return {
    words,
    numbers: {
      members: members ?? 0,
      added: added ?? 0,
      removed: removed ?? 0,
      unchanged: unchanged ?? 0,
      ...cost,
    },
  }
}

async function ofAuthorization(id: string, { desk }: EffectInput): Promise<Effect> {
  const { uses } = await desk.get<{ uses: readonly { sort: string; name: string }[] }>(
    path`/authorizations/${id}/uses`,
  )
  const users = uses.map(({ sort, name }) => `${sort} ${name}`).join(', ')
  return { words: [users === '' ? 'Nothing uses it' : `Used by ${users}`], numbers: { uses: uses.length } }
}

async function ofRemoval({ kind, name, live }: Step, { desk }: EffectInput): Promise<Effect | undefined> {
  if (live === undefined) return undefined
  switch (kind) {
    case 'current': {
      const { status } = await desk.get<{ status: { pending: number } }>(path`/currents/${name}`)
      return {
        words: [
          `${count(status.pending)} accepted events would not be sent any more; its books and dead letters stay`,
        ],
        numbers: { pending: status.pending },
      }
    }
    case 'export': {
      const { status } = await desk.get<{ status: { removal: Record<string, number> } }>(
        path`/exports/${live.id}`,
      )
      const { people: holding = 0, requests = 0, dataPoints = 0, minutes = 0 } = status.removal
      return {
        words: [
          `Its slugs are removed from ${people(holding)} first: ${counted(requests, 'request')}, ${counted(dataPoints, 'data point')}, ${counted(minutes, 'minute')}`,
        ],
        numbers: { people: holding, requests, dataPoints, minutes },
      }
    }
    case 'activation':
      return { words: ['The cohort stays as it is at the vendor'], numbers: {} }
    case 'source':
      return { words: ['Its door closes for ever; what it sent stays in the log'], numbers: {} }
    default:
      return undefined
  }
}

async function sizeOf(asked: Promise<unknown>): Promise<number> {
  return ((await asked) as { size: number }).size
}

function people(n: number): string {
  return n === 1 ? '1 person' : `${count(n)} people`
}

function counted(n: number, word: string): string {
  return `${count(n)} ${word}${n === 1 ? '' : 's'}`
}

function count(n = 0): string {
  return n.toLocaleString('en')
}
