/**
 * Replay: a window of the log is sent again through one current, as it is configured now. It runs beside the live flow with its own position,
 * and does not touch the books: those count each accepted record once. Owns the table replays.
 *
 *   running ⇄ paused;  running ──end of window──► finished;  running ──fault that needs a person──► failed ──resume──► running;
 *   any but finished ──cancel──► cancelled
 */

import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { compilePattern } from '../catalog/catalog.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { ROW_WORDS } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { type Lease, refuseStale, writeUnder } from '../store/leases.ts'
import type { ReplaysTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { StorePool } from './batch-builder.ts'
import type { TypeNumbers } from './cells.ts'
import type { Courier } from './courier.ts'
import { insertDeadLetters } from './dead-letters.ts'
import { batchRow, countsOf, deadLettersOf } from './outcomes.ts'
import { insertBatches } from './settlement.ts'
import { SliceReader, type SliceRule, unsentReason } from './slice.ts'

export const ReplayWindow = z.strictObject({
  fromMs: z.int().min(0).describe('Events accepted at or after this time, in milliseconds since the epoch.'),
  toMs: z.int().min(0).describe('Events accepted before this time.'),
  types: z
    .array(z.string().min(1).max(256))
    .max(1000)
    .default([])
    .describe('Patterns of event types; empty = all that the current selects.'),
})
export type ReplayWindow = z.infer<typeof ReplayWindow>

export type ReplayState = 'running' | 'paused' | 'finished' | 'cancelled' | 'failed'

export interface Replay {
  readonly id: string
  readonly current: number
  readonly fromOffset: number
  readonly toOffset: number
  readonly position: number
  readonly types: readonly string[]
  readonly state: ReplayState
  readonly reason: string
  readonly selected: number
  readonly delivered: number
  readonly dead: number
  readonly skipped: number
  readonly createdAt: number
  readonly updatedAt: number
}

export interface ReplayPreview {
  readonly fromOffset: number
  readonly toOffset: number
  /** Records of the current's sources in the window. */
  readonly records: number
  /** Of these, the ones that the replay would send. */
  readonly selected: number
  /** Of the selected, already settled by the live flow: the destination may get them a second time. */
  readonly alreadySettled: number
  /** Of the selected, not settled yet: the live flow will send them too. */
  readonly pending: number
  /** Of the selected, before the current was launched: new to the destination. */
  readonly beforeLaunch: number
  readonly byType: readonly { readonly type: string; readonly count: number }[]
  /** Whether records would reach the destination after newer ones of the same current. */
  readonly outOfOrder: boolean
}

/** What a replay needs of the current it runs on. */
export interface ReplayTarget {
  readonly current: number
  readonly version: number
  readonly rule: SliceRule
  readonly courier: Courier
  readonly lease: Lease
}

const READ_BYTES = 1_048_576
const RETRY_MS = 1_000
/** States from which a replay can go on. */
const UNFINISHED: readonly ReplayState[] = ['running', 'paused', 'failed']

/** Counts what a window holds, without sending anything. */
export async function previewReplay(
  log: Log,
  rule: SliceRule,
  range: { readonly from: number; readonly to: number },
  types: readonly string[],
  live: { readonly start: number; readonly position: number },
): Promise<ReplayPreview> {
  const wanted = narrowing(types)
  const counts = new Map<string, number>()
  let records = 0
  let selected = 0
  let alreadySettled = 0
  let pending = 0
  let beforeLaunch = 0
  let at = range.from
  while (at < range.to) {
    const run = await log.read(at, READ_BYTES)
    for (const frame of run.frames) {
      const base = frame.baseOffset
      if (!rule.sources.has(frame.source)) continue
      const rows = frame.rows
      for (let i = Math.max(0, at - base); i < Math.min(frame.count, range.to - base); i++) {
        records++
        const last = rows[i * ROW_WORDS + 7] ?? 0
        const flags = (last >>> 16) & 0xff
        const type = frame.types[last & 0xffff] ?? ''
        if (unsentReason(rule.selection, type, flags) !== undefined || !wanted(type)) continue
        selected++
        counts.set(type, (counts.get(type) ?? 0) + 1)
        if (base + i < live.start) beforeLaunch++
        else if (base + i < live.position) alreadySettled++
        else pending++
      }
    }
    if (run.next <= at) break
    at = run.next
  }
  return {
    fromOffset: range.from,
    toOffset: range.to,
    records,
    selected,
    alreadySettled,
    pending,
    beforeLaunch,
    byType: [...counts].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count),
    outOfOrder: live.position > range.from && selected > 0,
  }
}

function narrowing(types: readonly string[]): (type: string) => boolean {
  if (types.length === 0) return () => true
  const patterns = types.map(compilePattern)
  return (type) => patterns.some((matches) => matches(type))
}

