/**
 * An export against its promise: whoever enters, leaves, gets another identifier, is joined into somebody or is erased,
 * whatever the vendor answers or fails to answer, however often the process is killed: in the end each person whom Braze
 * knows has the slugs of the audiences that they are in, and no other one; no request was over 75 people; and no change
 * waited longer than it may.
 */

import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../src/core/random.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import { GATE_DEFAULTS } from '../../src/delivery/gate.ts'
import type { Fields } from '../../src/profiles/values.ts'
import type { FaultRule } from '../../src/sandbox/faults.ts'
import { ATTRIBUTE, ExportWorld, elementsOf } from '../support/exports.ts'

const PEOPLE = 300
const MOVES = 1_000
const WAIT_MS = 300_000
/** How long a vendor that asks for patience may hold up what is due: the gate's longest wait, spread by half. */
const OUTAGE_MS_MAX = 1.5 * GATE_DEFAULTS.delayMsMax

/** What somebody is known by: some by several things, some by nothing that Braze knows, some by nothing. */
function fieldsOf(i: number, generation: number): Fields {
  const mark = generation === 0 ? `${i}` : `${i}.${generation}`
  switch (i % 10) {
    case 0:
      return { crm_id: `c${mark}` }
    case 1:
      return { br_user_id: brazeIdOf(i, generation) }
    case 2:
      return { user_id: `u${mark}`, crm_id: `c${i}` }
    case 3:
      return { email: `p${mark}@example.com` }
    default:
      return { user_id: `u${mark}` }
  }
}

function brazeIdOf(i: number, generation: number): string {
  return (i * 100 + generation).toString(16).padStart(24, '0')
}

/** Braze knows most of them, in all their generations; those with an alias by that, too. */
function load({ braze }: ExportWorld): void {
  for (let i = 1; i <= PEOPLE; i++) {
    if (i % 13 === 0) continue
    for (let generation = 0; generation < 4; generation++) {
      const { user_id: externalId, crm_id: alias, br_user_id: brazeId } = fieldsOf(i, generation)
      // The alias of somebody with an external id does not change with that: one profile has it.
      const aliases =
        alias === undefined || (externalId !== undefined && generation > 0)
          ? []
          : [{ label: 'crm', name: String(alias) }]
      if (externalId === undefined && alias === undefined && brazeId === undefined) continue
      braze.vendor.profiles.load(
        {
          externalId: externalId === undefined ? undefined : String(externalId),
          aliases,
          ...(brazeId === undefined ? {} : { brazeId: String(brazeId) }),
        },
        0,
      )
    }
  }
}

/** By Braze's own matching, whom each address means; then what each of them should have. */
function expectEqual({ braze, people, slugs }: ExportWorld, audiences: readonly number[]): void {
  const { profiles } = braze.vendor
  const shall = new Map<string, string[]>()
  for (const { fields, members } of people.values()) {
    const { user_id: externalId, br_user_id: brazeId, crm_id: alias } = fields as Record<string, string>
    const found =
      externalId !== undefined
        ? profiles.byExternalId(externalId)
        : brazeId !== undefined
          ? profiles.byBrazeId(brazeId)
          : profiles.byAlias({ label: 'crm', name: alias ?? '' })
    if (found === undefined) continue
    const wanted = audiences.flatMap((number) =>
      members[number] === undefined ? [] : (slugs.get(number) ?? []),
    )
    shall.set(found.brazeId, wanted)
  }
  const wrong: unknown[] = []
  for (const { brazeId, externalId, custom } of profiles.all()) {
    const has = elementsOf(custom?.get(ATTRIBUTE))
    const wanted = [...(shall.get(brazeId) ?? [])].sort()
    if (has.join() !== wanted.join()) wrong.push({ brazeId, externalId, has, wanted })
  }
  expect(wrong).toEqual([])
  expect(braze.vendor.excess).toEqual({ items: 0, rate: 0, bytes: 0 })
}

interface Waits {
  /** Somebody enters or leaves; twice is nothing that needs to be told. */
  moved(profile: number, audience: number): void
  /** How late the latest was taken to be sent, in milliseconds. */
  longestMs: number
  /** People of the largest batch. */
  largest: number
}

function watchWaits(world: ExportWorld): Waits {
  /** By what Braze knows somebody by: of each audience since when it is to be told. */
  const waiting = new Map<string, Map<number, number>>()
  const waits: Waits = {
    longestMs: 0,
    largest: 0,
    moved(profile, audience) {
      const { user_id: externalId, br_user_id: brazeId, crm_id: alias } = textsOf(world, profile)
      const key = externalId ?? brazeId ?? alias ?? ''
      const audiences = waiting.get(key) ?? new Map<number, number>()
      waiting.set(key, audiences)
      if (!audiences.delete(audience)) audiences.set(audience, world.clock.now())
    },
  }
  world.onTake = (taken) => {
    waits.largest = Math.max(waits.largest, taken.length)
    for (const { who } of taken) {
      for (const since of waiting.get(who.value)?.values() ?? [])
        waits.longestMs = Math.max(waits.longestMs, world.clock.now() - since)
      waiting.delete(who.value)
    }
  }
  return waits
}

function textsOf({ people }: ExportWorld, profile: number): Readonly<Record<string, string>> {
  return (people.get(profile)?.fields ?? {}) as Record<string, string>
}

class Fate {
  readonly random: Random

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  below(n: number): number {
    return Math.floor(this.random() * n)
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('Nothing to choose from')
    return item
  }
}

