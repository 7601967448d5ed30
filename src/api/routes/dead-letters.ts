/** Dead letters: list, inspect, edit, redrive, discard; one or many. */

import * as z from 'zod'
import type { DeadLetter, DeadLetterFilter, DeadLetters } from '../../delivery/dead-letters.ts'
import type { LetterChoice, LetterGroup } from '../../delivery/letter-counts.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { currentNamed } from '../current-views.ts'
import { cursorAfter, placeOf } from '../cursor.ts'
import { changeMany, choiceOf, LETTER_FILTER, Many, ManyAnswer } from '../letter-bulk.ts'
import { ownersOf } from '../owned.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, Offset, Time } from '../schemas.ts'

const State = z.enum(['dead', 'queued', 'delivered', 'discarded'])

const Summary = z.object({
  id: z.string(),
  current: z.string().nullable().describe('Name of the current; null: it was deleted.'),
  currentNumber: Count,
  offset: Offset,
  eventId: z.string(),
  eventType: z.string(),
  receivedAt: Time,
  version: Count,
  batch: z.string(),
  replay: z.string().nullable(),
  fault: z.string(),
  reason: z.string(),
  message: z.string(),
  status: z.int().describe('HTTP status of the refusing answer; 0: none.'),
  attempts: Count,
  state: State,
  edited: z.boolean(),
  note: z.string(),
  createdAt: Time,
  updatedAt: Time,
})

const Letter = Summary.extend({
  event: z.string().describe('The event after the field rules of the current, before mapping; JSON text.'),
  editedEvent: z.string().nullable().describe('The operator’s version, which a redrive sends.'),
  sent: z.string().describe('What was sent for it, secrets blotted out.'),
  answer: z.string(),
}).meta({ id: 'DeadLetter' })

export type DeadLetterSummary = z.output<typeof Summary>
export type DeadLetterAnswer = z.output<typeof Letter>

const filter = { state: State.optional(), ...LETTER_FILTER }

const page = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(200).optional().describe('`next` of the page before.'),
}

const Page = z.object({
  deadLetters: z.array(Summary),
  next: z.string().nullable().describe('Cursor of the next page; null: this was the last.'),
})

const Facet = z.object({ value: z.string(), count: Count })

const LetterCounts = z
  .object({
    total: Count.describe('Letters that match the whole filter.'),
    states: z.record(State, Count),
    reasons: z.array(Facet),
    eventTypes: z.array(Facet),
    currents: z.array(
      z.object({
        current: z.string().nullable().describe('null: it was deleted.'),
        number: Count,
        count: Count,
      }),
    ),
    cut: z.boolean().describe('There are more values than are listed; the largest are.'),
  })
  .describe(
    'Each list counts by the filter without its own part, so that it shows what else could be chosen.',
  )
  .meta({ id: 'DeadLetterCounts' })

export type LetterCountsAnswer = z.output<typeof LetterCounts>

/** Values that one list of counts shows. */
const FACETS_MAX = 500

const Params = z.object({ id: z.string().min(1).max(64) })
const TAGS = ['Dead letters']

/** Its event is somebody's personal data: the letter itself has it, as long as it is kept. */
function keptOf({ id, current, eventType, reason, state, edited, note, updatedAt }: DeadLetter) {
  return { id, current, eventType, reason, state, edited: edited !== null, note, updatedAt }
}

