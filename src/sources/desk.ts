/**
 * The desk of a door: gives each request its one answer, and counts it. Every door answers through it, so that
 * an answer that was given is an answer that was counted.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { answer, refuse } from './answers.ts'
import { refusalOfLog } from './body.ts'
import { type Counters, countAnswer, countStatus, type SourceCounts } from './counters.ts'
import { type Refusal, refusal } from './refusals.ts'
import type { Source } from './sources.ts'

/** One exchange over a door, before it is known whose it is. */
export interface Caller {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** One request of a source on its way through a door. */
export interface Visit<Kind extends Source = Source> extends Caller {
  readonly source: Kind
  readonly counts: SourceCounts
  /** By the clock of the doors. */
  readonly startedAt: number
}

export interface DoorLogger {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What a door may say of a refusal in its vendor's own words. */
export type Translate = (refused: Refusal) => Refusal

export class Desk {
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #logger: DoorLogger
  readonly #translate: Translate

  constructor(clock: Clock, counters: Counters, logger: DoorLogger, translate: Translate = same) {
    this.#clock = clock
    this.#counters = counters
    this.#logger = logger
    this.#translate = translate
  }

  /** The same desk, whose refusals are in a vendor's own words. */
  speaking(translate: Translate): Desk {
    return new Desk(this.#clock, this.#counters, this.#logger, translate)
  }

  /** Begins a visit: the request counts as the source's from here on. */
  visit<Kind extends Source>({ request, response }: Caller, source: Kind): Visit<Kind> {
    const counts = this.#counters.of(source.number)
    counts.requests++
    return { request, response, source, counts, startedAt: this.#clock.now() }
  }

  /** Answers 200. `text` is ASCII. */
  answer(visit: Visit, text: string, headers: readonly string[] = []): void {
    countAnswer(visit.counts, this.#clock.now() - visit.startedAt)
    answer(visit.response, text, headers)
  }

  refuse(visit: Visit, refused: Refusal): void {
    const told = this.#translate(refused)
    countStatus(visit.counts.refused, told.status)
    countAnswer(visit.counts, this.#clock.now() - visit.startedAt)
    refuse(visit.request, visit.response, told, this.#clock)
  }

  /** The log did not take what it was given. */
  refuseFailed(visit: Visit, error: unknown): void {
    try {
      this.refuse(visit, refusalOfLog(error))
    } catch (unforeseen) {
      this.defect(visit, unforeseen)
    }
  }

  /** For requests that no source is found for. */
  turnAway({ request, response }: Caller, refused: Refusal): void {
    const told = this.#translate(refused)
    countStatus(this.#counters.strangers, told.status)
    refuse(request, response, told, this.#clock)
  }

  defect(caller: Caller, error: unknown): void {
    this.#logger.error(
      { err: error, path: caller.request.url?.split('?', 1)[0] },
      'a door failed unexpectedly',
    )
    const message = 'The hub failed unexpectedly and kept nothing; its log says why. Send again later'
    this.turnAway(caller, refusal('DEFECT', message))
  }
}

function same(refused: Refusal): Refusal {
  return refused
}
