/** One launched current as delivery runs it: its writer, gate, courier, runner and redrive, made from one version of its definition. */

import type { Limits } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Fault } from '../core/fault.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { Random } from '../core/random.ts'
import type { Current } from '../currents/current.ts'
import { fieldEditor } from '../currents/fields.ts'
import { Selection } from '../currents/selection.ts'
import type { EventIntake, EventWriter } from '../destinations/destination.ts'
import type { Log } from '../log/log.ts'
import type { Lease } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import type { TypeNumbers } from './cells.ts'
import type { ConnectionStats } from './connection-stats.ts'
import { Courier } from './courier.ts'
import type { DeadLetters } from './dead-letters.ts'
import { Gate } from './gate.ts'
import { Redrive } from './redrive.ts'
import type { ReplayTarget } from './replay.ts'
import { Runner } from './runner.ts'
import type { Settlement, Settler } from './settlement.ts'
import type { Slice, SliceRule } from './slice.ts'
import type { Transport } from './transport.ts'

export interface ConnectionParts {
  readonly log: Log
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly kernel: Kernel
  readonly types: TypeNumbers
  readonly transport: Transport
  readonly settler: Settler
  readonly letters: DeadLetters
  readonly lease: Lease
  readonly haltedRetryMs: number
}

export interface ConnectionHooks {
  readonly onHalted: (fault: Fault) => Promise<void>
  readonly onRecovered: () => Promise<void>
  readonly onSettled: (slice: Slice, settlement: Settlement) => void
  readonly onTrouble: (error: unknown) => void
}

export class Connection {
  readonly current: Current
  readonly rule: SliceRule
  readonly gate: Gate
  readonly stats: ConnectionStats
  readonly writer: EventWriter
  readonly runner: Runner
  readonly redrive: Redrive
  readonly #courier: Courier
  readonly #lease: Lease

  constructor(
    current: Current,
    made: { readonly writer: EventWriter; readonly rule: SliceRule },
    position: number,
    stats: ConnectionStats,
    parts: ConnectionParts,
    hooks: ConnectionHooks,
  ) {
    const { clock, transport, lease } = parts
    this.current = current
    this.#lease = lease
    this.stats = stats
    this.rule = made.rule
    this.writer = made.writer
    this.gate = new Gate(clock, parts.random)
    const ordered = made.rule.lanes > 1 || made.rule.limits.inFlightMax === 1
    const observe = (attempt: Parameters<ConnectionStats['attempted']>[0]): void =>
      stats.attempted(attempt, clock.now())
    this.#courier = new Courier({
      transport,
      gate: this.gate,
      clock,
      writer: made.writer,
      lease,
      observe,
      ordered,
    })
    this.runner = new Runner({
      current: current.number,
      version: current.version,
      log: parts.log,
      clock,
      types: parts.types,
      rule: made.rule,
      courier: this.#courier,
      gate: this.gate,
      settler: parts.settler,
      lease,
      position,
      halted: current.state === 'halted',
      haltedRetryMs: parts.haltedRetryMs,
      onHalted: hooks.onHalted,
      onRecovered: async () => {
        await hooks.onRecovered()
        this.redrive.wake()
      },
      onSettled: hooks.onSettled,
    })
    this.redrive = new Redrive({
      current: current.number,
      connection: current.key,
      letters: parts.letters,
      store: parts.store,
      clock,
      courier: this.#courier,
      lease,
      limits: made.rule.limits,
      // One flow cannot be well while the other needs a person: they halt and recover together.
      onHalted: (fault) => this.runner.interrupt(fault),
      onTrouble: hooks.onTrouble,
    })
  }

  get replayTarget(): ReplayTarget {
    return {
      current: this.current.number,
      version: this.current.version,
      rule: this.rule,
      courier: this.#courier,
      lease: this.#lease,
    }
  }

  start(): void {
    this.runner.start()
    this.redrive.wake()
  }

  async stop(how: 'in peace' | 'now' = 'in peace'): Promise<void> {
    await Promise.all([this.runner.stop(how), this.redrive.stop()])
  }
}

/** Compiles a definition. `settings` and `credentials` are valid for the destination; `sources` are numbers. */
export function makeRule(
  current: Pick<Current, 'definition' | 'key'>,
  intake: EventIntake<unknown, unknown>,
  settings: unknown,
  sources: ReadonlySet<number>,
  kernel: Kernel,
): SliceRule {
  const { definition } = current
  const limits = limitsFor(intake.limits(settings), definition.delivery)
  return {
    sources,
    selection: new Selection(definition),
    editor: fieldEditor(definition.fields, kernel),
    limits,
    lanes: definition.delivery.ordering === 'per-profile' ? limits.inFlightMax : 1,
    connection: current.key,
  }
}

/** The operator's numbers where given; counts and bytes never above what the destination takes. */
export function limitsFor(vendor: Limits, wanted: Current['definition']['delivery']): Limits {
  return {
    recordsMax: Math.min(vendor.recordsMax, wanted.recordsMax ?? vendor.recordsMax),
    bytesMax: Math.min(vendor.bytesMax, wanted.bytesMax ?? vendor.bytesMax),
    waitMs: wanted.waitMs ?? vendor.waitMs,
    inFlightMax: wanted.inFlightMax ?? vendor.inFlightMax,
  }
}
