/**
 * Exports over a real Braze double, with people that the test moves by hand: the book in a store of profiles, as the engine
 * keeps it, the sender beside it, HTTP between. Time stands still until it is told to move, and moves only when nothing is
 * under way, so that waits can be measured.
 */

import { onTestFinished } from 'vitest'
import { Alerts } from '../../src/alerts/alerts.ts'
import { VirtualClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { Blueprints } from '../../src/delivery/blueprint.ts'
import { HttpTransport, type Transport } from '../../src/delivery/transport.ts'
import { kernelForTests } from '../../src/destinations/rehearsal.fixture.ts'
import { People } from '../../src/profiles/engine/people.ts'
import type { ExportBook } from '../../src/profiles/exports/book.ts'
import { ExportDefinition } from '../../src/profiles/exports/definition.ts'
import { Exports } from '../../src/profiles/exports/exports.ts'
import { StoredExportBook } from '../../src/profiles/exports/stored-book.ts'
import type { ProfileChange } from '../../src/profiles/follower.ts'
import type { Move } from '../../src/profiles/judge.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import type { Fields } from '../../src/profiles/values.ts'
import { PERMISSIONS } from '../../src/sandbox/braze/access.ts'
import type { Braze } from '../../src/sandbox/braze/braze.ts'
import type { Double } from '../../src/sandbox/double.ts'
import { DEMO, startBraze } from '../../src/sandbox/sandbox.ts'
import type { Dialect } from '../../src/store/columns.ts'
import { soleLease } from '../../src/store/leases.ts'
import { PROFILE_PLAN } from '../../src/store/migrate.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { freshStore, freshStoreUrl } from './store.ts'

export const ATTRIBUTE = 'lytics_segments'
const START = Date.parse('2026-03-01T12:00:00.000Z')
/** Turns of the event loop without anything under way, after which nothing comes any more. */
const QUIET_TURNS = 12
const SETTLED_WITHIN_MS = 3_600_000

/** What one call of `change` does to the people. */
export interface Changes {
  /** By profile: its fields from now on; null: it is gone. */
  readonly fields?: Readonly<Record<number, Fields | null>>
  /** By profile: the audiences that it is in from now on. */
  readonly members?: Readonly<Record<number, readonly number[]>>
  /** [loser, survivor] */
  readonly merges?: readonly (readonly [number, number])[]
}

export class ExportWorld {
  readonly clock: VirtualClock
  readonly slugs = new Map<number, string>()
  readonly people = new Map<number, Profile>()
  readonly store: Store
  readonly profileStore: Store
  readonly stored: StoredExportBook
  readonly braze: Double<Braze>
  /** Called with what each taking took. */
  onTake: (taken: Awaited<ReturnType<ExportBook['take']>>, lane: string) => void = () => undefined
  exports: Exports
  readonly alerts: Alerts
  /** What was noted last of the credentials. */
  health = 'unknown'
  /** The process ended without a word. */
  isDead = false
  /** Calls of the book and of the vendor that have no answer yet. */
  #underWay = 0
  #dies: 'never' | 'at-request' = 'never'

  private constructor(clock: VirtualClock, store: Store, profileStore: Store, braze: Double<Braze>) {
    this.clock = clock
    this.store = store
    this.profileStore = profileStore
    this.alerts = new Alerts(store, clock)
    this.stored = new StoredExportBook(profileStore)
    this.braze = braze
    this.exports = this.#begin()
  }

  static async of(dialect: Dialect = 'sqlite'): Promise<ExportWorld> {
    const clock = new VirtualClock(START)
    const profileStore = await openStore(await freshStoreUrl(dialect, 'empty'), { clock, plan: PROFILE_PLAN })
    onTestFinished(() => profileStore.close())
    const restKeys = [{ key: DEMO.brazeRestKey, permissions: PERMISSIONS }]
    const braze = await startBraze({ clock, random: seededRandom(5) }, { restKeys })
    onTestFinished(() => braze.close())
    const world = new ExportWorld(clock, await freshStore(dialect, clock), profileStore, braze)
    await world.exports.start()
    const { exports } = world
    onTestFinished(() => exports.stop())
    return world
  }

  definition(also: Readonly<Record<string, unknown>> = {}): ExportDefinition {
    return ExportDefinition.parse({
      name: 'to-braze',
      contactEmail: 'contact@example.com',
      audiences: [...this.slugs.keys()],
      identifiers: {
        externalIdField: 'user_id',
        brazeIdField: 'br_user_id',
        aliasLabel: 'crm',
        aliasField: 'crm_id',
      },
      existingUsers: true,
      destination: {
        settings: { instance: 'custom', host: this.braze.url },
        authorization: 'key',
      },
      ...also,
    })
  }

  /** Creates and starts one. */
  async started(also: Readonly<Record<string, unknown>> = {}): Promise<number> {
    const { number } = await this.exports.create(this.definition(also), 'test')
    await this.exports.begin(number)
    return number
  }

  /** As the engine does it: profiles, members and what follows from them in one transaction. */
  async change({ fields = {}, members = {}, merges = [] }: Changes): Promise<void> {
    const now = this.clock.now()
    const ids = new Set([...Object.keys(fields), ...Object.keys(members), ...merges.flat()].map(Number))
    const before = new Map([...ids].flatMap((id) => (this.people.has(id) ? [[id, this.#profile(id)]] : [])))
    for (const [id, given] of Object.entries(fields)) {
      if (given === null) this.people.delete(Number(id))
      else this.people.set(Number(id), { ...this.#profile(Number(id)), fields: given })
    }
    for (const [loser] of merges) this.people.delete(loser)
    for (const [id, audiences] of Object.entries(members)) {
      const profile = this.#profile(Number(id))
      const held = Object.fromEntries(audiences.map((one) => [one, profile.members[one] ?? now]))
      this.people.set(Number(id), { ...profile, members: held })
    }
    await this.#write([...ids], before, merges, now)
    this.exports.wake()
  }

  async #write(
    ids: readonly number[],
    before: ReadonlyMap<number, Profile>,
    merges: readonly (readonly [number, number])[],
    now: number,
  ): Promise<void> {
    const losers = new Set(merges.map(([loser]) => loser))
    const there = ids.flatMap((id) => this.people.get(id) ?? [])
    const gone = ids.filter((id) => !this.people.has(id))
    const changes: ProfileChange[] = [
      ...there.map((after) => ({
        profile: after.id,
        before: before.get(after.id),
        after,
        mergedFrom: merges.filter(([, survivor]) => survivor === after.id).map(([loser]) => loser),
      })),
      ...gone.map((id) => ({ profile: id, before: before.get(id), mergedFrom: [] })),
    ]
    const outcome = {
      touched: there,
      merged: new Map(merges),
      gone: gone.filter((id) => !losers.has(id)),
      moved: [],
      owners: new Map(),
      merges: [],
      conflicts: [],
      moves: ids.flatMap((id) => movesOf(id, before.get(id), this.people.get(id), now)),
    }
    await this.profileStore.transaction(async (tx) => {
      await new People(this.profileStore).write(tx, outcome, now)
      await this.stored.follow(tx, changes, now)
    })
  }

  /** The process ends without a word once its next request is on its way: nobody hears the answer. */
  dieAtRequest(): void {
    this.#dies = 'at-request'
  }

  /** Another process begins; the present one ends now, unless it ended before. */
  async restart(how: 'killed' | 'stopped'): Promise<void> {
    if (how === 'killed') this.isDead = true
    await this.exports.stop()
    this.exports = this.#begin()
    await this.exports.start()
    const { exports } = this
    onTestFinished(() => exports.stop())
  }

  /** Lets time pass; whatever it sets going comes to rest before it goes on. */
  pass(ms: number): Promise<void> {
    return this.clock.advance(ms, () => this.quiet())
  }

  /** Lets time pass until nothing is to be sent any more. */
  async settled(exportNumber: number): Promise<void> {
    for (let waited = 0; waited < SETTLED_WITHIN_MS; waited += 5_000) {
      const { states, walking } = await this.stored.figures(exportNumber, 25)
      if (!walking && states.pending + states.sending === 0) return
      await this.pass(5_000)
    }
    throw new Error('There is still something to be sent')
  }

  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns = this.#underWay === 0 ? turns + 1 : 0)
      await new Promise((resolve) => setImmediate(resolve))
  }

  /** The attribute of a person at Braze, sorted. */
  held(externalId: string): readonly string[] {
    return elementsOf(this.braze.vendor.profiles.byExternalId(externalId)?.custom?.get(ATTRIBUTE))
  }

  #begin(): Exports {
    this.isDead = false
    this.#dies = 'never'
    const transport = new HttpTransport()
    onTestFinished(() => transport.close())
    const counted = async <T>(work: () => Promise<T>): Promise<T> => {
      this.#underWay++
      try {
        return await work()
      } finally {
        this.#underWay--
      }
    }
    const dead = (): Promise<never> => Promise.reject(new Error('This process is no more'))
    const book = new Proxy(this.stored as ExportBook, {
      get:
        (target, method: keyof ExportBook) =>
        (...given: never[]) =>
          counted(async () => {
            if (this.isDead) return dead()
            const ask = target[method] as (...given: never[]) => Promise<unknown>
            const answer = await ask.apply(target, given)
            if (this.isDead) return dead()
            if (method === 'take') this.onTake(answer as never, given[1] as never)
            return answer
          }),
    })
    const sending: Transport = {
      send: async (request, signal) => {
        if (this.isDead) return { noAnswer: { kind: 'unreachable', message: 'This process is no more' } }
        if (this.#dies === 'at-request') this.isDead = true
        return counted(() => transport.send(request, signal))
      },
      close: () => transport.close(),
    }
    const { clock, store } = this
    const authorizations = {
      get: async () => ({ provider: 'braze-audiences' }),
      reveal: async () => ({ restKey: DEMO.brazeRestKey }),
      setHealth: async (_id: string, health: string) => {
        this.health = health
      },
    }
    return new Exports({
      lease: soleLease('schedule'),
      store,
      clock,
      random: seededRandom(3),
      transport: sending,
      blueprints: new Blueprints({
        kernel: kernelForTests(),
        clock,
        transport: sending,
        authorizations,
        sourceNumbers: async () => new Set(),
        sourceLabel: (number) => ({ name: String(number), place: undefined }),
      }),
      alerts: this.alerts,
      authorizations,
      book,
      slugs: async () => this.slugs,
      identifierFields: async () => new Set(['user_id', 'br_user_id', 'crm_id']),
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    })
  }

  #profile(id: number): Profile {
    return (
      this.people.get(id) ?? {
        id,
        createdAt: 0,
        seenAt: 0,
        identifiers: [],
        edges: [],
        retired: [],
        fields: {},
        members: {},
        flipAt: null,
        bytes: 0,
      }
    )
  }
}

export function elementsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String).sort() : []
}

function movesOf(
  profile: number,
  before: Profile | undefined,
  after: Profile | undefined,
  at: number,
): Move[] {
  const was = Object.keys(before?.members ?? {}).map(Number)
  const is = Object.keys(after?.members ?? {}).map(Number)
  const move = (audience: number, entered: boolean): Move => ({
    audience,
    profile,
    at,
    entered,
    cause: 'record',
    offset: null,
  })
  return [
    ...is.filter((one) => !was.includes(one)).map((one) => move(one, true)),
    ...was.filter((one) => !is.includes(one)).map((one) => move(one, false)),
  ]
}
