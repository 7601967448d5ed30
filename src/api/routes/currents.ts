/** Currents: their definitions, their versions, and the actions that move their state. */

import * as z from 'zod'
import type { Receipt } from '../../core/receipt.ts'
import { type Current, CurrentDefinition, LaunchFrom } from '../../currents/current.ts'
import type { ConnectionStatus } from '../../delivery/delivery.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { CheckAnswer, checkAnswer, noteHealth } from '../checks.ts'
import {
  CurrentState,
  CurrentView,
  currentNamed,
  PreviewedRequest,
  StatusView,
  statusViewOf,
  viewOf,
} from '../current-views.ts'
import { type Owners, ownersOf, refuseOwned } from '../owned.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, FirstNote, NOTHING, Note, Offset, Time } from '../schemas.ts'

const WithStatus = CurrentView.extend({
  status: StatusView,
  activation: z
    .string()
    .nullable()
    .describe('Name of the activation that made the current for itself, and through which it is changed.'),
})

export type CurrentAnswer = z.output<typeof WithStatus>

const Version = z.object({
  version: Count,
  fromOffset: Offset.describe('The version applies from this record on.'),
  definition: CurrentDefinition,
  createdAt: Time,
  note: z.string(),
})

export type VersionAnswer = z.output<typeof Version>

const ListQuery = z.object({
  search: z.string().max(200).optional().describe('Part of the name, in any case of letters.'),
  state: CurrentState.optional(),
  destination: z.string().max(64).optional().describe('Kind of destination.'),
  source: z.string().max(64).optional().describe('Name of a source.'),
})

const TAGS = ['Currents']

