/**
 * The engine of profiles: applies stretches of records, judges who is in which audience, and writes both with the place in
 * the log in one transaction, so that every record counts exactly once however often the process is killed. One thing at a
 * time; time is told by whoever asks.
 */

import { setImmediate as turn } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { Turns } from '../../core/turns.ts'
import type { Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import type { Doctrine, Readied } from '../doctrine.ts'
import type { ProfileChange, Standing } from '../follower.ts'
import type { Move, MoveCause } from '../judge.ts'
import type { Judged, Profile } from '../profile.ts'
import type { WorkingSet } from '../working-set.ts'
import type { Keeping, Wanted } from './identifier-index.ts'
import { JUDGED_ALL, type Outcome, People, type Position } from './people.ts'

/** Records of one stretch: as many as keep the process busy until a busy hub has the next one read. */
export const RECORDS_MAX = 4_000
/** Records of one transaction: what is made of them dies young, instead of being copied for as long as they are worked on. */
const RECORDS_AT_ONCE = 1_000
/** Profiles judged in one transaction when nothing but the rules or the clock changed. */
const JUDGED_AT_ONCE = 2_000

/** A record as it lies in the log. */
export interface RawRecord {
  readonly offset: number
  readonly receivedAt: number
  readonly source: number
  readonly type: string
  readonly bytes: Uint8Array
}

/** Records from offset `from` on; `to` is the offset to read on from, also past records of no stream. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly records: readonly RawRecord[]
}

export interface Progress {
  /** Everything before is in the profiles. */
  readonly position: number
  /** When a rule with a relative date may judge somebody otherwise; undefined: not by the clock alone. */
  readonly nextFlipAt: number | undefined
  /** Whether somebody is still judged by earlier rules. */
  readonly judging: boolean
}