export class Replays {
  readonly #store: Store
  readonly #log: Log
  readonly #clock: Clock
  readonly #types: TypeNumbers
  readonly #onTrouble: (error: unknown) => void
  readonly #running = new Map<
    string,
    { readonly stop: AbortController; readonly current: number; readonly done: Promise<void> }
  >()

  constructor(store: Store, log: Log, clock: Clock, types: TypeNumbers, onTrouble: (error: unknown) => void) {
    this.#store = store
    this.#log = log
    this.#clock = clock
    this.#types = types
    this.#onTrouble = onTrouble
  }

  /** `target`: where the current runs here; undefined: the node that has it is to `look`. */
  async create(
    current: number,
    target: ReplayTarget | undefined,
    range: { readonly from: number; readonly to: number },
    types: readonly string[],
  ): Promise<Replay> {
    if (range.to <= range.from) throw new ThalwegError('REPLAY_INVALID', 'The window holds no kept events')
    const now = this.#clock.now()
    const id = randomUUID()
    await this.#store.db
      .insertInto('replays')
      .values({
        id,
        current,
        from_offset: range.from,
        to_offset: range.to,
        position: range.from,
        types: JSON.stringify(types),
        state: 'running',
        reason: '',
        selected: 0,
        delivered: 0,
        dead: 0,
        skipped: 0,
        created_at: now,
        updated_at: now,
      })
      .execute()
    const replay = await this.get(id)
    this.#log.hold(`replay ${id}`, replay.position)
    if (target !== undefined) this.#start(replay, target)
    return replay
  }

  async list(current: number): Promise<Replay[]> {
    const rows = await this.#store.db
      .selectFrom('replays')
      .selectAll()
      .where('current', '=', current)
      .orderBy('created_at', 'desc')
      .limit(200)
      .execute()
    return rows.map(replayFrom)
  }

  /** Throws REPLAY_UNKNOWN. */
  async get(id: string): Promise<Replay> {
    const row = await this.#store.db.selectFrom('replays').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined)
      throw new ThalwegError('REPLAY_UNKNOWN', `There is no replay ${JSON.stringify(id)}`)
    return replayFrom(row)
  }

  /** Takes up the running replays of a current whose delivery (re)starts, and keeps the log for those that can be resumed. */
  async resumeAll(target: ReplayTarget): Promise<void> {
    for (const replay of await this.#unfinished(target.current)) {
      this.#log.hold(`replay ${replay.id}`, replay.position)
      if (replay.state === 'running') this.#start(replay, target)
    }
  }

