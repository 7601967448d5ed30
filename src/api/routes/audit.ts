/** The trail: who changed what. For admins, as it names who works here, and from where. */

import * as z from 'zod'
import {
  type AuditEntry,
  type AuditFilter,
  type AuditStates,
  NUMBER_MAX,
  OUTCOMES,
} from '../../access/audit.ts'
import { ROLES } from '../../access/roles.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { answerLines } from '../results.ts'
import { Count, ErrorAnswer, Time } from '../schemas.ts'

const Entry = z.object({
  number: Count.describe('Counts up in the order in which changes were begun.'),
  at: Time,
  who: z
    .object({
      kind: z.enum(['person', 'token']),
      id: z.string(),
      name: z.string(),
      role: z.enum(ROLES),
    })
    .nullable()
    .describe('As they were then; null: nobody who was known.'),
  address: z.string().describe('Where the request came from.'),
  operation: z.string().describe('The operationId of the API.'),
  object: z.object({
    kind: z.string(),
    id: z.string().describe('Empty: none, or not known.'),
    name: z.string(),
  }),
  outcome: z
    .enum(OUTCOMES)
    .describe('begun: under way, or the program ended before it could say what became of it.'),
  code: z.string().describe('Of the refusal; empty: none.'),
  request: z.string().describe('The x-request-id of the answer.'),
})

const WholeEntry = Entry.extend({
  before: z.unknown().optional().describe('What was set of the object; absent: nothing.'),
  after: z.unknown().optional().describe('The same afterwards, or what was done; absent: nothing.'),
}).meta({ id: 'AuditEntry' })

export type AuditEntryAnswer = z.output<typeof Entry>
export type WholeAuditEntryAnswer = z.output<typeof WholeEntry>

const Page = z.object({
  entries: z.array(Entry),
  next: Count.nullable().describe(
    'What to give as `before` for the next page, which may hold fewer entries than asked for, even none; null: this was the last.',
  ),
})
export type AuditPageAnswer = z.output<typeof Page>

const filter = {
  who: z.string().max(254).optional().describe('Id of a person or token, or the e-mail address of a person.'),
  object: z
    .string()
    .max(320)
    .optional()
    .describe('A kind of object, such as `current`, or one object, such as `current:3`.'),
  operation: z.string().max(64).optional().describe('An operationId.'),
  outcome: z.enum(OUTCOMES).optional(),
  from: z.coerce.number().int().min(0).optional().describe('Not before this time.'),
  to: z.coerce.number().int().min(0).optional().describe('Before this time.'),
  text: z.string().min(1).max(100).optional().describe('Part of a name, an id, an operation or a code.'),
}

const EntryNumber = z.coerce.number().int().min(1).max(NUMBER_MAX)
const EXPORT_PAGE = 500
const TAGS = ['Audit']

export function auditRoutes(app: Api, { access }: ApiParts): void {
  const { audit, people } = access

  async function filterOf({ who, object, ...rest }: Asked): Promise<AuditFilter> {
    const [, kind, id] = /^([^:]*)(?::([\s\S]*))?$/.exec(object ?? '') ?? []
    const person = who?.includes('@') ? (await people.get(who)).id : who
    return {
      ...given(rest),
      ...(person === undefined ? {} : { who: person }),
      ...(object === undefined || kind === undefined ? {} : { kind }),
      ...(id === undefined ? {} : { object: id }),
    }
  }

  app.get(
    '/audit',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'listAudit',
        summary: 'Who changed what, newest first',
        querystring: z.object({
          ...filter,
          before: EntryNumber.optional().describe('`next` of the page before.'),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: { 200: Page, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { before, limit, ...asked } = request.query
      const page = await audit.list(await filterOf(asked), limit, before)
      return { entries: page.entries.map(viewOf), next: page.next ?? null }
    },
  )

  app.get(
    '/audit/export',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'exportAudit',
        summary: 'All entries that fit, with what was before and after, as lines of JSON, newest first',
        querystring: z.object(filter),
        response: {
          200: {
            description: 'One entry per line',
            content: { 'application/x-ndjson': { schema: z.string() } },
          },
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      const pages = audit.each(await filterOf(request.query), EXPORT_PAGE)
      reply.hijack()
      await answerLines(reply.raw, linesOf(pages, reply.raw), 'audit.ndjson')
    },
  )

  app.get(
    '/audit/:number',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'getAuditEntry',
        summary: 'One entry, with what was before and after',
        params: z.object({ number: EntryNumber }),
        response: { 200: WholeEntry, default: ErrorAnswer },
      },
    },
    async (request) => wholeOf(await audit.get(request.params.number)),
  )
}

type Asked = z.output<z.ZodObject<typeof filter>>

function given({ operation, outcome, from, to, text }: Omit<Asked, 'who' | 'object'>): AuditFilter {
  if (from !== undefined && to !== undefined && from >= to)
    throw new ThalwegError('INPUT_INVALID', 'The time "from" must be before "to"')
  return {
    ...(operation === undefined ? {} : { operation }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(text === undefined ? {} : { text }),
  }
}

/** Until whoever reads them has gone. */
async function* linesOf(
  pages: AsyncIterable<readonly (AuditEntry & AuditStates)[]>,
  reader: { readonly destroyed: boolean },
) {
  for await (const page of pages) {
    yield page.map(wholeOf)
    if (reader.destroyed) return
  }
}

function viewOf({ who, ...entry }: AuditEntry): AuditEntryAnswer {
  const { kind, id, name } = who
  const role = ROLES.find((one) => one === who.role)
  return { ...entry, who: kind === 'nobody' || role === undefined ? null : { kind, id, name, role } }
}

function wholeOf({ before, after, ...entry }: AuditEntry & AuditStates): WholeAuditEntryAnswer {
  return {
    ...viewOf(entry),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  }
}