export function deadLetterRoutes(app: Api, parts: ApiParts): void {
  const { delivery, currents } = parts
  const { letters } = delivery
  const letter: Audited = {
    object: 'dead letter',
    param: 'id',
    read: async (id) => keptOf(await letters.get(id)),
  }
  const many: Audited = {
    object: 'dead letters',
    rehearses: ({ preview }: z.output<typeof Many>) => preview,
    told: toldOf,
  }

  app.get(
    '/dead-letters',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listDeadLetters',
        summary: 'Dead letters, newest first',
        querystring: z.object({ current: z.string().min(1).max(63).optional(), ...filter, ...page }),
        response: { 200: Page, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { current, cursor, ...query } = request.query
      return pageOf(parts, await filterOf(parts, current, query), query.limit, cursor)
    },
  )

  app.get(
    '/currents/:current/dead-letters',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listDeadLettersOfCurrent',
        summary: 'Dead letters of one current, with counts by state',
        params: CurrentParams,
        querystring: z.object({ ...filter, ...page }),
        response: {
          200: Page.extend({ counts: z.record(State, Count) }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => {
      const { cursor, ...query } = request.query
      const { current } = request.params
      const { number } = await currentNamed(currents, current)
      const found = await pageOf(parts, await filterOf(parts, current, query), query.limit, cursor)
      return { ...found, counts: await letters.counts(number) }
    },
  )

  app.get(
    '/dead-letters/counts',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'countDeadLetters',
        summary: 'How many dead letters there are, by state, reason, event type and current',
        querystring: z.object({
          current: z.string().min(1).max(63).optional(),
          state: filter.state,
          reason: filter.reason,
          eventType: filter.eventType,
        }),
        response: { 200: LetterCounts, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { current, ...query } = request.query
      const choice = await choiceOf(parts, { ...query, current })
      return countsOf(letters, choice, await namesOf(parts))
    },
  )

  app.get(
    '/dead-letters/:id',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getDeadLetter',
        summary: 'One dead letter: the event, what was sent, what came back',
        params: Params,
        response: { 200: Letter, default: ErrorAnswer },
      },
    },
    async (request) => letterOf(await letters.get(request.params.id), await namesOf(parts)),
  )

  app.put(
    '/dead-letters/:id/event',
    {
      config: { role: 'operator', audit: letter },
      schema: {
        tags: TAGS,
        operationId: 'editDeadLetter',
        summary: 'Change the event that a redrive will send; null takes the change back',
        params: Params,
        body: z.strictObject({
          event: z
            .union([z.string().max(1_048_576), z.record(z.string(), z.unknown()), z.null()])
            .describe('An event as an object, or as its JSON text when every byte matters.'),
        }),
        response: { 200: Letter, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { event } = request.body
      const text = event === null || typeof event === 'string' ? event : JSON.stringify(event)
      return letterOf(await letters.edit(request.params.id, text), await namesOf(parts))
    },
  )

  app.post(
    '/dead-letters/redrive',
    {
      config: { role: 'operator', audit: many },
      schema: {
        tags: TAGS,
        operationId: 'redriveDeadLetters',
        summary: 'Send letters again; those of a current that does not run wait until it does',
        body: Many,
        response: { 200: ManyAnswer, default: ErrorAnswer },
      },
    },
    async (request) => {
      const owners = await ownersOf(parts.audiences)
      const answer = await changeMany(parts, request.body, 'queued', owners)
      if (answer.changed > 0) await delivery.redrive([], request.body.note)
      return answer
    },
  )

  app.post(
    '/dead-letters/discard',
    {
      config: { role: 'operator', audit: many },
      schema: {
        tags: TAGS,
        operationId: 'discardDeadLetters',
        summary: 'Set letters aside for good; they stay counted as dead',
        body: Many.refine(({ note, preview }) => preview || note !== '', {
          path: ['note'],
          error: 'Say why, for those who come later',
        }),
        response: { 200: ManyAnswer, default: ErrorAnswer },
      },
    },
    (request) => changeMany(parts, request.body, 'discarded', new Map()),
  )
}

/** Which were meant, and what became of them: of those refused only how many. */
function toldOf({ ids, filter, note }: z.output<typeof Many>, { matched, changed, refused }: ManyAnswer) {
  return { ids, filter, note, matched, changed, refused: refused.length }
}

interface Query {
  readonly state?: z.output<typeof State> | undefined
  readonly reason?: string | undefined
  readonly eventType?: string | undefined
  readonly eventId?: string | undefined
}

async function filterOf(
  parts: ApiParts,
  current: string | undefined,
  { eventId, ...query }: Query,
): Promise<Omit<DeadLetterFilter, 'limit'>> {
  const choice = await choiceOf(parts, { ...query, current })
  return { ...choice, ...(eventId === undefined ? {} : { eventId }) }
}

async function pageOf(
  parts: ApiParts,
  which: Omit<DeadLetterFilter, 'limit'>,
  limit: number,
  cursor: string | undefined,
) {
  const found = await parts.delivery.letters.list({
    ...which,
    ...(cursor === undefined ? {} : { before: placeOf(cursor) }),
    limit,
  })
  const names = await namesOf(parts)
  const last = found.at(-1)
  return {
    deadLetters: found.map((letter) => summaryOf(letter, names)),
    next: last === undefined || found.length < limit ? null : cursorAfter(last),
  }
}

type Names = ReadonlyMap<number, string>

async function namesOf({ currents }: ApiParts): Promise<Names> {
  return new Map((await currents.list()).map(({ number, name }) => [number, name]))
}

async function countsOf(
  letters: DeadLetters,
  choice: LetterChoice,
  names: Names,
): Promise<LetterCountsAnswer> {
  const without = (property: keyof LetterGroup): LetterChoice => ({ ...choice, [property]: undefined })
  const states = await letters.facet(without('state'), 'state')
  const reasons = await letters.facet(without('reason'), 'reason')
  const eventTypes = await letters.facet(without('eventType'), 'eventType')
  const currents = await letters.facet(without('current'), 'current')
  const { state } = choice
  return {
    total: states.reduce(
      (total, { value, count }) => total + (state === undefined || state === value ? count : 0),
      0,
    ),
    states: {
      dead: 0,
      queued: 0,
      delivered: 0,
      discarded: 0,
      ...Object.fromEntries(states.map(({ value, count }) => [value, count])),
    },
    reasons: reasons.slice(0, FACETS_MAX),
    eventTypes: eventTypes.slice(0, FACETS_MAX),
    currents: currents
      .slice(0, FACETS_MAX)
      .map(({ value: number, count }) => ({ current: names.get(number) ?? null, number, count })),
    cut: [reasons, eventTypes, currents].some(({ length }) => length > FACETS_MAX),
  }
}

function summaryOf(letter: DeadLetter, names: Names) {
  return {
    ...letter,
    current: names.get(letter.current) ?? null,
    currentNumber: letter.current,
    edited: letter.edited !== null,
  }
}

function letterOf(letter: DeadLetter, names: Names) {
  return { ...summaryOf(letter, names), editedEvent: letter.edited }
}
