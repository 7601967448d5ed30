/** What every destination keeps, whatever it writes to. A new one adds its examples to CASES. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { audienceChangeRecord } from '../core/audience-change.ts'
import { membershipRecord } from '../core/membership.ts'
import { addressProblem } from './address.ts'
import { destinationNamed, destinations } from './catalog.ts'
import type { Destination } from './destination.ts'
import {
  batchOf,
  kernelForTests,
  OPEN_EVENT,
  outcomes,
  rehearse,
  reply,
  type Seen,
} from './rehearsal.fixture.ts'

const SECRET = '12/s3cr+t='

interface Case {
  readonly destination: string
  readonly settings: object
  readonly credentials: object
}

const TREASURE_DATA = { host: 'http://vendor.test', database: 'db1', table: 'tab' }
const CASES: readonly Case[] = [
  ...[
    {},
    { keyIn: 'query' },
    { form: 'postback-v2' },
    { form: 'records' },
    { form: 'records', layout: 'flat' },
  ].map((more) => ({
    destination: 'treasure-data',
    settings: { ...TREASURE_DATA, ...more },
    credentials: { writeKey: SECRET },
  })),
  { destination: 'segment', settings: {}, credentials: { writeKey: SECRET } },
  {
    destination: 'segment',
    settings: { region: 'custom', host: 'http://vendor.test/v1', includeAnonymous: true },
    credentials: { writeKey: SECRET },
  },
  { destination: 'http', settings: { url: 'http://vendor.test/in?x=1' }, credentials: { token: SECRET } },
  { destination: 'http', settings: { url: 'http://vendor.test/in' }, credentials: {} },
  {
    destination: 'postgres',
    settings: { host: 'vendor.test', database: 'db 1' },
    credentials: { user: 'loader', password: SECRET },
  },
  {
    destination: 'clickhouse',
    settings: { url: 'http://vendor.test:8123' },
    credentials: { user: 'loader', password: SECRET },
  },
  { destination: 'parquet', settings: { prefix: 'lake' }, credentials: {} },
  {
    destination: 'parquet',
    settings: { store: 's3', bucket: 'lake', partition: 'hour' },
    credentials: { accessKeyId: 'AKIA', secretAccessKey: SECRET },
  },
  { destination: 'warehouse', settings: {}, credentials: {} },
  {
    destination: 'braze-cohort',
    settings: { instance: 'custom', host: 'http://vendor.test', cohortId: 'c1' },
    credentials: { importKey: SECRET, partnerKey: SECRET },
  },
  ...[{ value: 'vip' }, { form: 'boolean' }].map((more) => ({
    destination: 'braze-attribute',
    settings: { instance: 'custom', host: 'http://vendor.test', attribute: 'td_cohorts', ...more },
    credentials: { restKey: SECRET },
  })),
  {
    destination: 'braze-audiences',
    settings: { instance: 'custom', host: 'http://vendor.test' },
    credentials: { restKey: SECRET },
  },
]

const MEMBERSHIP = membershipRecord(
  'run-1',
  { who: { kind: 'external_id', label: '', value: 'u1' }, enters: true },
  { activation: '7', run: 'run', timeMs: 1_477_502_783_000 },
)

const CHANGE = audienceChangeRecord(
  'export-1-1',
  { who: { kind: 'external_id', label: '', value: 'u1' }, add: ['vip'], remove: [] },
  1_477_502_783_000,
)

function prepared({ destination: name, settings, credentials }: Case) {
  const destination = destinationNamed(name)
  const intake = destination?.events ?? destination?.memberships ?? destination?.audiences
  if (destination === undefined || intake === undefined) throw new Error(`no intake: ${name}`)
  const target = {
    settings: destination.settings.parse(settings),
    credentials: destination.credentials.parse(credentials),
  }
  const record =
    destination.events !== undefined
      ? OPEN_EVENT
      : destination.memberships !== undefined
        ? MEMBERSHIP
        : CHANGE
  const writer = () => intake.writer(target, kernelForTests(), new Map())
  return { destination, target, intake, record, writer }
}

/** The secret in every spelling that a request may hold. */
const TRACES = [
  SECRET,
  encodeURIComponent(SECRET),
  ...[`${SECRET}:`, `loader:${SECRET}`].map((login) => Buffer.from(login).toString('base64')),
]

function expectSealed(request: Seen): void {
  // Other schemes than HTTP's are checked by whoever speaks them.
  expect(addressProblem(request.url.replace(/^(postgres|parquet|warehouse):/, 'http:'))).toBeUndefined()
  const shown = request.secrets.reduce<string>(
    (text, secret) => text.replaceAll(secret, '***'),
    JSON.stringify([request.url, request.headers, request.body]),
  )
  for (const trace of TRACES) expect(shown).not.toContain(trace)
  for (const secret of request.secrets)
    expect(TRACES.flatMap((trace) => [trace, encodeURIComponent(trace)])).toContain(secret)
  for (const name of Object.keys(request.headers)) expect(name).toBe(name.toLowerCase())
}

