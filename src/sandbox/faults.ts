/**
 * Faults on a switch, the same for every double: what goes wrong, for which requests, how often. A double
 * asks its FaultSwitch once per request and once per record; with no fault set the answer is always
 * "nothing".
 *
 * By API (JSON, on the double's own port, at most 1 MB):
 *
 *   GET  /sandbox/state     everything the double knows about itself, the faults with their use among it
 *   PUT  /sandbox/faults    {"faults":[rule, ...]} replaces all rules (at most 100); an empty list heals
 *   POST /sandbox/reset     forgets what arrived, all counters and all faults
 *
 * A rule is one of
 *
 *   {"kind":"status","status":503,"body":"…","headers":{"retry-after":"7"}}
 *       answer this, accept nothing
 *   {"kind":"latency","ms":500}
 *       wait before the request is accepted; a caller who gives up meanwhile is accepted all the same
 *   {"kind":"drop_before"}
 *       cut the connection on the headers, accept nothing
 *   {"kind":"drop_after"}
 *       accept the request, then cut the connection instead of answering: the lost acknowledgement
 *   {"kind":"rate_limit","perSecond":50,"burst":50}
 *       answer 429 with Retry-After beyond this rate of requests
 *   {"kind":"refuse","ids":["e1"],"property":"properties.email","equals":"x","error":"InvalidPropertyValueError"}
 *       refuse the records that have one of these ids, or this property with this value (any value without
 *       `equals`); with neither, every record. Where the vendor answers per record they get a failed receipt,
 *       elsewhere the whole request is answered 400
 *   {"kind":"cut_receipts","keep":10}
 *       accept everything, answer only the first receipts (records API)
 *   {"kind":"cut_body","afterBytes":1000}
 *       answer well, but cut the connection after so many bytes of the body; a shorter body is whole
 *   {"kind":"slow_job","ms":30000}
 *       the query that is issued runs this much longer (this and the next: Treasure Data's job API)
 *   {"kind":"fail_job","error":"…"}
 *       the query that is issued ends in an error with this text
 *
 * and may carry `path` (only requests whose path begins so), `next` (wears out after so many uses; a use is a
 * request, for `refuse` a record) and `probability` (per use, drawn from the seeded random). Rules apply in
 * order; the first that decides a request wins, latencies add up. So "503 twice, then 429 once, then well" is
 * three rules with `next`.
 */

import * as z from 'zod'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'

export const FAULT_RULES_MAX = 100
export const LATENCY_MS_MAX = 600_000

const when = {
  path: z.string().max(1000).optional(),
  next: z.int().min(1).optional(),
  probability: z.number().min(0).max(1).optional(),
}

export const FaultRule = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    body: z.string().max(65_536).optional(),
    headers: z.record(z.string().min(1).max(100), z.string().max(1000)).optional(),
    ...when,
  }),
  z.strictObject({ kind: z.literal('latency'), ms: z.int().min(0).max(LATENCY_MS_MAX), ...when }),
  z.strictObject({ kind: z.literal('drop_before'), ...when }),
  z.strictObject({ kind: z.literal('drop_after'), ...when }),
  z.strictObject({
    kind: z.literal('rate_limit'),
    perSecond: z.number().positive().max(1_000_000),
    burst: z.number().min(1).max(1_000_000).optional(),
    ...when,
  }),
  z.strictObject({
    kind: z.literal('refuse'),
    ids: z.array(z.string()).max(100_000).optional(),
    property: z.string().min(1).max(1000).optional(),
    equals: z.json().optional(),
    error: z.string().max(200).optional(),
    ...when,
  }),
  z.strictObject({ kind: z.literal('cut_receipts'), keep: z.int().min(0), ...when }),
  z.strictObject({ kind: z.literal('cut_body'), afterBytes: z.int().min(0), ...when }),
  z.strictObject({ kind: z.literal('slow_job'), ms: z.int().min(1).max(LATENCY_MS_MAX), ...when }),
  z.strictObject({ kind: z.literal('fail_job'), error: z.string().min(1).max(2000).optional(), ...when }),
])
export type FaultRule = z.infer<typeof FaultRule>