export interface Applied extends Progress {
  /** Records by what became of them: `applied`, or why not. */
  readonly counts: Readonly<Record<string, number>>
  /** The same by stream. */
  readonly streams: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export class ProfileEngine {
  readonly people: People
  readonly #store: Store
  #doctrine: Doctrine
  #at: Position
  readonly #turns = new Turns()

  private constructor(store: Store, people: People, doctrine: Doctrine, at: Position) {
    this.#store = store
    this.people = people
    this.#doctrine = doctrine
    this.#at = at
  }

  /** `start`: the offset to begin with where nothing was ever read. */
  static async open(
    store: Store,
    doctrine: Doctrine,
    start: number,
    keeping?: Keeping,
  ): Promise<ProfileEngine> {
    const people = new People(store, keeping)
    const at = await people.position()
    people.identifiers.doubt()
    if (at !== undefined) return new ProfileEngine(store, people, doctrine, at)
    await people.open(start, doctrine.judgedBy)
    return ProfileEngine.open(store, doctrine, start, keeping)
  }

  /** From the next record on. Whoever the new rules judge otherwise moves as `judgeMore` comes to them. */
  adopt(doctrine: Doctrine): Promise<void> {
    return this.inTurn(async () => {
      this.#doctrine = doctrine
    })
  }

  async progress(): Promise<Progress> {
    return {
      position: this.#at.position,
      nextFlipAt: await this.people.nextFlip(),
      judging: this.#isJudging(),
    }
  }

  /** Applies the records, unless the position is not at `from`: then the answer says where to go on. */
  apply(stretch: Stretch, nowMs: number): Promise<Applied> {
    return this.inTurn(async () => {
      if (stretch.from !== this.#at.position) return { ...(await this.progress()), counts: {}, streams: {} }
      const { records } = stretch
      const counted = new Counted()
      await this.people.identifiers.learn()
      for (let first = 0; first === 0 || first < records.length; first += RECORDS_AT_ONCE) {
        const next = first + RECORDS_AT_ONCE
        const to = records[next]?.offset ?? stretch.to
        await this.#applyPart(
          { from: this.#at.position, to, records: records.slice(first, next) },
          nowMs,
          counted,
        )
      }
      return { ...(await this.progress()), ...counted.all }
    })
  }

  /** In between, what is on its way comes in, and questions are answered: otherwise the next stretch would begin to come when this one has ended. */
  async #applyPart(part: Stretch, nowMs: number, counted: Counted): Promise<void> {
    await turn()
    const readied = this.read(part.records, counted)
    const set = await this.people.load(wantedBy(readied), this.#at.nextProfile)
    const before = standings(set)
    const resolver = this.#doctrine.resolver(set)
    for (const { record, identified } of readied) resolver.take(record, identified)
    await turn()
    const last = part.records.at(-1)?.offset ?? null
    await this.#write(set, before, { cause: 'record', offset: last, nowMs }, part)
    await turn()
    await this.people.identifiers.settleSome()
  }

  /** Judges those whose membership may have changed by the clock alone, as far as one transaction goes. */
  tick(nowMs: number): Promise<Progress> {
    return this.inTurn(async () => {
      const due = await this.people.due(nowMs, JUDGED_AT_ONCE)
      if (due.length > 0) await this.#judgeAll(due, { cause: 'clock', offset: null, nowMs })
      return this.progress()
    })
  }

  /** Judges the next people by the present rules, when those changed. */
  judgeMore(nowMs: number): Promise<Progress> {
    return this.inTurn(async () => {
      if (!this.#isJudging()) return this.progress()
      const { judgedBy } = this.#doctrine
      const from = this.#at.judgedBy === judgedBy ? this.#at.judgedTo : 0
      const page = await this.people.judgedAfter(from, JUDGED_AT_ONCE)
      const to = page.length < JUDGED_AT_ONCE ? JUDGED_ALL : (page.at(-1)?.id ?? JUDGED_ALL)
      await this.#judgeAll(page, { cause: 'definition', offset: null, nowMs }, { judgedBy, judgedTo: to })
      return this.progress()
    })
  }

  /**
   * Changes profiles by hand: `change` works on the loaded ones, and what came of it is judged and written. The ids that it
   * gives are those of profiles that are no more. What `also` does belongs to the same transaction.
   */
  alter(
    which: { readonly ids: readonly number[] } | { readonly wanted: readonly Wanted[] },
    { cause, nowMs }: { readonly cause: MoveCause; readonly nowMs: number },
    change: (set: WorkingSet) => readonly number[],
    also: Also = async () => undefined,
  ): Promise<void> {
    return this.inTurn(async () => {
      const { nextProfile } = this.#at
      const set = await ('ids' in which
        ? this.people.loadProfiles(which.ids, nextProfile)
        : this.people.load(which.wanted, nextProfile))
      const before = standings(set)
      const gone = change(set)
      await this.#write(set, before, { cause, offset: null, nowMs }, undefined, gone, also)
    })
  }

  /** All identifiers are in their table, for those who read it themselves. */
  settleIdentifiers(): Promise<void> {
    return this.inTurn(() => this.people.identifiers.settle())
  }

  get doctrine(): Doctrine {
    return this.#doctrine
  }

  /** Everything before this offset is in the profiles. */
  get position(): number {
    return this.#at.position
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  #isJudging(): boolean {
    return this.#at.judgedBy !== this.#doctrine.judgedBy || this.#at.judgedTo !== JUDGED_ALL
  }

  /** What the records mean by the present doctrine. */
  read(records: readonly RawRecord[], counted = new Counted()): Readied[] {
    const readied: Readied[] = []
    for (const raw of records) {
      const read = this.#doctrine.read(raw, counted.say)
      if (read !== undefined) readied.push(read)
    }
    return readied
  }

  /** People of whom nothing but the rules or the clock changed. */
  async #judgeAll(
    people: readonly Judged[],
    why: Why,
    judged?: { readonly judgedBy: string; readonly judgedTo: number },
  ): Promise<void> {
    const before = new Map(people.map(({ id, fields, members }) => [id, { fields, members }]))
    const flips = new Map(people.map(({ id, flipAt }) => [id, flipAt]))
    const moves = people.flatMap((one) => this.#judge(one, why))
    // Whoever is judged as before costs no write.
    const changed = people.filter(
      ({ id, flipAt, members }) => flips.get(id) !== flipAt || before.get(id)?.members !== members,
    )
    const changes = changed.map(({ id, fields, members }) => ({
      profile: id,
      before: before.get(id),
      after: { fields, members },
      mergedFrom: [],
    }))
    await this.#commit(this.#at, changes, why, async (tx) => {
      await this.people.writeJudged(tx, changed, moves)
      if (judged !== undefined) await this.people.judged(tx, judged.judgedBy, judged.judgedTo)
      return () => undefined
    })
    if (judged !== undefined) this.#at = { ...this.#at, ...judged }
  }

  async #write(
    set: WorkingSet,
    before: ReadonlyMap<number, Standing>,
    why: Why,
    stretch?: Stretch,
    gone: readonly number[] = [],
    also: Also = async () => undefined,
  ): Promise<void> {
    for (const id of gone) set.touched.delete(id)
    for (const id of set.touched) {
      const profile = set.profiles.get(id)
      if (profile !== undefined) profile.fields = this.#doctrine.fold(profile, why.nowMs)
    }
    const touched = [...set.touched].flatMap((id) => set.profiles.get(id) ?? [])
    const moves: Move[] = []
    for (const profile of touched) {
      const standing = before.get(profile.id)
      if (!this.#isJudged(profile, standing, why))
        moves.push(...this.#judge(profile, why, standing?.members ?? {}))
    }
    moves.push(...departures(set, before, gone, why))
    const { merged, moved, owners, merges, conflicts } = set
    const outcome: Outcome = { touched, merged, gone, moved, owners, merges, conflicts, moves }
    const to = { ...this.#at, nextProfile: set.nextId, position: stretch?.to ?? this.#at.position }
    await this.people.identifiers.prepare(moved, owners)
    await this.#commit(to, changesOf(outcome, before), why, async (tx) => {
      const committed = await this.people.write(tx, outcome, why.nowMs)
      await also(tx)
      return committed
    })
  }

  /** Whether judging it would give what it has: nothing that rules ask for is otherwise, and no date has come. */
  #isJudged({ fields, members, flipAt }: Profile, before: Standing | undefined, { nowMs }: Why): boolean {
    if (before === undefined || before.members !== members || this.#isJudging()) return false
    return (flipAt === null || flipAt > nowMs) && this.#doctrine.asksAlike(before.fields, fields)
  }

  /**
   * Memberships by the present rules; `members` is another object when they changed. `was`: as last committed, where that is not what the
   * profile has: what it took over with a join it has entered by it, though it has been in it for longer.
   */
  #judge(profile: Judged, { cause, offset, nowMs }: Why, was = profile.members): Move[] {
    const { members, flipAt } = this.#doctrine.judge(profile.fields, nowMs)
    profile.flipAt = flipAt
    const held = profile.members
    const isSame =
      held === was &&
      members.length === Object.keys(held).length &&
      members.every((audience) => audience in held)
    if (isSame) return []
    const moves: Move[] = []
    const { id } = profile
    const now: Record<string, number> = {}
    for (const audience of members) {
      now[audience] = held[audience] ?? nowMs
      if (was[audience] !== undefined) continue
      const by = held[audience] === undefined ? cause : 'merge'
      moves.push({ audience, profile: id, at: nowMs, entered: true, cause: by, offset })
    }
    for (const audience of Object.keys(was))
      if (now[audience] === undefined)
        moves.push({ audience: Number(audience), profile: id, at: nowMs, entered: false, cause, offset })
    profile.members = now
    return moves
  }

