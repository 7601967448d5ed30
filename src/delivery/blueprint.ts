/**
 * Blueprints: from a definition to what delivery runs, and back to words where it does not hold together. Compiles selection, field rules and the
 * destination's writer, shows the request that a definition would send, and rehearses a destination. Nothing here is kept between calls.
 */

import * as z from 'zod'
import { patternProblem } from '../catalog/catalog.ts'
import type { Address } from '../core/audience-change.ts'
import type { Limits } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Exchange, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FLAGS,
  ITEM_START,
  ITEM_TYPE,
  type Kernel,
} from '../core/kernel/kernel.ts'
import { failed, type Receipt } from '../core/receipt.ts'
import { redacted } from '../core/secret.ts'
import type { Current, CurrentDefinition } from '../currents/current.ts'
import { destinationNamed } from '../destinations/catalog.ts'
import type { Destination, EventWriter, LookedUp, SourceLabel } from '../destinations/destination.ts'
import { BatchBuilder, StorePool } from './batch-builder.ts'
import { makeRule } from './connection.ts'
import type { KeptRecord } from './lineage.ts'
import { redactedUrl } from './redaction.ts'
import { type SliceRule, unsentReason } from './slice.ts'
import type { NoAnswer, Transport } from './transport.ts'

export interface BlueprintParts {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly transport: Transport
  readonly authorizations: AuthorizationSource
  /** Numbers of the named sources. Throws SOURCE_UNKNOWN. */
  readonly sourceNumbers: (names: readonly string[]) => Promise<ReadonlySet<number>>
  /** Throws SOURCE_UNKNOWN. */
  readonly sourceLabel: (number: number) => SourceLabel
}

/** What delivery needs of the authorizations. */
export interface AuthorizationSource {
  get(id: string): Promise<{ readonly provider: string }>
  /** The credentials in clear. Throws AUTHORIZATION_UNKNOWN, SEALING_KEY. */
  reveal(id: string): Promise<unknown>
  /** Notes what the vendor thought of the credentials when they were last used. */
  setHealth(id: string, health: 'good' | 'bad', detail: string): Promise<void>
}

/** A definition, ready to run. */
export interface Blueprint {
  readonly writer: EventWriter
  readonly rule: SliceRule
}

/** Where an export goes: as in the definition of a current. */
export type Destined = CurrentDefinition['destination']

export interface AudienceWay {
  readonly writer: EventWriter
  readonly limits: Limits
  /** What the vendor holds of people; a fault when it does not say. */
  lookUp(people: readonly Address[], signal: AbortSignal): Promise<LookedUp | Fault>
}

const CHECK_MS_MAX = 30_000

export class Blueprints {
  readonly #parts: BlueprintParts

  constructor(parts: BlueprintParts) {
    this.#parts = parts
  }

