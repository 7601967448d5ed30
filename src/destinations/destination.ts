/**
 * The contract of a destination: a kind of vendor we can write to. A destination is consulted, not run: it
 * says what to send and what the answer meant. It does not open a socket, sleep, retry, read the clock or
 * touch the log.
 */

import type * as z from 'zod'
import type { Address } from '../core/audience-change.ts'
import type { EventBatch, Limits } from '../core/batch.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { Receipt } from '../core/receipt.ts'

export interface Destination<Settings = unknown, Credentials = unknown> {
  /** The folder's name; the word in definitions and URLs. */
  readonly name: string
  readonly title: string
  /** One or two sentences for the picker. */
  readonly description: string
  /** The form, the validator and the reference page, once. Every field carries `.describe()`. */
  readonly settings: z.ZodType<Settings>
  /** The secret half, kept by an authorization of this provider; write-only. */
  readonly credentials: z.ZodType<Credentials>
  /** Rehearses a write as closely as is safe, without leaving data behind where the vendor allows it. */
  check(target: Target<Settings, Credentials>): Exchange<Receipt>
  /** Absent: this destination takes no events. */
  readonly events?: EventIntake<Settings, Credentials>
  /** Takes membership records (core/membership.ts); absent: it knows no audiences. */
  readonly memberships?: EventIntake<Settings, Credentials>
  /** Takes whole changes of a person's audiences (core/audience-change.ts), from exports only. */
  readonly audiences?: AudienceIntake<Settings, Credentials>
}

export interface Target<Settings, Credentials> {
  readonly settings: Settings
  readonly credentials: Credentials
}

/** Of those whom the vendor knows, by `addressKey`: the slugs that it holds for them. */
export type LookedUp = ReadonlyMap<string, ReadonlySet<string>>

export interface AudienceIntake<Settings, Credentials> extends EventIntake<Settings, Credentials> {
  /** Reads back what the vendor holds of people. Changes nothing there. */
  lookUp(target: Target<Settings, Credentials>, people: readonly Address[]): Exchange<LookedUp | Fault>
}

/** What a writer may say of a source. */
export interface SourceLabel {
  readonly name: string
  /** The database and table that the source itself is addressed by; undefined where it has none. */
  readonly place: { readonly database: string; readonly table: string } | undefined
}

export interface EventIntake<Settings, Credentials> {
  /** What the vendor takes at most, and sensible defaults; an operator may only lower counts and bytes. */
  limits(settings: Settings): Limits
  /**
   * Makes the writer of one connection, once per version of its configuration: the place to compile mappings.
   * Pure: whatever it keeps is derived from its arguments. `sources`: those of the connection, by number.
   */
  writer(
    target: Target<Settings, Credentials>,
    kernel: Kernel,
    sources: ReadonlyMap<number, SourceLabel>,
  ): EventWriter
}

export interface EventWriter {
  /**
   * One receipt per record, in order. Deterministic: the same batch gives byte-identical requests. A yielded
   * body may lie in memory that the writer uses again once the exchange has ended, so end an exchange (by its
   * last reply or by `return`) only when the transport is done with the request.
   */
  write(batch: EventBatch): Exchange<readonly Receipt[]>
  /**
   * What event i will look like at the vendor, for lineage and dead letters; undefined where the record is
   * skipped.
   */
  preview(batch: EventBatch, i: number): unknown
}