const FaultList = z.strictObject({ faults: z.array(FaultRule).max(FAULT_RULES_MAX) })

/** What happens to one request before the double looks at it. */
export interface FaultPlan {
  readonly latencyMs: number
  /** Of the answer's body, then the connection is cut. */
  readonly cutAfterBytes?: number
  readonly decision:
    | { readonly do: 'accept' }
    | { readonly do: 'accept_then_drop' }
    | { readonly do: 'drop' }
    | {
        readonly do: 'answer'
        readonly status: number
        readonly body?: string
        readonly headers?: Record<string, string>
      }
    | { readonly do: 'throttle'; readonly retryAfterS: number }
}

/** What happens to a query that is issued. */
export interface JobFault {
  readonly slowMs?: number
  readonly error?: string
}

const NO_FAULT: FaultPlan = { latencyMs: 0, decision: { do: 'accept' } }
export const REFUSED_DEFAULT = 'InvalidPropertyValueError'
const JOB_ERROR_DEFAULT = 'Encountered too many errors talking to a worker node.'

interface Armed {
  readonly rule: FaultRule
  readonly ids: ReadonlySet<string> | undefined
  used: number
  /** Of a rate limit: tokens left and when they were counted. */
  tokens: number
  countedAtMs: number
}

export class FaultSwitch {
  readonly #clock: Clock
  readonly #random: Random
  #armed: Armed[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Replaces all rules. Throws INPUT_INVALID when they do not fit the shape above. */
  set(rules: readonly FaultRule[]): void {
    this.setJson({ faults: rules })
  }

  setJson(value: unknown): void {
    const parsed = FaultList.safeParse(value)
    if (!parsed.success) throw new ThalwegError('INPUT_INVALID', z.prettifyError(parsed.error))
    this.#armed = parsed.data.faults.map((rule) => this.#arm(rule))
  }

  clear(): void {
    this.#armed = []
  }

  /** The rules in order with how often each was used. */
  state(): readonly (FaultRule & { used: number })[] {
    return this.#armed.map((armed) => ({ ...armed.rule, used: armed.used }))
  }

  /** True while a rule needs the records themselves, so that a counting double must read them after all. */
  get looksAtRecords(): boolean {
    return this.#armed.some(({ rule }) => rule.kind === 'refuse' || rule.kind === 'cut_receipts')
  }