export function currentRoutes(app: Api, parts: ApiParts): void {
  const { currents, delivery, clock, authorizations, audiences } = parts
  const numberOf = async (which: string): Promise<number> => (await currentNamed(currents, which)).number
  const check = async ({ destination }: CurrentDefinition) => {
    const { kind, settings, authorization } = destination
    const credentials = authorization === null ? {} : await authorizations.reveal(authorization)
    const receipt: Receipt = await delivery.blueprints.checkDestination(kind, settings, credentials)
    if (authorization !== null) await noteHealth(authorizations, authorization, receipt)
    return checkAnswer(receipt)
  }

  const audit: Audited = {
    object: 'current',
    param: 'current',
    read: async (key) => {
      const { number, name, state, stateReason, version, definition } = await currentNamed(currents, key)
      return { number, name, state, stateReason, version, definition }
    },
  }

  app.get(
    '/currents',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listCurrents',
        summary: 'All currents, or some, with what they are doing',
        querystring: ListQuery,
        response: {
          200: z.object({
            currents: z.array(WithStatus),
            states: z
              .record(z.string(), Count)
              .describe('How many are in each state, of those that fit but for `state`.'),
          }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { state, ...wanted } = request.query
      const owners = await ownersOf(audiences)
      const states: Record<string, number> = {}
      const rows = []
      for (const current of (await currents.list()).filter((one) => fits(one, wanted))) {
        states[current.state] = (states[current.state] ?? 0) + 1
        if (state !== undefined && current.state !== state) continue
        rows.push(withStatus(await delivery.status(current), owners, clock.now()))
      }
      return { currents: rows, states }
    },
  )

  app.post(
    '/currents',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createCurrent',
        summary: 'Make a draft; nothing flows until it is launched',
        querystring: FirstNote,
        body: CurrentDefinition,
        response: { 201: CurrentView, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply.code(201).send(viewOf(await delivery.create(request.body, request.query.note))),
  )

  app.post(
    '/currents/check',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'checkDefinition',
        summary:
          'Test a definition before it is made: does it hold together, does its destination accept a write?',
        body: CurrentDefinition,
        response: { 200: CheckAnswer, default: ErrorAnswer },
      },
    },
    async (request) => {
      await delivery.validate(request.body)
      return check(request.body)
    },
  )

  app.post(
    '/currents/preview-request',
    {
      config: { role: 'operator', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewRequest',
        summary: 'The request that a definition would send for the first of these events that it selects',
        description: 'Nothing is sent; secrets are blotted out.',
        body: z.strictObject({
          definition: CurrentDefinition,
          events: z
            .array(z.union([z.string().max(1_048_576), z.record(z.string(), z.unknown())]))
            .min(1)
            .max(100)
            .describe('Events as objects, or as their JSON text when every byte matters.'),
        }),
        response: {
          200: z.object({
            request: PreviewedRequest.nullable().describe('null: none of the events would be sent.'),
          }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { definition, events } = request.body
      const texts = events.map((event) =>
        Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
      )
      const shown = await delivery.blueprints.previewRequest(definition, texts)
      return { request: shown === undefined ? null : PreviewedRequest.parse(shown) }
    },
  )

  app.get(
    '/currents/:current',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getCurrent',
        summary: 'One current with what it is doing',
        params: CurrentParams,
        response: { 200: WithStatus, default: ErrorAnswer },
      },
    },
    async (request) => {
      const status = await delivery.status(await numberOf(request.params.current))
      return withStatus(status, await ownersOf(audiences), clock.now())
    },
  )

  app.get(
    '/currents/:current/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listVersions',
        summary: 'What was configured when, oldest first; the newest 1,000',
        params: CurrentParams,
        response: { 200: z.object({ versions: z.array(Version) }), default: ErrorAnswer },
      },
    },
    async (request) => ({
      versions: (await currents.versions(await numberOf(request.params.current))).slice(-1_000),
    }),
  )

  app.put(
    '/currents/:current',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseCurrent',
        summary: 'A new version of the definition, for everything not settled yet',
        description: 'A halted current runs again: the change is taken as the mend.',
        params: CurrentParams,
        body: z.strictObject({ definition: CurrentDefinition, note: Note.default('') }),
        response: { 200: CurrentView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { definition, note } = request.body
      const number = await numberOf(request.params.current)
      refuseOwned(await ownersOf(audiences), number, 'revise the activation')
      return viewOf(await delivery.revise(number, definition, note))
    },
  )

  app.delete(
    '/currents/:current',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteCurrent',
        summary: 'End a current for ever; its ledger and dead letters stay',
        params: CurrentParams,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const number = await numberOf(request.params.current)
      refuseOwned(await ownersOf(audiences), number, 'delete the activation')
      await delivery.remove(number)
      return reply.code(204).send()
    },
  )

  app.post(
    '/currents/:current/launch',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'launchCurrent',
        summary: 'Start a draft from now, from the earliest kept event, or from a time',
        params: CurrentParams,
        body: z.strictObject({ from: LaunchFrom.default('now') }),
        response: { 200: CurrentView, default: ErrorAnswer },
      },
    },
    async (request) =>
      viewOf(await delivery.launch(await numberOf(request.params.current), request.body.from)),
  )

  app.post(
    '/currents/:current/pause',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'pauseCurrent',
        summary: 'Stop sending; events wait in the log',
        params: CurrentParams,
        body: z.strictObject({ reason: Note.default('') }),
        response: { 200: CurrentView, default: ErrorAnswer },
      },
    },
    async (request) =>
      viewOf(await delivery.pause(await numberOf(request.params.current), request.body.reason)),
  )

  app.post(
    '/currents/:current/resume',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'resumeCurrent',
        summary: 'Go on where it stopped',
        params: CurrentParams,
        response: { 200: CurrentView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await delivery.resume(await numberOf(request.params.current))),
  )

  app.post(
    '/currents/:current/check',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'checkCurrent',
        summary: 'Rehearse a write with the destination and credentials of a current',
        params: CurrentParams,
        response: { 200: CheckAnswer, default: ErrorAnswer },
      },
    },
    async (request) => check((await currentNamed(currents, request.params.current)).definition),
  )
}

function withStatus(status: ConnectionStatus, owners: Owners, now: number): CurrentAnswer {
  const { current } = status
  return {
    ...viewOf(current),
    status: statusViewOf(status, now),
    activation: owners.get(current.number) ?? null,
  }
}

function fits(
  { name, definition }: Current,
  { search = '', destination, source }: Omit<z.output<typeof ListQuery>, 'state'>,
): boolean {
  return (
    name.includes(search.trim().toLowerCase()) &&
    (destination === undefined || definition.destination.kind === destination) &&
    (source === undefined || definition.sources.includes(source))
  )
}