  /** What `write` gives is called once it is committed. */
  async #commit(
    to: Position,
    changes: readonly ProfileChange[],
    { nowMs }: Why,
    write: (tx: Transaction<Schema>) => Promise<() => void>,
  ): Promise<void> {
    try {
      const committed = await this.#store.transaction(
        async (tx) => {
          if (!(await this.people.advance(tx, this.#at.position, to.position, to.nextProfile)))
            throw new Error('The profiles are at another position than this process thinks')
          const written = await write(tx)
          for (const follower of this.#doctrine.followers) await follower.follow(tx, changes, nowMs)
          return written
        },
        { durable: 'soon' },
      )
      committed()
      this.#at = to
    } catch (error) {
      // A commit whose answer was lost may be done all the same: the tables say it.
      this.people.identifiers.doubt()
      this.#at = (await this.people.position()) ?? this.#at
      throw error
    }
  }
}

/** What became of records, in words. */
class Counted {
  readonly #counts: Record<string, number> = {}
  readonly #streams: Record<string, Record<string, number>> = {}

  get all(): Pick<Applied, 'counts' | 'streams'> {
    return { counts: this.#counts, streams: this.#streams }
  }

  readonly say = (word: string, stream?: string): void => {
    this.#counts[word] = (this.#counts[word] ?? 0) + 1
    if (stream === undefined) return
    this.#streams[stream] ??= {}
    const ofStream = this.#streams[stream]
    ofStream[word] = (ofStream[word] ?? 0) + 1
  }
}

type Also = (tx: Transaction<Schema>) => Promise<void>

interface Why {
  readonly cause: MoveCause
  readonly offset: number | null
  readonly nowMs: number
}

/** Perhaps some of them several times. */
export function wantedBy(readied: readonly Readied[]): Wanted[] {
  return readied.flatMap(({ identified }) => identified.ids)
}

/** How things stood: fields and members are replaced, never changed. */
function standings(set: WorkingSet): ReadonlyMap<number, Standing> {
  const standings = new Map<number, Standing>()
  for (const { id, fields, members } of set.profiles.values()) standings.set(id, { fields, members })
  return standings
}

/** Whoever was joined into somebody, or is no more, has left what they were in. */
function departures(
  set: WorkingSet,
  before: ReadonlyMap<number, Standing>,
  gone: readonly number[],
  { offset, nowMs, cause }: Why,
): Move[] {
  const leaving: [number, MoveCause][] = [
    ...[...set.merged.keys()].map((id): [number, MoveCause] => [id, 'merge']),
    ...gone.map((id): [number, MoveCause] => [id, cause]),
  ]
  return leaving.flatMap(([profile, why]) =>
    Object.keys(before.get(profile)?.members ?? {}).map((audience) => ({
      audience: Number(audience),
      profile,
      at: nowMs,
      entered: false,
      cause: why,
      offset,
    })),
  )
}

function changesOf(outcome: Outcome, before: ReadonlyMap<number, Standing>): ProfileChange[] {
  const losers = new Map<number, number[]>()
  for (const [loser, first] of outcome.merged) {
    // Whoever was joined into somebody who was joined in turn.
    let survivor = first
    while (outcome.merged.has(survivor)) survivor = outcome.merged.get(survivor) ?? survivor
    losers.set(survivor, [...(losers.get(survivor) ?? []), loser])
  }
  const was = (id: number): { before?: Standing } => {
    const standing = before.get(id)
    return standing === undefined ? {} : { before: standing }
  }
  return [
    ...outcome.touched.map(({ id, fields, members }) => ({
      profile: id,
      ...was(id),
      after: { fields, members },
      mergedFrom: losers.get(id) ?? [],
    })),
    ...[...outcome.merged.keys(), ...outcome.gone].map((id) => ({ profile: id, ...was(id), mergedFrom: [] })),
  ]
}