  /** Decides about one request. Uses up the rules that fire. */
  plan(path: string): FaultPlan {
    if (this.#armed.length === 0) return NO_FAULT
    let latencyMs = 0
    let cut: Pick<FaultPlan, 'cutAfterBytes'> = {}
    for (const armed of this.#armed) {
      if (!pathFits(armed, path) || !decidesRequests(armed.rule)) continue
      if (armed.rule.kind === 'rate_limit') {
        const retryAfterS = this.#overRate(armed, armed.rule.perSecond)
        if (retryAfterS > 0 && this.#use(armed))
          return { latencyMs, decision: { do: 'throttle', retryAfterS } }
        continue
      }
      if (!this.#use(armed)) continue
      if (armed.rule.kind === 'latency') latencyMs += armed.rule.ms
      else if (armed.rule.kind === 'cut_body') cut = { cutAfterBytes: armed.rule.afterBytes }
      else return { latencyMs, decision: decisionOf(armed.rule) }
    }
    return { latencyMs, ...cut, decision: { do: 'accept' } }
  }

  /** The error name with which this record is refused; undefined when it is not. */
  refusal(path: string, id: string | undefined, record: unknown): string | undefined {
    for (const armed of this.#armed) {
      const { rule } = armed
      if (rule.kind !== 'refuse' || !pathFits(armed, path)) continue
      if (refuseFits(rule, armed.ids, id, record) && this.#use(armed)) return rule.error ?? REFUSED_DEFAULT
    }
    return undefined
  }

  /** How many receipts of `count` are answered. */
  receiptsKept(path: string, count: number): number {
    for (const armed of this.#armed) {
      if (armed.rule.kind !== 'cut_receipts' || !pathFits(armed, path)) continue
      if (armed.rule.keep < count && this.#use(armed)) return armed.rule.keep
    }
    return count
  }

  /** What becomes of a query issued at this path. */
  job(path: string): JobFault {
    let slow: JobFault = {}
    for (const armed of this.#armed) {
      const { rule } = armed
      if (
        (rule.kind !== 'slow_job' && rule.kind !== 'fail_job') ||
        !pathFits(armed, path) ||
        !this.#use(armed)
      )
        continue
      if (rule.kind === 'fail_job') return { ...slow, error: rule.error ?? JOB_ERROR_DEFAULT }
      slow = { slowMs: (slow.slowMs ?? 0) + rule.ms }
    }
    return slow
  }

  #arm(rule: FaultRule): Armed {
    return {
      rule,
      ids: rule.kind === 'refuse' && rule.ids !== undefined ? new Set(rule.ids) : undefined,
      used: 0,
      tokens: rule.kind === 'rate_limit' ? burstOf(rule) : 0,
      countedAtMs: this.#clock.now(),
    }
  }

  #use(armed: Armed): boolean {
    const { next, probability } = armed.rule
    if (next !== undefined && armed.used >= next) return false
    if (probability !== undefined && this.#random() >= probability) return false
    armed.used++
    return true
  }

  /** A token bucket: 0 when a token could be taken, else whole seconds until the next one (at least 1). */
  #overRate(armed: Armed, perSecond: number): number {
    const now = this.#clock.now()
    const burst = armed.rule.kind === 'rate_limit' ? burstOf(armed.rule) : 1
    armed.tokens = Math.min(burst, armed.tokens + ((now - armed.countedAtMs) / 1000) * perSecond)
    armed.countedAtMs = now
    if (armed.tokens >= 1) {
      armed.tokens--
      return 0
    }
    return Math.max(1, Math.ceil((1 - armed.tokens) / perSecond))
  }
}

function burstOf(rule: Extract<FaultRule, { kind: 'rate_limit' }>): number {
  return rule.burst ?? Math.max(1, rule.perSecond)
}

function pathFits(armed: Armed, path: string): boolean {
  return armed.rule.path === undefined || path.startsWith(armed.rule.path)
}

/** They concern records or queries. */
const UNDECIDED: ReadonlySet<FaultRule['kind']> = new Set(['refuse', 'cut_receipts', 'slow_job', 'fail_job'])

function decidesRequests(rule: FaultRule): boolean {
  return !UNDECIDED.has(rule.kind)
}

function decisionOf(rule: FaultRule): FaultPlan['decision'] {
  if (rule.kind === 'drop_before') return { do: 'drop' }
  if (rule.kind === 'drop_after') return { do: 'accept_then_drop' }
  return rule.kind === 'status' ? answerOf(rule) : { do: 'accept' }
}

function answerOf(rule: Extract<FaultRule, { kind: 'status' }>): FaultPlan['decision'] {
  return {
    do: 'answer',
    status: rule.status,
    ...(rule.body === undefined ? {} : { body: rule.body }),
    ...(rule.headers === undefined ? {} : { headers: rule.headers }),
  }
}

function refuseFits(
  rule: Extract<FaultRule, { kind: 'refuse' }>,
  ids: ReadonlySet<string> | undefined,
  id: string | undefined,
  record: unknown,
): boolean {
  if (ids === undefined && rule.property === undefined) return true
  if (ids !== undefined && id !== undefined && ids.has(id)) return true
  return rule.property !== undefined && sameJson(valueAt(record, rule.property), rule.equals)
}

function sameJson(value: unknown, wanted: unknown): boolean {
  return value !== undefined && (wanted === undefined || JSON.stringify(value) === JSON.stringify(wanted))
}

function valueAt(record: unknown, dottedPath: string): unknown {
  let value = record
  for (const name of dottedPath.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
