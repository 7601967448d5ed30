/**
 * The parts of nodes in erasures: what each has to do on itself and in its own folders, how far it is, and what came of it. Owns the table
 * erasure_parts. A node is known by its name; one that is away finds its part when it starts.
 *
 *   suppress ──► reread ──► folders ──► search ──► done        each as soon as the erasure itself has come to that step
 *      └───────────┴───────────┴───────────┴──► waived         somebody says that the folders of the node are gone
 */

import type { Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { ErasurePartsTable, Schema } from '../store/schema.ts'
import type { Sealer } from '../store/sealing.ts'
import type { Store } from '../store/store.ts'
import type { SearchResult } from './search.ts'
import { PART_STEPS, type PartStep, STEPS, type Step } from './steps.ts'

/** What may be shown; nothing in it names the person. */
export interface Part {
  readonly erasure: string
  /** '': the only node of its store. */
  readonly node: string
  readonly step: PartStep | 'done' | 'waived'
  /** Why the step is tried again; '' while all is well. */
  readonly problem: string
  /** Rows by place. */
  readonly removed: Readonly<Record<string, number>>
  readonly search: SearchResult | undefined
  /** JSON, canonical: where it was done after the receipt was signed. */
  readonly addendum: string | undefined
  readonly signature: string | undefined
  readonly updatedAt: number
}

/** A step that a node has to do now. */
export interface DuePart {
  readonly part: Part & { readonly step: PartStep }
  readonly identifiers: readonly SubjectIdentifier[]
}

export interface PartOutcome {
  readonly removed?: Readonly<Record<string, number>>
  readonly search?: SearchResult
}

/** Signs what is said of a part after the receipt. */
export type SignAddendum = (part: Part) => { readonly addendum: string; readonly signature: string }

export class Parts {
  readonly #store: Store
  readonly #clock: Clock
  readonly #sealer: Sealer

  constructor(store: Store, clock: Clock, sealer: Sealer) {
    this.#store = store
    this.#clock = clock
    this.#sealer = sealer
  }

  /** Gives these nodes a part in the erasure; what they have already stays as it is. */
  async open(
    erasure: string,
    nodes: readonly string[],
    identifiers: readonly SubjectIdentifier[],
  ): Promise<void> {
    const sealed = this.#sealer.seal(Buffer.from(JSON.stringify(identifiers)), erasure)
    const now = this.#clock.now()
    await this.#store.db
      .insertInto('erasure_parts')
      .values(
        nodes.map((node) => ({
          erasure,
          node,
          step: PART_STEPS[0],
          sealed,
          removed: '{}',
          search: null,
          problem: '',
          addendum: null,
          signature: null,
          updated_at: now,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  /** By erasure, then by node. */
  of(erasures: readonly string[]): Promise<Part[]> {
    return partsOf(this.#store.db, erasures)
  }

  /** Steps that this node is to do now, of the oldest erasure first: one of each. */
  async due(node: string): Promise<DuePart[]> {
    const rows = await this.#store.db
      .selectFrom('erasure_parts')
      .innerJoin('erasures', 'erasures.id', 'erasure_parts.erasure')
      .selectAll('erasure_parts')
      .select(['erasures.step as reached', 'erasures.state'])
      .where('erasure_parts.node', '=', node)
      .where('erasure_parts.sealed', 'is not', null)
      .orderBy('erasures.created_at')
      .orderBy('erasures.id')
      .execute()
    return rows.flatMap(({ reached, state, ...row }) => {
      const part = partFrom(row)
      const isDue = state === 'finished' || placeOf(part.step) <= placeOf(reached)
      if (!isDue || row.sealed === null || part.step === 'done' || part.step === 'waived') return []
      const identifiers = JSON.parse(
        Buffer.from(this.#sealer.open(row.sealed, part.erasure)).toString(),
      ) as SubjectIdentifier[]
      return [{ part: { ...part, step: part.step }, identifiers }]
    })
  }

  /** The step is done. After the last one who is meant is forgotten; if the receipt is signed by then, `sign` says what it does not. */
  async advance(
    { erasure, node, step }: DuePart['part'],
    outcome: PartOutcome,
    sign: SignAddendum,
  ): Promise<void> {
    const next = PART_STEPS[PART_STEPS.indexOf(step) + 1] ?? 'done'
    await this.#store.transaction(async (tx) => {
      const state = await lockErasure(tx, erasure)
      const part = (await partsOf(tx, [erasure])).find((one) => one.node === node)
      // Done by a former life of this node, or waived meanwhile.
      if (part?.step !== step) return
      const done: Part = {
        ...part,
        step: next,
        removed: summed([part.removed, outcome.removed ?? {}]),
        search: outcome.search,
        updatedAt: this.#clock.now(),
      }
      const isLate = next === 'done' && state === 'finished'
      await tx
        .updateTable('erasure_parts')
        .set({
          step: next,
          removed: JSON.stringify(done.removed),
          search: done.search === undefined ? null : JSON.stringify(done.search),
          problem: '',
          updated_at: done.updatedAt,
          ...(next === 'done' ? { sealed: null } : {}),
          ...(isLate ? sign(done) : {}),
        })
        .where('erasure', '=', erasure)
        .where('node', '=', node)
        .execute()
    })
  }

  /** The step was tried and will be again. */
  async fail({ erasure, node, step }: DuePart['part'], problem: string): Promise<void> {
    await this.#store.db
      .updateTable('erasure_parts')
      .set({ problem, updated_at: this.#clock.now() })
      .where('erasure', '=', erasure)
      .where('node', '=', node)
      .where('step', '=', step)
      .execute()
  }

  /** The folders of this node are gone: nothing of its parts is left to do. Gives how many were open. */
  async waive(node: string): Promise<number> {
    const { numUpdatedRows } = await this.#store.db
      .updateTable('erasure_parts')
      .set({ step: 'waived', sealed: null, problem: '', updated_at: this.#clock.now() })
      .where('node', '=', node)
      .where('sealed', 'is not', null)
      .executeTakeFirst()
    return Number(numUpdatedRows)
  }
}

/** Whether a part is past a step. */
export function isPast({ step }: Part, other: PartStep): boolean {
  return step === 'done' || step === 'waived' || placeOf(step) > placeOf(other)
}

export function isOpen({ step }: Part): boolean {
  return step !== 'done' && step !== 'waived'
}

/** Rows by place. */
export function countsOf(places: readonly Touched[]): Record<string, number> {
  return summed(places.map(({ place, rows }) => ({ [place]: rows })))
}

export function summed(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const [place, rows] of counts.flatMap((one) => Object.entries(one)))
    sum[place] = (sum[place] ?? 0) + rows
  return sum
}

/** Until the transaction ends the receipt is not signed, nor does a part of the erasure end, by anybody else; its state. */
export async function lockErasure(tx: Transaction<Schema>, id: string): Promise<string> {
  const { state } = await tx
    .updateTable('erasures')
    .set((e) => ({ updated_at: e.ref('updated_at') }))
    .where('id', '=', id)
    .returning('state')
    .executeTakeFirstOrThrow()
  return state
}

export async function partsOf(db: Store['db'], erasures: readonly string[]): Promise<Part[]> {
  if (erasures.length === 0) return []
  const rows = await db
    .selectFrom('erasure_parts')
    .selectAll()
    .where('erasure', 'in', erasures)
    .orderBy('erasure')
    .orderBy('node')
    .execute()
  return rows.map(partFrom)
}

function placeOf(step: string): number {
  return STEPS.indexOf(step as Step)
}

function partFrom(row: ErasurePartsTable): Part {
  return {
    erasure: row.erasure,
    node: row.node,
    step: row.step as Part['step'],
    problem: row.problem,
    removed: JSON.parse(row.removed) as Record<string, number>,
    search: row.search === null ? undefined : (JSON.parse(row.search) as SearchResult),
    addendum: row.addendum ?? undefined,
    signature: row.signature ?? undefined,
    updatedAt: row.updated_at,
  }
}
