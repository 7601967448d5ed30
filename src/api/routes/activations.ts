/** Activations: queries whose people become a cohort, what the cohort holds, and why somebody is in it or not. */

import * as z from 'zod'
import { type Activation, ActivationDefinition } from '../../audiences/activation.ts'
import { identifierOf, personOf } from '../../audiences/roster/person.ts'
import { PAGE_MAX } from '../../audiences/roster/roster.ts'
import type { Standing } from '../../audiences/runs.ts'
import { nextDue, scheduleText } from '../../audiences/schedule.ts'
import { ThalwegError } from '../../core/errors.ts'
import { IDENTIFIER_KINDS, type Identifier } from '../../core/membership.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { answerPeople, FILE_ANSWER, FileFormat } from '../people-files.ts'
import { leaving } from '../results.ts'
import { Count, ErrorAnswer, FirstNote, NOTHING, Note, Time, TimeOrNull } from '../schemas.ts'
import { IdentifierView, RunRow, runRow } from './run-views.ts'

const ActivationView = z
  .object({
    number: Count,
    name: z.string(),
    state: z.enum(['active', 'paused', 'deleted']),
    version: Count,
    schedule: z.string().describe('The schedule in words.'),
    current: Count.describe('Number of the current that carries its membership records.'),
    definition: ActivationDefinition,
    lastRun: RunRow.nullable().describe('null: it never ran.'),
    nextRunAt: TimeOrNull.describe('By its schedule; null: nothing but a hand, or another run, starts it.'),
    members: Count.nullable().describe(
      'Of its cohort, as the last run that changed it left it; null: none did.',
    ),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Activation' })
export type ActivationAnswer = z.output<typeof ActivationView>

const Who = z.object({
  kind: z.enum(IDENTIFIER_KINDS).default('external_id'),
  label: z.string().max(255).default('').describe('Label of an alias.'),
  value: z.string().min(1).max(2_000),
})

export const People = z.object({
  people: z.array(IdentifierView),
  next: z.string().nullable().describe('What to give as `after` for the next page; null: this was the last.'),
})
export type PeopleAnswer = z.output<typeof People>

const WhyView = z
  .object({
    who: IdentifierView,
    member: z.boolean().describe('Whether the vendor accepted that they are in.'),
    since: Time.nullable(),
    moves: z
      .array(
        z.object({
          at: Time,
          entered: z.boolean(),
          run: Count,
          activation: Count,
          record: z.string().describe('Id of the membership record; its lineage is at /events/{id}.'),
        }),
      )
      .describe('Oldest first.'),
    sentence: z.string().describe('The answer in words.'),
  })
  .meta({ id: 'Why' })
export type WhyAnswer = z.output<typeof WhyView>

const Versions = z.object({
  versions: z.array(
    z.object({ version: Count, definition: ActivationDefinition, createdAt: Time, note: z.string() }),
  ),
})
export type ActivationVersionsAnswer = z.output<typeof Versions>

export const ActivationParams = z.object({
  activation: z.string().min(1).max(63).describe('Name or number of the activation.'),
})
const At = z.coerce.number().int().min(0).optional().describe('Milliseconds since the epoch; unset: now.')
const After = z.string().max(4_000).default('').describe('From the page before.')
const TAGS = ['Activations']

export function activationRoutes(app: Api, { audiences, queryRole }: ApiParts): void {
  const { activations, runs } = audiences
  const audit: Audited = {
    object: 'activation',
    param: 'activation',
    read: async (key) => {
      const { number, name, state, version, definition } = await activations.get(which(key))
      return { number, name, state, version, definition }
    },
  }
  const viewsOf = async (shown: readonly Activation[]): Promise<ActivationAnswer[]> => {
    const standings = await runs.standings(shown)
    return shown.map((one) => activationView(one, standings.get(one.number)))
  }
  const viewOf = async (one: Activation): Promise<ActivationAnswer> =>
    activationView(one, (await runs.standings([one])).get(one.number))

  app.get(
    '/activations',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listActivations',
        summary: 'All activations, by name',
        response: { 200: z.object({ activations: z.array(ActivationView) }), default: ErrorAnswer },
      },
    },
    async () => ({ activations: await viewsOf(await activations.list()) }),
  )

  app.post(
    '/activations',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'createActivation',
        summary: 'Make an activation; nothing is sent before its first run',
        querystring: FirstNote,
        body: ActivationDefinition,
        response: { 201: ActivationView, default: ErrorAnswer },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await viewOf(await audiences.create(request.body, request.query.note))),
  )

  app.get(
    '/activations/:activation',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getActivation',
        summary: 'One activation',
        params: ActivationParams,
        response: { 200: ActivationView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await activations.get(which(request.params.activation))),
  )

  app.put(
    '/activations/:activation',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'reviseActivation',
        summary: 'A new version; refused while a run is under way',
        params: ActivationParams,
        body: z.strictObject({ definition: ActivationDefinition, note: Note.default('') }),
        response: { 200: ActivationView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { definition, note } = request.body
      return viewOf(await audiences.revise(which(request.params.activation), definition, note))
    },
  )

  app.delete(
    '/activations/:activation',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteActivation',
        summary: 'End an activation; the cohort stays as it is at the vendor',
        params: ActivationParams,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await audiences.remove(which(request.params.activation))
      return reply.code(204).send()
    },
  )

  const ACTIONS = [
    ['pause', 'pauseActivation', 'Stop its schedule; runs by hand go on', true],
    ['resume', 'resumeActivation', 'Take up its schedule again, from now', false],
  ] as const
  for (const [word, operationId, summary, paused] of ACTIONS) {
    app.post(
      `/activations/:activation/${word}`,
      {
        config: { role: 'operator', audit },
        schema: {
          tags: TAGS,
          operationId,
          summary,
          params: ActivationParams,
          response: { 200: ActivationView, default: ErrorAnswer },
        },
      },
      async (request) => viewOf(await audiences.setPaused(which(request.params.activation), paused)),
    )
  }

  app.post(
    '/activations/:activation/resync',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'resyncActivation',
        summary: 'Forget what the vendor accepted: the next run sends everything again',
        params: ActivationParams,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await audiences.resync(which(request.params.activation))
      return reply.code(204).send()
    },
  )

  app.get(
    '/activations/:activation/versions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listActivationVersions',
        summary: 'Every definition that it had',
        params: ActivationParams,
        response: {
          200: Versions,
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { number } = await activations.get(which(request.params.activation))
      return { versions: await activations.versions(number) }
    },
  )

  app.get(
    '/activations/:activation/members',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listMembers',
        summary: 'Who was in at a moment, as the vendor accepted it',
        params: ActivationParams,
        querystring: z.object({ at: At, after: After }),
        response: { 200: People.extend({ size: Count }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { at, after } = request.query
      return audiences.withRoster(which(request.params.activation), async (roster) => ({
        size: await roster.size(at),
        ...peopleOf(await roster.membersAt(at ?? Number.MAX_SAFE_INTEGER, after)),
      }))
    },
  )

  app.get(
    '/activations/:activation/members/file',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'exportMembers',
        summary: 'All who were in at a moment, as CSV or NDJSON',
        params: ActivationParams,
        querystring: z.object({ at: At, format: FileFormat }),
        response: { ...FILE_ANSWER, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { at = Number.MAX_SAFE_INTEGER, format } = request.query
      const { activation } = request.params
      await audiences.withRoster(which(activation), (roster) => {
        reply.hijack()
        const file = { name: `${activation}-members`, format }
        return answerPeople<string>(
          reply.raw,
          file,
          (last = '') => roster.membersAt(at, last),
          [],
          (person) => person,
        )
      })
    },
  )

  app.get(
    '/activations/:activation/members/compare',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'compareMembers',
        summary: 'Who came or went between two moments',
        params: ActivationParams,
        querystring: z.object({
          from: z.coerce.number().int().min(0),
          to: z.coerce.number().int().min(0),
          kind: z.enum(['entered', 'left']).default('entered'),
          after: After,
        }),
        response: { 200: People, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { from, to, kind, after } = request.query
      return audiences.withRoster(which(request.params.activation), async (roster) =>
        peopleOf(await roster.between(from, to, kind === 'entered', after)),
      )
    },
  )

  app.get(
    '/activations/:activation/why',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'whyMember',
        summary: 'Why somebody is in the cohort or not: every change, its run and its record',
        params: ActivationParams,
        querystring: Who,
        response: { 200: WhyView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const who: Identifier = request.query
      return audiences.withRoster(which(request.params.activation), async (roster) =>
        whyOf(who, await roster.movesOf(personOf(who))),
      )
    },
  )

  app.get(
    '/activations/:activation/query-row',
    {
      config: { role: queryRole },
      schema: {
        tags: TAGS,
        operationId: 'getQueryRow',
        summary: 'What the query says about somebody now',
        params: ActivationParams,
        querystring: Who,
        response: {
          200: z.object({
            row: z
              .record(z.string(), z.unknown())
              .nullable()
              .describe('By column; null: the query does not name them.'),
          }),
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { activation } = request.params
      return { row: (await audiences.queryRow(which(activation), request.query, leaving(reply.raw))) ?? null }
    },
  )
}

/** Numbers are names, too. */
export function which(text: string): string | number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : text
}

export function peopleOf(persons: readonly string[]): PeopleAnswer {
  return {
    people: persons.map(identifierOf),
    next: persons.length < PAGE_MAX ? null : (persons.at(-1) ?? null),
  }
}

function whyOf(
  who: Identifier,
  moves: readonly { run: string; change: number; at: number; enters: boolean }[],
): WhyAnswer {
  const last = moves.at(-1)
  return {
    who,
    member: last?.enters ?? false,
    since: last?.at ?? null,
    moves: moves.map(({ run, change, at, enters }) => ({
      at,
      entered: enters,
      ...partsOf(run),
      record: `${run}-${change}`,
    })),
    sentence: sentenceOf(last),
  }
}

function sentenceOf(last: { run: string; at: number; enters: boolean } | undefined): string {
  if (last === undefined) return 'No run has ever brought them in or out.'
  const when = new Date(last.at).toISOString()
  return `${last.enters ? 'In' : 'Out'} since ${when}: run ${partsOf(last.run).run} ${last.enters ? 'brought them in' : 'took them out'}, and the vendor accepted it.`
}

/** `activation-7.12` */
function partsOf(run: string): { activation: number; run: number } {
  const [, activation, number] = /^activation-(\d+)\.(\d+)$/.exec(run) ?? []
  if (activation === undefined || number === undefined)
    throw new ThalwegError('ROSTER_BROKEN', `The roster names a run ${JSON.stringify(run)}`)
  return { activation: Number(activation), run: Number(number) }
}

function activationView(activation: Activation, standing: Standing | undefined): ActivationAnswer {
  const { number, name, state, version, current, definition, createdAt, updatedAt } = activation
  const { scheduledSince, scheduledTo } = activation
  const due = state === 'active' ? nextDue(definition.schedule, scheduledSince, scheduledTo) : undefined
  return {
    number,
    name,
    state,
    version,
    schedule: scheduleText(definition.schedule),
    current,
    definition,
    lastRun: standing === undefined ? null : runRow(standing.lastRun),
    nextRunAt: due ?? null,
    members: standing?.members ?? null,
    createdAt,
    updatedAt,
  }
}