test('in quiet times no change waits over 5 minutes, and batches of 75 leave at once', async () => {
  const fate = new Fate(testSeed('exports in quiet times'))
  const world = await ExportWorld.of()
  for (let number = 1; number <= 4; number++) world.slugs.set(number, `audience_${number}`)
  load(world)
  for (let i = 1; i <= PEOPLE; i++) await world.change({ fields: { [i]: fieldsOf(i, 0) } })
  const number = await world.started()
  const waits = watchWaits(world)
  for (let move = 0; move < MOVES; move++) {
    await moved(world, fate, waits)
    if (fate.below(4) === 0) await world.pass(fate.below(15_000))
  }
  await world.pass(WAIT_MS)
  expect(waits.longestMs).toBeLessThanOrEqual(WAIT_MS)
  expect(waits.largest).toBe(75)
  await world.settled(number)
  expectEqual(world, [1, 2, 3, 4])
}, 120_000)

async function moved(world: ExportWorld, fate: Fate, waits: Waits): Promise<void> {
  const { id, members } = fate.of([...world.people.values()])
  const audience = fate.of([...world.slugs.keys()])
  const held = Object.keys(members).map(Number)
  const now = held.includes(audience) ? held.filter((one) => one !== audience) : [...held, audience]
  waits.moved(id, audience)
  await world.change({ members: { [id]: now } })
}

const FAULTS: readonly (readonly FaultRule[])[] = [
  [{ kind: 'status', status: 429, headers: { 'retry-after': '7' }, next: 2 }],
  [{ kind: 'status', status: 503, next: 3 }],
  [{ kind: 'status', status: 500, probability: 0.3 }],
  [{ kind: 'drop_before', next: 2 }],
  [{ kind: 'drop_after', next: 2 }],
  [{ kind: 'drop_after', probability: 0.3 }],
  [{ kind: 'cut_body', afterBytes: 5, next: 2 }],
  [{ kind: 'refuse', ids: ['u14', 'u25', 'u36.1', 'c10', 'c20', brazeIdOf(11, 0)] }],
  [{ kind: 'status', status: 401, next: 1 }],
  [],
]

test('whatever happens, the arrays at Braze become the memberships', async () => {
  const fate = new Fate(testSeed('exports through faults and kills'))
  const world = await ExportWorld.of()
  for (let number = 1; number <= 4; number++) world.slugs.set(number, `audience_${number}`)
  load(world)
  for (let i = 1; i <= PEOPLE; i++)
    await world.change({ fields: { [i]: fieldsOf(i, 0) }, members: { [i]: i % 3 === 0 ? [1, 2] : [] } })
  const number = await world.started()
  const waits = watchWaits(world)
  const generations = new Map<number, number>()
  for (let move = 0; move < MOVES; move++) {
    await moved(world, fate, waits)
    if (fate.below(4) === 0) await world.pass(fate.below(40_000))
    if (fate.below(12) === 0) world.braze.faults.set(fate.of(FAULTS))
    await happened(world, fate, generations)
    if (world.isDead && fate.below(8) === 0) await world.restart('killed')
  }
  // Also one that has not died yet, but is about to.
  await world.restart('killed')
  world.braze.faults.clear()
  await world.pass(OUTAGE_MS_MAX)
  const { states } = await world.exports.status(number)
  if ((await world.exports.registry.get(number)).state !== 'running') await world.exports.resume(number)
  if (states.refused > 0) await world.stored.retry(number, 'all', world.clock.now())
  await world.settled(number)
  expectEqual(world, [1, 2, 3, 4])
  expect(waits.largest).toBeLessThanOrEqual(75)
}, 240_000)

/** Now and then, something else than a move. */
async function happened(world: ExportWorld, fate: Fate, generations: Map<number, number>): Promise<void> {
  const { people } = world
  switch (fate.below(60)) {
    case 0:
    case 1: {
      const { id } = fate.of([...people.values()])
      const generation = Math.min(3, (generations.get(id) ?? 0) + 1)
      generations.set(id, generation)
      return world.change({ fields: { [id]: fieldsOf(id, generation) } })
    }
    case 2: {
      // The external id goes, the alias stays, or the other way round.
      const { id, fields } = fate.of([...people.values()].filter((one) => one.id % 10 === 2))
      const { user_id: externalId, ...rest } = fields
      const given = externalId === undefined ? fieldsOf(id, generations.get(id) ?? 0) : rest
      return world.change({ fields: { [id]: given } })
    }
    case 3: {
      const loser = fate.of([...people.values()])
      const survivor = fate.of([...people.values()])
      if (loser.id === survivor.id) return
      const fields = fate.below(2) === 0 ? survivor.fields : loser.fields
      const members = [...Object.keys(survivor.members), ...Object.keys(loser.members)].map(Number)
      return world.change({
        merges: [[loser.id, survivor.id]],
        fields: { [survivor.id]: fields },
        members: { [survivor.id]: [...new Set(members)] },
      })
    }
    case 4:
      if (people.size < PEOPLE / 2) return
      return world.change({ fields: { [fate.of([...people.keys()])]: null } })
    case 5: {
      const audience = fate.of([...world.slugs.keys()])
      world.slugs.set(audience, `audience_${audience}_${fate.below(3)}`)
      return
    }
    case 6:
      return world.restart('killed')
    case 7:
      return world.restart('stopped')
    case 8:
    case 9:
      return world.dieAtRequest()
    default:
  }
}
