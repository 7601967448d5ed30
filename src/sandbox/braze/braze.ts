/**
 * Braze: the senders of Currents connectors, and one workspace behind its REST API and its partners' cohort API. Answers
 * as Braze documents it: keys with permissions, sizes, rate limits, partial errors, nobody created by a cohort.
 *
 *   401 unknown key · 403 a key without the permission · 404 no such address · 413 beyond 4 MB · 429 beyond a rate
 *
 * A `refuse` fault matches an identifier of a cohort change, which is answered 400 as a whole, or an object of /users/track, which
 * is listed under `errors`.
 * Beside what double.ts and faults.ts describe:
 *
 *   GET  /sandbox/state      the senders, how many people there are, cohorts and segments with their sizes
 *   POST /sandbox/users      {"users":[{"external_id","braze_id","aliases":[{"label","name"}],"devices":[],"fields":{},"custom":{}}]}
 *   GET  /sandbox/users?external_id= | braze_id= | device_id=     one profile, or 404
 *   GET  /sandbox/members?partner=&cohort=&offset=&limit=         Braze ids with external ids
 *   POST /sandbox/segments   {"name","filter"} (segments.ts) → {"id","name","size"}
 *   PUT  /sandbox/settings   {"cohortLockMs","exportDelayMs","resetStyle","limits","legacyTrackLimit"}
 */

import { request } from 'undici'
import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import { type Answer, isObject, json, parsed } from '../answer.ts'
import { Arrivals } from '../arrivals.ts'
import { type Call, type Holding, pageOf, type Setting, type Vendor } from '../double.ts'
import { Sender, type SenderOptions } from '../sender.ts'
import { randomUuid } from '../uuid.ts'
import { admissionOf, type Partner, type Permission, type RestKey } from './access.ts'
import { Cohorts, identifiersIn } from './cohorts.ts'
import { EXPORTS_PATH, exportIds, SegmentExports } from './exports.ts'
import { deleteUsers, identify, newAliases } from './identity.ts'
import { type Profile, Profiles } from './profiles.ts'
import { type LimitName, RateLimits } from './rate.ts'
import { NewSegment, SEGMENTS_MAX, Segments } from './segments.ts'
import { track } from './track.ts'

/** Connectors per workspace; ours, generous. */
export const SENDERS_MAX = 32
/** "Body over 4 MB"; read in the strictest way. */
export const BODY_BYTES_MAX = 4_000_000
const SEGMENTS_PER_PAGE = 100
const PAGE_MAX = 100_000
const CALLBACK_TIMEOUT_MS = 10_000

export interface BrazeOptions {
  readonly restKeys: readonly RestKey[]
  readonly partners: readonly Partner[]
  readonly importKeys: readonly string[]
}

const Settings = z.strictObject({
  cohortLockMs: z.int().min(0).max(600_000).optional(),
  exportDelayMs: z.int().min(0).max(86_400_000).optional(),
  resetStyle: z.enum(['epoch', 'seconds']).optional(),
  /** false: nothing is counted against a rate. */
  limits: z.boolean().optional(),
  legacyTrackLimit: z.boolean().optional(),
})
export type BrazeSettings = z.infer<typeof Settings>

