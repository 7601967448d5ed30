/** The sandbox, when this process runs one: what each double holds, and the switches that make it fail. */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts, SandboxDouble } from '../parts.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'

const DoubleView = z
  .object({
    name: z.string(),
    url: z.string(),
    now: Time.describe('What time it is for the double.'),
    state: z.record(z.string(), z.unknown()),
    holdings: z
      .array(z.object({ name: z.string(), title: z.string(), total: Count }))
      .describe('What it keeps; each can be looked through.'),
  })
  .meta({ id: 'SandboxDouble' })

export type DoubleAnswer = z.output<typeof DoubleView>

const Params = z.object({ double: z.string().min(1).max(64).describe('Name of the double.') })
const Page = z.object({
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(50),
})
const PageAnswer = z.object({
  total: Count,
  items: z.array(z.unknown()),
  next: Count.nullable().describe('Offset of the next page; null: this was the last.'),
})

export type SandboxPageAnswer = z.output<typeof PageAnswer>

const TAGS = ['Sandbox']

export function sandboxRoutes(app: Api, { sandbox }: ApiParts): void {
  if (sandbox === undefined) return
  const audit: Audited = {
    object: 'double',
    param: 'double',
    read: (name) => ({ name, faults: doubleNamed(sandbox, name).faults.state() }),
  }

  app.get(
    '/sandbox',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listDoubles',
        summary: 'The doubles of the vendors and their state',
        response: { 200: z.object({ doubles: z.array(DoubleView) }), default: ErrorAnswer },
      },
    },
    () => ({ doubles: [...sandbox].map(([name, double]) => viewOf(name, double)) }),
  )

  app.get(
    '/sandbox/:double',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getDouble',
        summary: 'One double',
        params: Params,
        response: { 200: DoubleView, default: ErrorAnswer },
      },
    },
    (request) => viewOf(request.params.double, doubleNamed(sandbox, request.params.double)),
  )

  app.get(
    '/sandbox/:double/holdings/:holding',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listHolding',
        summary: 'What a double keeps, newest first: profiles, members of a cohort, rows of a table, calls',
        params: Params.extend({ holding: z.string().min(1).max(300).describe('Name of the holding.') }),
        querystring: Page,
        response: { 200: PageAnswer, default: ErrorAnswer },
      },
    },
    (request) => {
      const { double, holding } = request.params
      const { offset, limit } = request.query
      const holdings = doubleNamed(sandbox, double).holdings()
      const found = holdings.find(({ name }) => name === holding)
      if (found === undefined)
        throw new ThalwegError(
          'SANDBOX_UNKNOWN',
          `The double keeps nothing called ${JSON.stringify(holding)}; it has ${holdings.map(({ name }) => name).join(', ')}`,
        )
      return pageOf(found.total, offset, found.page(offset, limit))
    },
  )

  app.get(
    '/sandbox/:double/requests',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listSandboxRequests',
        summary: 'The last requests that a double saw, newest first, each with its answer',
        params: Params,
        querystring: Page,
        response: { 200: PageAnswer, default: ErrorAnswer },
      },
    },
    (request) => {
      const { seen } = doubleNamed(sandbox, request.params.double)
      const { offset, limit } = request.query
      return pageOf(seen.length, offset, seen.newest(offset, limit))
    },
  )

  app.put(
    '/sandbox/:double/faults',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'setFaults',
        summary: 'Make a double fail; an empty list heals it',
        params: Params,
        body: z.strictObject({
          faults: z
            .array(z.looseObject({ kind: z.string() }))
            .max(100)
            .describe(
              'status, latency, drop_before, drop_after, rate_limit, refuse, cut_receipts; each with its own members.',
            ),
        }),
        response: { 200: DoubleView, default: ErrorAnswer },
      },
    },
    (request) => {
      const double = doubleNamed(sandbox, request.params.double)
      double.faults.setJson(request.body)
      return viewOf(request.params.double, double)
    },
  )

  app.post(
    '/sandbox/:double/reset',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'resetDouble',
        summary: 'Let a double forget what arrived, its counters and its faults',
        params: Params,
        response: { 200: DoubleView, default: ErrorAnswer },
      },
    },
    (request) => {
      const double = doubleNamed(sandbox, request.params.double)
      double.reset()
      return viewOf(request.params.double, double)
    },
  )
}

function doubleNamed(sandbox: ReadonlyMap<string, SandboxDouble>, name: string): SandboxDouble {
  const double = sandbox.get(name)
  if (double !== undefined) return double
  throw new ThalwegError(
    'SANDBOX_UNKNOWN',
    `The sandbox has no double ${JSON.stringify(name)}; it has ${[...sandbox.keys()].join(', ')}`,
  )
}

function pageOf(total: number, offset: number, items: readonly unknown[]): SandboxPageAnswer {
  const end = offset + items.length
  return { total, items: [...items], next: items.length > 0 && end < total ? end : null }
}

function viewOf(name: string, double: SandboxDouble) {
  const holdings = double.holdings().map(({ name: of, title, total }) => ({ name: of, title, total }))
  return { name, url: double.url, now: double.now(), state: double.state(), holdings }
}