  /** Throws CURRENT_INVALID when the definition does not fit its destination. */
  async of(current: Pick<Current, 'definition' | 'key'>): Promise<Blueprint> {
    const { definition } = current
    const { kernel, sourceNumbers } = this.#parts
    const problems = new Problems()
    for (const part of ['include', 'exclude'] as const) {
      for (const pattern of definition.selection[part])
        await problems.of(`selection.${part}`, () => refuseBadPattern(pattern))
    }
    const sources = await problems.of('sources', () => sourceNumbers(definition.sources))
    const found = await problems.of('destination.kind', () => takingDestination(definition.destination.kind))
    const { settings: wanted, authorization } = definition.destination
    const settings = await problems.of(
      'destination.settings',
      () => found && parsed(found.destination.settings, wanted, 'destination.settings'),
    )
    const credentials = await problems.of(
      'destination.authorization',
      () => found && this.#credentials(found.destination, authorization),
    )
    const sound = found !== undefined && sources !== undefined && problems.none
    const writer = await problems.of('destination', () =>
      sound ? found.intake.writer({ settings, credentials }, kernel, this.#labels(sources)) : undefined,
    )
    if (!sound || writer === undefined) return problems.refuse()
    return { writer, rule: makeRule(current, found.intake, settings, sources, kernel) }
  }

  #labels(sources: ReadonlySet<number>): ReadonlyMap<number, SourceLabel> {
    return new Map([...sources].map((number) => [number, this.#parts.sourceLabel(number)]))
  }

  async #credentials(destination: Destination, authorization: string | null): Promise<unknown> {
    if (authorization === null) return parsed(destination.credentials, {}, 'destination.authorization')
    const { provider } = await this.#parts.authorizations.get(authorization)
    if (provider !== destination.name) {
      throw new ThalwegError(
        'CURRENT_INVALID',
        `The authorization is for ${provider}, the destination is ${destination.name}`,
      )
    }
    return parsed(
      destination.credentials,
      await this.#parts.authorizations.reveal(authorization),
      'destination.authorization',
    )
  }

  /**
   * The first request that a definition would send for these events, secrets blotted out; nothing is sent. Undefined when nothing would be.
   * Throws INPUT_INVALID when one of them is not an event.
   */
  async previewRequest(definition: CurrentDefinition, events: readonly Buffer[]): Promise<unknown> {
    const blueprint = await this.of({ definition, key: 'preview' })
    return firstRequest(
      blueprint,
      events.map((bytes, i) => this.#scanned(bytes, i)),
    )
  }

  /** Rehearses a write with the definition's destination and credentials. */
  async checkDestination(kind: string, settings: unknown, credentials: unknown): Promise<Receipt> {
    const destination = knownDestination(kind)
    const target = {
      settings: parsed(destination.settings, settings, 'settings'),
      credentials: parsed(destination.credentials, credentials, 'credentials'),
    }
    const signal = AbortSignal.timeout(CHECK_MS_MAX)
    const told = await this.#asked(destination.check(target), signal)
    return 'noAnswer' in told ? failed(told.noAnswer) : told
  }

  /** The way out of an export. Throws CURRENT_INVALID, AUTHORIZATION_UNKNOWN, SEALING_KEY. */
  async audienceWay({ kind, settings: wanted, authorization }: Destined): Promise<AudienceWay> {
    const destination = knownDestination(kind)
    const intake = destination.audiences
    if (intake === undefined)
      throw new ThalwegError('CURRENT_INVALID', `${destination.title} takes no exports of audiences`)
    const settings = parsed(destination.settings, wanted, 'destination.settings')
    const target = { settings, credentials: await this.#credentials(destination, authorization) }
    return {
      writer: intake.writer(target, this.#parts.kernel, new Map()),
      limits: intake.limits(settings),
      lookUp: async (people, signal) => {
        const told = await this.#asked(intake.lookUp(target, people), signal)
        return 'noAnswer' in told ? told.noAnswer : told
      },
    }
  }

  async #asked<Result>(exchange: Exchange<Result>, signal: AbortSignal): Promise<Result | NoAnswer> {
    let step = exchange.next()
    while (!step.done) {
      const reply = await this.#parts.transport.send(step.value, signal)
      if ('noAnswer' in reply) return reply
      step = exchange.next(reply)
    }
    return step.value
  }

  #scanned(bytes: Buffer, offset: number): KeptRecord {
    const { kernel, clock } = this.#parts
    const { count, items } = kernel.scan(bytes)
    if (count !== 1 || items[ITEM_FAULT] !== 0)
      throw new ThalwegError('INPUT_INVALID', `Event ${offset} is not one JSON object`)
    return {
      offset,
      request: 0,
      source: 0,
      receivedAt: clock.now(),
      type: kernel.types[items[ITEM_TYPE] ?? 0] ?? '',
      flags: items[ITEM_FLAGS] ?? 0,
      bytes: bytes.subarray(items[ITEM_START], items[ITEM_END]),
    }
  }
}

/** The request that would leave first for these records, secrets blotted out; undefined when none would. */
export function firstRequest({ writer, rule }: Blueprint, records: readonly KeptRecord[]): unknown {
  const builder = new BatchBuilder(rule.limits, new StorePool(rule.limits.recordsMax))
  for (const { bytes, type, flags, offset, source, receivedAt } of records) {
    if (unsentReason(rule.selection, type, flags) !== undefined) continue
    const edited = rule.editor === undefined ? bytes : rule.editor(bytes)
    if (!builder.add(edited, { type, flags, offset, request: 0, source, receivedAt })) break
  }
  if (builder.count === 0) return undefined
  const exchange = writer.write(builder.finish(rule.connection).batch)
  const step = exchange.next()
  if (step.done) return undefined
  exchange.return([])
  return shown(step.value)
}

function knownDestination(kind: string): Destination {
  const destination = destinationNamed(kind)
  if (destination === undefined)
    throw new ThalwegError('CURRENT_INVALID', `There is no destination ${JSON.stringify(kind)}`)
  return destination
}

/** Whoever takes no events takes membership records: those of an activation, which makes its current itself. */
function takingDestination(kind: string) {
  const destination = knownDestination(kind)
  const intake = destination.events ?? destination.memberships
  if (intake === undefined)
    throw new ThalwegError('CURRENT_INVALID', `${destination.title} takes neither events nor memberships`)
  return { destination, intake }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ThalwegError('CURRENT_INVALID', `${where}: ${z.prettifyError(result.error)}`, {
    details: result.error.issues.map(({ path, message }) => ({
      field: [where, ...path].join('.'),
      problem: message,
    })),
  })
}

function refuseBadPattern(pattern: string): void {
  const problem = patternProblem(pattern)
  if (problem !== undefined) throw new ThalwegError('CURRENT_INVALID', `selection: ${problem}`)
}

interface FieldProblem {
  readonly field: string
  readonly problem: string
}

/** Gathers what is wrong and at which field of the definition, so that an operator hears all of it at once. */
class Problems {
  readonly #found: ThalwegError[] = []
  readonly #fields: FieldProblem[] = []

  get none(): boolean {
    return this.#found.length === 0
  }

  /** The value; undefined when a rule was broken. */
  async of<T>(field: string, check: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await check()
    } catch (error) {
      if (!(error instanceof ThalwegError)) throw error
      this.#found.push(error)
      const { details } = error
      if (Array.isArray(details)) this.#fields.push(...(details as FieldProblem[]))
      else this.#fields.push({ field, problem: error.message })
      return undefined
    }
  }

  /** Throws the problem with its code, or several as one; `details` say which field each is about. */
  refuse(): never {
    const [first] = this.#found
    const code = first !== undefined && this.#found.length === 1 ? first.code : 'CURRENT_INVALID'
    throw new ThalwegError(code, this.#found.map((error) => error.message).join('\n'), {
      cause: first,
      details: this.#fields,
    })
  }
}

function shown(request: WireRequest): unknown {
  const pieces =
    request.body === undefined ? [] : request.body instanceof Uint8Array ? [request.body] : request.body
  return {
    method: request.method,
    url: redactedUrl(request),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, redacted(value, request.secrets)]),
    ),
    body: redacted(Buffer.concat(pieces).toString(), request.secrets),
  }
}