const NewUsers = z.strictObject({
  users: z
    .array(
      z.strictObject({
        external_id: z.string().min(1).optional(),
        braze_id: z
          .string()
          .regex(/^[0-9a-f]{24}$/)
          .optional(),
        aliases: z.array(z.strictObject({ label: z.string().min(1), name: z.string().min(1) })).optional(),
        devices: z.array(z.string().min(1)).optional(),
        fields: z.record(z.string(), z.unknown()).optional(),
        custom: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .max(100_000),
})

/** Requests that broke a published limit, whatever faults are set. */
export interface Excess {
  /** Identifiers of a cohort change, objects of /users/track. */
  items: number
  rate: number
  bytes: number
}

interface Route {
  readonly method: 'GET' | 'POST'
  readonly permission: Permission
  readonly limit: LimitName
  readonly answer: (call: Call, body: Readonly<Record<string, unknown>>) => Answer
}

const NOT_FOUND: Answer = json(404, { message: 'Not Found' })

export class Braze implements Vendor {
  readonly name = 'braze'
  readonly marker = 'event_type"'
  /** No events arrive at Braze. */
  readonly arrivals = new Arrivals(0)
  readonly profiles: Profiles
  readonly cohorts: Cohorts
  readonly segments: Segments
  readonly #exports: SegmentExports
  readonly #rates: RateLimits
  readonly #setting: Setting
  readonly #options: BrazeOptions
  readonly #senders: Sender[] = []
  readonly #callbacks = new Set<Promise<void>>()
  readonly #routes: ReadonlyMap<string, Route>
  #limited = true
  #legacyTrackLimit = false
  #dataPoints = 0
  #excess = { rate: 0, bytes: 0, objects: 0 }

  constructor(setting: Setting, options: BrazeOptions) {
    this.#setting = setting
    this.#options = options
    this.profiles = new Profiles(setting.random)
    this.cohorts = new Cohorts(this.profiles, options)
    this.segments = new Segments(this.profiles, this.cohorts)
    this.#rates = new RateLimits(setting.clock)
    this.#exports = new SegmentExports({
      clock: setting.clock,
      segments: this.segments,
      call: (url, body) => this.#callBack(url, body),
      newId: () => randomUuid(setting.random),
    })
    this.#routes = this.#routeTable()
  }

  /**
   * Starts a connector's sender on this double's clock and randomness. Throws INPUT_INVALID beyond 32, or for
   * a name twice.
   */
  startSender(options: Omit<SenderOptions, 'clock' | 'random'>): Sender {
    if (this.#senders.length >= SENDERS_MAX || this.#senders.some((sender) => sender.name === options.name)) {
      throw new ThalwegError(
        'INPUT_INVALID',
        `A sender named ${options.name} exists, or there are ${SENDERS_MAX}`,
      )
    }
    const { clock, random } = this.#setting
    const sender = new Sender({ ...options, clock, random })
    this.#senders.push(sender)
    sender.start()
    return sender
  }

  answer(call: Call): Answer {
    if (call.path.startsWith(EXPORTS_PATH) && call.method === 'GET') return this.#exports.download(call.path)
    const partner = /^\/partners\/([^/]+)\/cohorts(\/users)?$/.exec(call.path)
    if (partner !== null)
      return call.method === 'POST'
        ? this.#partnerCall(call, partner[1] ?? '', partner[2] === undefined ? 'name' : 'change')
        : NOT_FOUND
    const route = this.#routes.get(call.path)
    return route === undefined || route.method !== call.method ? NOT_FOUND : this.#restCall(call, route)
  }

  answerUnread(): Answer {
    return NOT_FOUND
  }

  tooMany(retryAfterS: number): Answer {
    return { ...json(429, { message: 'rate limited' }), headers: { 'retry-after': String(retryAfterS) } }
  }

  /** Throws INPUT_INVALID when a setting does not exist or fit. */
  configure(settings: unknown): void {
    const { cohortLockMs, exportDelayMs, resetStyle, limits, legacyTrackLimit } = checked(Settings, settings)
    if (cohortLockMs !== undefined) this.cohorts.lockMs = cohortLockMs
    if (exportDelayMs !== undefined) this.#exports.delayMs = exportDelayMs
    if (resetStyle !== undefined) this.#rates.resetStyle = resetStyle
    if (limits !== undefined) this.#limited = limits
    if (legacyTrackLimit !== undefined) this.#legacyTrackLimit = legacyTrackLimit
  }

  inspect(call: Call): Answer | undefined {
    const query = new URLSearchParams(call.query)
    switch (`${call.method} ${call.path}`) {
      case 'POST /sandbox/users':
        return this.#load(parsed(call.body))
      case 'GET /sandbox/users':
        return this.#shown(query)
      case 'GET /sandbox/members':
        return this.#members(call, query)
      case 'POST /sandbox/segments':
        return this.#addSegment(parsed(call.body))
      case 'PUT /sandbox/settings':
        this.configure(parsed(call.body))
        return json(200, this.#settings())
      default:
        return undefined
    }
  }

  holdings(): Holding[] {
    const cohorts = this.cohorts.list()
    return [
      {
        name: 'profiles',
        title: 'Profiles, newest last',
        total: this.profiles.size,
        page: (offset, limit) =>
          [...slice(this.profiles.all(), offset, limit)].map((profile) => this.#withCohorts(profile)),
      },
      {
        name: 'cohorts',
        title: 'Cohorts',
        total: cohorts.length,
        page: (offset, limit) =>
          cohorts.slice(offset, offset + limit).map(({ partner, id, name, members }) => ({
            partner,
            id,
            name,
            size: members.size,
          })),
      },
      ...cohorts.map(
        ({ partner, id, name, members }): Holding => ({
          name: `members:${partner}:${id}`,
          title: `Members of the cohort ${name}`,
          total: members.size,
          page: (offset, limit) => [...slice(members, offset, limit)].map(shownMember),
        }),
      ),
      {
        name: 'segments',
        title: 'Segments',
        total: this.segments.list().length,
        page: (offset, limit) =>
          this.segments
            .list()
            .slice(offset, offset + limit)
            .map((segment) => ({ id: segment.id, name: segment.name, size: this.segments.size(segment) })),
      },
    ]
  }

  get excess(): Excess {
    const { rate, bytes, objects } = this.#excess
    return { items: objects + this.cohorts.tally.overLimit, rate, bytes }
  }

  state(): Record<string, unknown> {
    return {
      senders: this.#senders.map((sender) => sender.state()),
      settings: this.#settings(),
      users: this.profiles.size,
      dataPoints: this.#dataPoints,
      excess: this.excess,
      cohorts: this.cohorts
        .list()
        .map(({ partner, id, name, members }) => ({ partner, id, name, size: members.size })),
      cohortRequests: this.cohorts.tally,
      segments: this.segments
        .list()
        .map((segment) => ({ id: segment.id, name: segment.name, size: this.segments.size(segment) })),
    }
  }

  /** Senders keep their books: what they have under way cannot be forgotten. */
  reset(): void {
    this.profiles.clear()
    this.cohorts.clear()
    this.segments.clear()
    this.#exports.clear()
    this.#rates.clear()
    this.#dataPoints = 0
    this.#excess = { rate: 0, bytes: 0, objects: 0 }
    this.configure({
      cohortLockMs: 0,
      exportDelayMs: 0,
      resetStyle: 'epoch',
      limits: true,
      legacyTrackLimit: false,
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#senders.map((sender) => sender.stop()), ...this.#callbacks])
  }

  #routeTable(): ReadonlyMap<string, Route> {
    const { profiles, cohorts } = this
    const now = (): number => this.#setting.clock.now()
    const post = (permission: Permission, limit: LimitName, answer: Route['answer']): Route => ({
      method: 'POST',
      permission,
      limit,
      answer,
    })
    return new Map<string, Route>([
      ['/users/track', post('users.track', 'users.track', (call, body) => this.#track(call, body))],
      [
        '/users/identify',
        post('users.identify', 'users.identity', (_call, body) =>
          identify(body, profiles, now(), (from, to) => cohorts.forget(from, to)),
        ),
      ],
      [
        '/users/alias/new',
        post('users.alias.new', 'users.identity', (_call, body) => newAliases(body, profiles, now())),
      ],
      [
        '/users/delete',
        post('users.delete', 'users.identity', (_call, body) =>
          deleteUsers(body, profiles, (profile) => cohorts.forget(profile)),
        ),
      ],
      [
        '/users/export/ids',
        post('users.export.ids', 'users.export.ids', (_call, body) => exportIds(body, profiles)),
      ],
      [
        '/users/export/segment',
        post('users.export.segment', 'other', (call, body) =>
          this.#exports.start(body, call.headers.host ?? ''),
        ),
      ],
      [
        '/segments/list',
        {
          method: 'GET',
          permission: 'segments.list',
          limit: 'other',
          answer: (call) => this.#segmentList(call),
        },
      ],
    ])
  }

  #restCall(call: Call, route: Route): Answer {
    const admission = admissionOf(call, route.permission, this.#options.restKeys)
    if (admission === 'unknown-key') return json(401, { message: 'Invalid API Key' })
    if (admission === 'no-permission') return json(403, { message: 'Access Denied' })
    return this.#rated(route.limit, () => {
      if (route.method === 'GET') return route.answer(call, {})
      const body = bodyOf(call)
      return isObject(body) ? route.answer(call, body) : this.#badBody(call)
    })
  }

  #partnerCall(call: Call, name: string, what: 'name' | 'change'): Answer {
    const body = bodyOf(call)
    if (!isObject(body)) return this.#badBody(call)
    const partner = this.cohorts.partner(name)
    const refusal = this.cohorts.refusal(partner, body)
    if (refusal !== undefined || partner === undefined) return refusal ?? NOT_FOUND
    return this.#rated('partners.cohorts', () =>
      what === 'name' ? this.cohorts.name(partner, body) : this.#change(call, partner, body),
    )
  }

  #change(call: Call, partner: Partner, body: Readonly<Record<string, unknown>>): Answer {
    const { faults } = this.#setting
    for (const id of faults.looksAtRecords ? identifiersIn(body) : []) {
      const refusal = faults.refusal(call.path, id, id)
      if (refusal !== undefined) return json(400, { message: refusal })
    }
    return this.cohorts.change(partner, body, call.headers['user-agent'], this.#setting.clock.now())
  }

  #badBody({ body }: Call): Answer {
    if (body.length <= BODY_BYTES_MAX)
      return json(400, { message: 'Bad Request: the body must be a JSON object' })
    this.#excess.bytes++
    return json(413, { message: 'Request Entity Too Large' })
  }

  #rated(limit: LimitName, answer: () => Answer): Answer {
    if (!this.#limited) return answer()
    const { passes, headers } = this.#rates.take(limit)
    if (!passes) this.#excess.rate++
    const told = passes ? answer() : json(429, { message: 'rate limited' })
    return { ...told, headers: { ...headers, ...told.headers } }
  }

  #track(call: Call, body: Readonly<Record<string, unknown>>): Answer {
    const rules = {
      legacyLimit: this.#legacyTrackLimit,
      refusal: (id: string | undefined, given: object) => this.#setting.faults.refusal(call.path, id, given),
    }
    const { answer, dataPoints, overLimit } = track(body, this.profiles, this.#setting.clock.now(), rules)
    this.#dataPoints += dataPoints
    if (overLimit) this.#excess.objects++
    return answer
  }

  #segmentList(call: Call): Answer {
    const query = new URLSearchParams(call.query)
    const page = Number(query.get('page') ?? 0)
    const segments = this.segments.list()
    if (query.get('sort_direction') === 'desc') segments.reverse()
    const from = (Number.isSafeInteger(page) && page > 0 ? page : 0) * SEGMENTS_PER_PAGE
    return json(200, {
      message: 'success',
      segments: segments
        .slice(from, from + SEGMENTS_PER_PAGE)
        .map(({ id, name }) => ({ id, name, analytics_tracking_enabled: false, tags: [] })),
    })
  }

  #load(given: unknown): Answer {
    const { users } = checked(NewUsers, given)
    const now = this.#setting.clock.now()
    for (const { external_id: externalId, braze_id: brazeId, aliases, devices, fields, custom } of users) {
      this.profiles.load(
        {
          externalId,
          ...(brazeId === undefined ? {} : { brazeId }),
          ...(aliases === undefined ? {} : { aliases }),
          ...(devices === undefined ? {} : { devices }),
          ...(fields === undefined ? {} : { fields }),
          ...(custom === undefined ? {} : { custom }),
        },
        now,
      )
    }
    return json(201, { users: this.profiles.size })
  }

  #shown(query: URLSearchParams): Answer {
    const profile =
      this.profiles.byExternalId(query.get('external_id') ?? '') ??
      this.profiles.byBrazeId(query.get('braze_id') ?? '') ??
      this.profiles.byDevice(query.get('device_id') ?? '')
    if (profile === undefined) return json(404, { message: 'nobody has this id' })
    return json(200, this.#withCohorts(profile))
  }

  #withCohorts(profile: Profile) {
    return {
      ...plain(profile),
      cohorts: this.cohorts
        .list()
        .filter(({ members }) => members.has(profile))
        .map(({ partner, id }) => ({ partner, id })),
    }
  }

  #members(call: Call, query: URLSearchParams): Answer {
    const cohort = this.cohorts.get(query.get('partner') ?? '', query.get('cohort') ?? '')
    if (cohort === undefined) return json(404, { message: 'there is no such cohort' })
    const { offset, limit } = pageOf(call.query, PAGE_MAX)
    const members = [...slice(cohort.members, offset, limit)].map(shownMember)
    return json(200, { size: cohort.members.size, members })
  }

  #addSegment(given: unknown): Answer {
    const wanted = checked(NewSegment, given)
    if (this.segments.list().length >= SEGMENTS_MAX)
      throw new ThalwegError('INPUT_INVALID', `There are ${SEGMENTS_MAX} segments already`)
    const segment = this.segments.add(randomUuid(this.#setting.random), wanted)
    return json(201, { id: segment.id, name: segment.name, size: this.segments.size(segment) })
  }

  #settings(): Required<BrazeSettings> {
    return {
      cohortLockMs: this.cohorts.lockMs,
      exportDelayMs: this.#exports.delayMs,
      resetStyle: this.#rates.resetStyle,
      limits: this.#limited,
      legacyTrackLimit: this.#legacyTrackLimit,
    }
  }

  /** One try: what the receiver makes of it is not ours to know. */
  #callBack(url: string, body: object): void {
    const calling = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALLBACK_TIMEOUT_MS),
    }).then(
      (answer) => answer.body.dump(),
      () => undefined,
    )
    this.#callbacks.add(calling)
    void calling.finally(() => this.#callbacks.delete(calling))
  }
}

function plain({ brazeId, externalId, aliases, devices, fields, custom, events }: Profile): object {
  return {
    braze_id: brazeId,
    external_id: externalId ?? null,
    aliases: Array.from(aliases ?? [], ([label, name]) => ({ label, name })),
    devices: devices ?? [],
    fields: Object.fromEntries(fields ?? []),
    custom: Object.fromEntries(custom ?? []),
    events: Object.fromEntries(Array.from(events ?? [], ([name, { count }]) => [name, count])),
  }
}

/** undefined: no JSON, or too long. */
function bodyOf(call: Call): unknown {
  return call.body.length > BODY_BYTES_MAX ? undefined : parsed(call.body)
}

function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const result = schema.safeParse(given)
  if (!result.success) throw new ThalwegError('INPUT_INVALID', z.prettifyError(result.error))
  return result.data
}

function shownMember({ brazeId, externalId }: Profile) {
  return { braze_id: brazeId, external_id: externalId ?? null }
}

/** So many items behind the first `offset`, without a copy of all. */
function* slice<T>(items: Iterable<T>, offset: number, limit: number): Generator<T> {
  let at = 0
  for (const item of items) {
    if (at >= offset + limit) return
    if (at++ >= offset) yield item
  }
}
