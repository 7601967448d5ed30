/** Dead letters: list, inspect, edit, redrive, discard; one or many. */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import type { DeadLetter, DeadLetterFilter } from '../../delivery/dead-letters.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { currentNamed } from '../current-views.ts'
import { cursorAfter, placeOf } from '../cursor.ts'
import { ownersOf, refuseOwned } from '../owned.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, Note, Offset, Time } from '../schemas.ts'

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

const filter = {
  state: State.optional(),
  reason: z.string().max(256).optional(),
  eventType: z.string().max(256).optional(),
  eventId: z.string().max(256).optional(),
}

const page = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(200).optional().describe('`next` of the page before.'),
}

const Page = z.object({
  deadLetters: z.array(Summary),
  next: z.string().nullable().describe('Cursor of the next page; null: this was the last.'),
})

/** Letters that one call moves. */
const MANY_MAX = 10_000
const PAGE = 500

const Many = z.strictObject({
  ids: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional().describe('These letters …'),
  filter: z
    .strictObject({
      current: z.string().min(1).max(63).optional(),
      reason: filter.reason,
      eventType: filter.eventType,
      eventId: filter.eventId,
    })
    .optional()
    .describe('… or all dead ones that match.'),
  limit: z
    .int()
    .min(1)
    .max(MANY_MAX)
    .default(1_000)
    .describe('With a filter: at most so many, newest first.'),
  note: Note.default(''),
  preview: z.boolean().default(false).describe('Only say how many it would be.'),
})

const ManyAnswer = z
  .object({
    matched: Count,
    changed: Count,
    refused: z
      .array(z.object({ id: z.string(), code: z.string(), message: z.string() }))
      .describe('Letters that are not in a state for this, or whose current belongs to an activation.'),
  })
  .meta({ id: 'ManyDeadLetters' })

export type ManyAnswer = z.output<typeof ManyAnswer>
type Wanted = z.output<typeof Many>

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
  const many: Audited = { object: 'dead letters', rehearses: ({ preview }: Wanted) => preview, told: toldOf }

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
      const { number } = await currentNamed(currents, request.params.current)
      const found = await pageOf(parts, { ...given(query), current: number }, query.limit, cursor)
      return { ...found, counts: await letters.counts(number) }
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
      const { note } = request.body
      const owners = await ownersOf(parts.audiences)
      const answer = await changeMany(parts, request.body, async (id) => {
        const { current } = await letters.get(id)
        refuseOwned(owners, current, 'retry its run: thalweg activations retry')
        await letters.queue([id], note)
      })
      if (answer.changed > 0) await delivery.redrive([], note)
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
        body: Many.extend({ note: Note.min(1) }),
        response: { 200: ManyAnswer, default: ErrorAnswer },
      },
    },
    (request) => changeMany(parts, request.body, (id) => letters.discard(id, request.body.note)),
  )
}

/** Which were meant, and what became of them: of those refused only how many. */
function toldOf({ ids, filter, note }: Wanted, { matched, changed, refused }: ManyAnswer) {
  return { ids, filter, note, matched, changed, refused: refused.length }
}

/** One after another, so that a letter in the wrong state does not keep the others from being changed. */
async function changeMany(
  parts: ApiParts,
  wanted: Wanted,
  change: (id: string) => Promise<unknown>,
): Promise<z.output<typeof ManyAnswer>> {
  const ids = await idsOf(parts, wanted)
  const refused: { id: string; code: string; message: string }[] = []
  if (wanted.preview) return { matched: ids.length, changed: 0, refused }
  for (const id of ids) {
    try {
      await change(id)
    } catch (error) {
      const known =
        error instanceof ThalwegError &&
        (error.code.startsWith('DEAD_LETTER_') || error.code === 'CURRENT_OF_ACTIVATION')
      if (!known) throw error
      refused.push({ id, code: error.code, message: error.message })
    }
  }
  return { matched: ids.length, changed: ids.length - refused.length, refused }
}

async function idsOf(parts: ApiParts, wanted: Wanted): Promise<string[]> {
  if ((wanted.ids === undefined) === (wanted.filter === undefined))
    throw new ThalwegError('INPUT_INVALID', 'Name the letters by either "ids" or "filter"')
  if (wanted.ids !== undefined) return [...new Set(wanted.ids)]
  const { current, ...query } = wanted.filter ?? {}
  const which = await filterOf(parts, current, { ...query, state: 'dead' })
  const ids: string[] = []
  let before: DeadLetterFilter['before']
  while (ids.length < wanted.limit) {
    const limit = Math.min(PAGE, wanted.limit - ids.length)
    const found = await parts.delivery.letters.list({
      ...which,
      ...(before === undefined ? {} : { before }),
      limit,
    })
    ids.push(...found.map((letter) => letter.id))
    before = found.at(-1)
    if (found.length < limit) break
  }
  return ids
}

interface Query {
  readonly state?: z.output<typeof State> | undefined
  readonly reason?: string | undefined
  readonly eventType?: string | undefined
  readonly eventId?: string | undefined
}

type Which = Omit<DeadLetterFilter, 'limit' | 'before'>

async function filterOf(parts: ApiParts, current: string | undefined, query: Query): Promise<Which> {
  if (current === undefined) return given(query)
  const { number } = await currentNamed(parts.currents, current)
  return { ...given(query), current: number }
}

function given({ state, reason, eventType, eventId }: Query): Which {
  return {
    ...(state === undefined ? {} : { state }),
    ...(reason === undefined ? {} : { reason }),
    ...(eventType === undefined ? {} : { eventType }),
    ...(eventId === undefined ? {} : { eventId }),
  }
}

async function pageOf(parts: ApiParts, which: Which, limit: number, cursor: string | undefined) {
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