  /** Another node may have begun, paused or cancelled replays of a current that runs here. */
  async look(target: ReplayTarget): Promise<void> {
    await this.resumeAll(target)
    const unfinished = await this.#unfinished(target.current)
    const wanted = new Set(unfinished.filter(({ state }) => state === 'running').map(({ id }) => id))
    for (const [id, one] of this.#running)
      if (one.current === target.current && !wanted.has(id)) one.stop.abort()
  }

  /** Keeps the log for those of a current that can be resumed. */
  async hold(current: number): Promise<void> {
    for (const { id, position } of await this.#unfinished(current)) this.#log.hold(`replay ${id}`, position)
  }

  /** For a current that is removed; its delivery was stopped. */
  async cancelAll(current: number): Promise<void> {
    for (const replay of await this.#unfinished(current)) await this.cancel(replay.id)
  }

  async #unfinished(current: number): Promise<Replay[]> {
    const rows = await this.#store.db
      .selectFrom('replays')
      .selectAll()
      .where('current', '=', current)
      .where('state', 'in', UNFINISHED)
      .execute()
    return rows.map(replayFrom)
  }

  /** `target` as in `create`. */
  async resume(id: string, target: ReplayTarget | undefined): Promise<Replay> {
    const replay = await this.get(id)
    if (replay.state !== 'paused' && replay.state !== 'failed') {
      throw new ThalwegError(
        'REPLAY_INVALID',
        `Replay ${id} is ${replay.state}: only a paused or failed one can be resumed`,
      )
    }
    await this.#setState(id, 'running', '')
    this.#log.hold(`replay ${id}`, replay.position)
    if (target !== undefined) this.#start(replay, target)
    return this.get(id)
  }

  async pause(id: string): Promise<Replay> {
    return this.#halt(id, ['running'], 'paused')
  }

  async cancel(id: string): Promise<Replay> {
    const replay = await this.#halt(id, UNFINISHED, 'cancelled')
    this.#log.hold(`replay ${id}`, Number.POSITIVE_INFINITY)
    return replay
  }

  /** Stops sending for one current (or all) without changing the replays' states: the process or the configuration changes. */
  async stop(current?: number): Promise<void> {
    const mine = [...this.#running.values()].filter((one) => current === undefined || one.current === current)
    for (const one of mine) one.stop.abort()
    await Promise.all(mine.map((one) => one.done))
  }

  async #halt(id: string, from: readonly ReplayState[], to: ReplayState): Promise<Replay> {
    const replay = await this.get(id)
    if (!from.includes(replay.state))
      throw new ThalwegError('REPLAY_INVALID', `Replay ${id} is ${replay.state}`)
    const running = this.#running.get(id)
    running?.stop.abort()
    await running?.done
    // It may have finished while it was being stopped: that stays so.
    await this.#store.db
      .updateTable('replays')
      .set({ state: to, updated_at: this.#clock.now() })
      .where('id', '=', id)
      .where('state', 'in', from)
      .execute()
    return this.get(id)
  }

  #start(replay: Replay, target: ReplayTarget): void {
    if (this.#running.has(replay.id)) return
    const stop = new AbortController()
    const done = this.#persist(replay.id, target, stop.signal).finally(() => this.#running.delete(replay.id))
    this.#running.set(replay.id, { stop, current: target.current, done })
  }

  /** Never rejects. While the store is away it waits and goes on from what was recorded; what else goes wrong fails the replay. */
  async #persist(id: string, target: ReplayTarget, signal: AbortSignal): Promise<void> {
    let failure: unknown
    while (!signal.aborted) {
      try {
        if (failure !== undefined) return await this.#setState(id, 'failed', String(failure), target.lease)
        const replay = await this.get(id)
        if (replay.state !== 'running') return
        return await this.#run(replay, target, signal)
      } catch (error) {
        if (target.lease.lost.aborted) return
        this.#onTrouble(error)
        if (!(error instanceof ThalwegError && error.code === 'STORE_UNAVAILABLE')) failure ??= error
        await this.#clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #run(replay: Replay, target: ReplayTarget, signal: AbortSignal): Promise<void> {
    const wanted = narrowing(replay.types)
    const { selection } = target.rule
    const rule: SliceRule = {
      ...target.rule,
      selection: {
        ...selection,
        selects: (type) => selection.selects(type) && wanted(type),
        reasonAgainst: (type, flags) =>
          selection.reasonAgainst(type, flags) ?? (wanted(type) ? undefined : 'type_not_selected'),
      },
    }
    const reader = new SliceReader(
      this.#log,
      this.#clock,
      this.#types,
      new StorePool(rule.limits.recordsMax),
      rule,
      replay.position,
    )
    for (;;) {
      const slice = await reader.next(signal, replay.toOffset)
      if (slice === undefined) break
      for (const parcel of slice.parcels) {
        const ending = await target.courier.deliver(parcel, signal)
        if (ending.how === 'stopped') return
        if (ending.how === 'halted')
          return this.#setState(replay.id, 'failed', ending.fault.message, target.lease)
      }
      await this.#settle(replay.id, target, slice)
      this.#log.hold(`replay ${replay.id}`, slice.to)
    }
    if (signal.aborted) return
    await this.#setState(replay.id, 'finished', '', target.lease)
    this.#log.hold(`replay ${replay.id}`, Number.POSITIVE_INFINITY)
  }

  async #settle(
    id: string,
    target: ReplayTarget,
    slice: Parameters<typeof batchRow>[1] & { readonly parcels: readonly Parameters<typeof batchRow>[0][] },
  ): Promise<void> {
    const now = this.#clock.now()
    const about = { current: target.current, version: target.version, replay: id, now }
    const counts = slice.parcels.map(countsOf)
    const sum = (pick: (one: ReturnType<typeof countsOf>) => number): number =>
      counts.reduce((total, one) => total + pick(one), 0)
    const delivered = sum((one) => one.delivered)
    const dead = sum((one) => one.dead)
    const skipped = sum((one) => one.skipped)
    await this.#store.transaction(async (tx) => {
      await refuseStale(tx, target.lease)
      await insertBatches(
        tx,
        slice.parcels.map((parcel) => batchRow(parcel, slice, true, about)),
      )
      await insertDeadLetters(
        tx,
        slice.parcels.flatMap((parcel) => deadLettersOf(parcel, about)),
      )
      await tx
        .updateTable('replays')
        .set((eb) => ({
          position: slice.to,
          selected: eb('selected', '+', delivered + dead + skipped),
          delivered: eb('delivered', '+', delivered),
          dead: eb('dead', '+', dead),
          skipped: eb('skipped', '+', skipped),
          updated_at: now,
        }))
        .where('id', '=', id)
        .execute()
    })
  }

  async #setState(id: string, state: ReplayState, reason: string, lease?: Lease): Promise<void> {
    await writeUnder(this.#store, lease, (db) =>
      db
        .updateTable('replays')
        .set({ state, reason, updated_at: this.#clock.now() })
        .where('id', '=', id)
        .execute(),
    )
  }
}

function replayFrom(row: ReplaysTable): Replay {
  return {
    id: row.id,
    current: row.current,
    fromOffset: row.from_offset,
    toOffset: row.to_offset,
    position: row.position,
    types: JSON.parse(row.types) as string[],
    state: row.state as ReplayState,
    reason: row.reason,
    selected: row.selected,
    delivered: row.delivered,
    dead: row.dead,
    skipped: row.skipped,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