describe('the catalog', () => {
  it('knows its destinations by name', () => {
    expect(destinations.map((destination) => destination.name)).toEqual([
      'treasure-data',
      'segment',
      'http',
      'warehouse',
      'postgres',
      'clickhouse',
      'parquet',
      'braze-cohort',
      'braze-attribute',
      'braze-audiences',
    ])
    for (const destination of destinations) expect(destinationNamed(destination.name)).toBe(destination)
    expect(destinationNamed('toString')).toBeUndefined()
    expect(new Set(CASES.map((one) => one.destination))).toEqual(
      new Set(destinations.map(({ name }) => name)),
    )
  })
})

describe.each([...destinations])('$name', (destination: Destination) => {
  it.each(['settings', 'credentials'] as const)('describes each field of its %s', (which) => {
    const schema = z.toJSONSchema(destination[which], { io: 'input' }) as {
      properties?: Record<string, { description?: string }>
      additionalProperties?: unknown
    }
    const fields = Object.entries(schema.properties ?? {})
    // Our own warehouse has no secrets.
    expect(fields.length > 0 || destination.credentials.safeParse({}).success).toBe(true)
    for (const [name, field] of fields)
      expect([name, field.description ?? '']).toEqual([name, expect.stringMatching(/.{10}/)])
    expect(schema.additionalProperties).toBe(false)
  })

  it('has a title and a description', () => {
    expect(destination.title).not.toBe('')
    expect(destination.description).toMatch(/\.$/)
  })
})

describe.each(CASES)('$destination $settings', (one) => {
  const { record } = prepared(one)
  const events = [
    record,
    { ...record, id: undefined },
    { event_type: 'x' },
    { ...record, user: { user_id: 'b' } },
  ]

  it('makes the same requests again from the same batch, also with a new writer', () => {
    const { writer } = prepared(one)
    const first = writer()
    const runs = [first, first, writer()].map((each) => rehearse(each.write(batchOf(events)), [reply(200)]))
    expect(runs[0]?.requests.length).toBeGreaterThan(0)
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
  })

  it('hides its secrets', () => {
    const { destination, target, writer } = prepared(one)
    const written = rehearse(writer().write(batchOf(events)), [reply(200)]).requests
    const checked = rehearse(destination.check(target), [reply(200)]).requests
    expect(checked.length).toBeGreaterThan(0)
    for (const request of [...written, ...checked]) expectSealed(request)
  })

  it('puts no secret into a receipt or a preview', () => {
    const { writer } = prepared(one)
    const each = writer()
    const batch = batchOf(events)
    const told = [401, 404, 413, 500].map((status) => rehearse(each.write(batch), [reply(status)]).result)
    const text = JSON.stringify([told, events.map((_, i) => each.preview(batch, i))])
    for (const trace of TRACES) expect(text).not.toContain(trace)
  })

  it('leaves the batch as it was', () => {
    const batch = batchOf(events)
    const before = Buffer.from(batch.joined)
    rehearse(prepared(one).writer().write(batch), [reply(200)])
    expect(Buffer.from(batch.joined)).toEqual(before)
  })

  it('halts on refused credentials, waits for a sick vendor, and heeds Retry-After', () => {
    const { writer } = prepared(one)
    const kinds = (status: number, headers = {}) => {
      const { result } = rehearse(writer().write(batchOf([record])), [reply(status, '', headers)])
      return outcomes(result)
    }
    expect(kinds(401)).toEqual(['failed:unauthorized'])
    expect(kinds(403)).toEqual(['failed:unauthorized'])
    expect(kinds(404)).toEqual(['failed:misconfigured'])
    expect(kinds(502)).toEqual(['failed:unavailable'])
    const { result } = rehearse(writer().write(batchOf([record])), [reply(429, '', { 'retry-after': '2' })])
    expect(result[0]).toMatchObject({ fault: { kind: 'throttled', retryAfterMs: 2000 } })
  })

  it('states sensible limits', () => {
    const { intake, target } = prepared(one)
    const { recordsMax, bytesMax, waitMs, inFlightMax } = intake.limits(target.settings)
    expect(recordsMax).toBeGreaterThanOrEqual(1)
    expect(bytesMax).toBeGreaterThanOrEqual(1000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
    expect(inFlightMax).toBeGreaterThanOrEqual(1)
  })

  it('gives one receipt per event whatever is answered, and never takes a refusal for a delivery', () => {
    const writer = prepared(one).writer()
    const answers = fc.array(
      fc.record({
        status: fc.constantFrom(200, 204, 301, 400, 401, 404, 413, 429, 500),
        body: fc.oneof(fc.string(), fc.json()),
      }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 6 }),
        answers,
        (events, vendor) => {
          const { result, requests } = rehearse(
            writer.write(batchOf(events)),
            vendor.map(({ status, body }) => reply(status, body)),
          )
          expect(result).toHaveLength(events.length)
          for (const receipt of result) expect(['delivered', 'skipped', 'failed']).toContain(receipt.outcome)
          const refused = requests.every(
            (_, n) =>
              (vendor[n] ?? vendor.at(-1))?.status !== 200 && (vendor[n] ?? vendor.at(-1))?.status !== 204,
          )
          if (refused) expect(outcomes(result)).not.toContain('delivered')
        },
      ),
      { seed: 5, numRuns: 60 },
    )
  })
})
