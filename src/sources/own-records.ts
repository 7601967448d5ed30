/**
 * Records that the hub makes itself, such as the membership changes of an activation: into the log by the same intake as
 * what comes through a door, so that repeats are dropped by id and an offset is given only once.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { Dedupe, Log } from '../log/log.ts'
import { Account, BodyBuffer } from './body.ts'
import type { ShapeTrail } from './drift/shape-trail.ts'
import { Intake, type Taken } from './intake.ts'
import type { Refusal } from './refusals.ts'

/** Under way at once, beside what the doors hold. */
const BYTES_MAX = 8_388_608
const PATIENCE_MS = 100

export interface OwnRecordsParts {
  readonly kernel: Kernel
  readonly log: Log
  readonly dedupe: Dedupe
  readonly shapes: ShapeTrail
  readonly clock: Clock
}

export class OwnRecords {
  readonly #parts: OwnRecordsParts
  readonly #account = new Account(BYTES_MAX)
  readonly #intake: Intake

  constructor(parts: OwnRecordsParts) {
    this.#parts = parts
    this.#intake = new Intake(parts.kernel, parts.log, parts.dedupe, parts.shapes, parts.clock)
  }

  /**
   * Appends the records of a JSON array; resolves when they are synced. Waits while the log cannot take more. Throws
   * LOG_STOPPED, and INPUT_INVALID when the bytes are no array of objects or too long for a frame.
   */
  async append(source: number, records: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    for (;;) {
      signal.throwIfAborted()
      const taken = await this.#take(source, bytes)
      if (!('code' in taken)) return
      if (taken.code === 'LOG_STOPPED') throw new ThalwegError('LOG_STOPPED', taken.message)
      if (taken.status < 500) throw new ThalwegError('INPUT_INVALID', taken.message)
      await this.#parts.clock.sleep(PATIENCE_MS, signal)
    }
  }

  async #take(source: number, bytes: Buffer): Promise<Taken | Refusal> {
    const { log, kernel } = this.#parts
    const body = BodyBuffer.lease(log, this.#account, bytes.length, BYTES_MAX)
    if (!(body instanceof BodyBuffer)) return body
    try {
      const refused = body.add(bytes)
      if (refused !== undefined) return refused
      const found = kernel.scan(body.body)
      if (found.shape !== 'array')
        throw new ThalwegError('INPUT_INVALID', 'Records are an array of JSON objects')
      const taken = this.#intake.take(source, body, found, 'events')
      if (!('code' in taken)) await taken.durable
      return taken
    } finally {
      body.free()
    }
  }
}
