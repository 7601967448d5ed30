/** Erasures: a person taken out of every store, with a plan before, and a signed receipt after. */

import * as z from 'zod'
import { SUBJECT_KINDS } from '../../core/traces.ts'
import {
  type ErasurePlan,
  type ErasureWithParts,
  IDENTIFIERS_MAX,
  ONLY_NODE,
  removedIn,
} from '../../erasure/erasures.ts'
import type { Part } from '../../erasure/parts.ts'
import { PART_STEPS, STEPS } from '../../erasure/steps.ts'
import { callerName } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, Note, Time, TimeOrNull } from '../schemas.ts'

const Identifier = z
  .strictObject({
    kind: z.enum(SUBJECT_KINDS),
    label: z.string().max(256).default('').describe('Of an alias.'),
    value: z.string().min(1).max(1_024),
  })
  .meta({ id: 'SubjectIdentifier' })

const Who = {
  identifiers: z.array(Identifier).min(1).max(IDENTIFIERS_MAX),
  expand: z
    .boolean()
    .default(true)
    .describe('Take in what profiles and records clearly join with these; the plan shows what that is.'),
}

const Wish = z
  .strictObject({
    ...Who,
    suppress: z
      .boolean()
      .default(true)
      .describe('Keep out what comes in later with one of these identifiers. false: they may begin anew.'),
    targets: z
      .array(z.string().min(1).max(64))
      .max(20)
      .default([])
      .describe('Ids of authorizations with a REST key of Braze: the users are deleted there, too.'),
    note: Note.default('').describe('Why. Identifiers in it are blotted out.'),
  })
  .meta({ id: 'ErasureWish' })

const Places = z.array(z.object({ place: z.string(), rows: Count }))

const Plan = z
  .object({
    identifiers: z.array(Identifier).describe('Exactly these would be erased.'),
    shared: z
      .array(Identifier)
      .describe("Beside theirs in a record, and beside somebody else's in another: not taken in."),
    weak: z
      .array(Identifier)
      .describe(
        'They say little: found only where a member says that it names somebody, and not searched for.',
      ),
    places: Places.describe('What each store holds.'),
    uncounted: z
      .array(z.string())
      .describe(
        'Nodes whose folders are not counted: only they can look into them. They are erased all the same.',
      ),
    left: z.array(z.string()).describe('What the program cannot do.'),
  })
  .meta({ id: 'ErasurePlan' })

const ReceiptView = z
  .object({
    version: z.literal(1),
    erasure: z.string(),
    requestedBy: z.string(),
    note: z.string(),
    requestedAt: Time,
    finishedAt: Time,
    identifiers: z.array(z.object({ kind: z.enum(SUBJECT_KINDS), hash: z.string() })),
    suppressed: z.boolean(),
    places: z.array(z.object({ place: z.string(), found: Count, removed: Count })),
    targets: z.array(
      z.object({ authorization: z.string(), vendor: z.string(), deleted: Count, problem: z.string() }),
    ),
    left: z.array(z.string()),
    nodes: z
      .array(z.object({ node: z.string(), state: z.enum(['done', 'away', 'waived']) }))
      .optional()
      .describe('Every node that ever worked on the store; absent where there can be one only.'),
    search: z.object({
      files: Count,
      bytes: Count,
      remaining: z.array(z.string()).describe('Files that hold an identifier all the same.'),
      notSearched: Count,
    }),
    publicKey: z.string(),
  })
  .meta({ id: 'ErasureReceipt' })

const SearchView = z.object({ files: Count, bytes: Count, remaining: z.array(z.string()) })

const AddendumView = z
  .object({
    version: z.literal(1),
    erasure: z.string(),
    node: z.string(),
    finishedAt: Time,
    places: z.array(z.object({ place: z.string(), removed: Count })),
    search: SearchView,
    publicKey: z.string(),
  })
  .meta({ id: 'ErasureAddendum' })

const PartView = z
  .object({
    node: z.string(),
    step: z
      .enum([...PART_STEPS, 'done', 'waived'])
      .describe('Of its part, the step that comes next. waived: its folders are gone, as somebody said.'),
    problem: z.string().describe('Why the step is tried again; empty while all is well.'),
    removed: z.record(z.string(), Count),
    search: SearchView.optional(),
    addendum: AddendumView.optional().describe('Its part was done after the receipt was signed.'),
    signature: z.string().optional().describe('Of the addendum.'),
    updatedAt: Time,
  })
  .meta({ id: 'ErasurePart' })

const ErasureView = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'finished']),
    step: z.enum(STEPS),
    problem: z.string().describe('Why the step is tried again; empty while all is well.'),
    requestedBy: z.string(),
    note: z.string(),
    suppress: z.boolean(),
    found: z.record(z.string(), Count),
    removed: z.record(z.string(), Count),
    nodes: z
      .array(PartView)
      .describe('What each node does in its own folders; empty where there can be one node only.'),
    receipt: ReceiptView.optional(),
    signature: z.string().optional().describe('Ed25519 over the receipt as canonical JSON, in base64.'),
    createdAt: Time,
    updatedAt: Time,
    finishedAt: TimeOrNull,
  })
  .meta({ id: 'Erasure' })

const Verdict = z
  .object({ verdict: z.enum(['ours', 'of another installation', 'not as it was signed']) })
  .meta({ id: 'ReceiptVerdict' })

export type ErasurePlanAnswer = z.output<typeof Plan>
export type ErasureAnswer = z.output<typeof ErasureView>
export type ReceiptVerdictAnswer = z.output<typeof Verdict>

const Params = z.object({ erasure: z.string().min(1).max(64).describe('Id of the erasure.') })
const TAGS = ['Erasures']

export function erasureRoutes(app: Api, { erasures }: ApiParts): void {
  const audit: Audited = {
    object: 'erasure',
    param: 'erasure',
    // Neither whom it is about nor what somebody wrote about it.
    read: async (key) => {
      const { id, state, progress } = await erasures.get(key)
      return { id, state, suppress: progress.suppress }
    },
  }
  const lifting: Audited = {
    object: 'erasure',
    param: 'erasure',
    told: (_body: never, answer: { lifted: number }) => answer,
  }

  app.post(
    '/erasures/plan',
    {
      config: { role: 'admin', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'planErasure',
        summary: 'Who exactly would be erased, and where they are; nothing is changed',
        description: 'Goes over the whole log and all tables: it takes as long as reading them.',
        body: z.strictObject(Who),
        response: { 200: Plan, default: ErrorAnswer },
      },
    },
    async (request) => planView(await erasures.plan(request.body)),
  )

  app.post(
    '/erasures',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createErasure',
        summary: 'Take a person out of every store; it cannot be undone',
        body: Wish,
        response: { 202: ErasureView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { note, ...wish } = request.body
      return reply.code(202).send(viewOf(await erasures.create(wish, callerName(request), note)))
    },
  )

  app.get(
    '/erasures',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listErasures',
        summary: 'Erasures, newest first; at most 500. None of them names anybody',
        response: { 200: z.object({ erasures: z.array(ErasureView) }), default: ErrorAnswer },
      },
    },
    async () => ({ erasures: (await erasures.list()).map(viewOf) }),
  )

  app.get(
    '/erasures/:erasure',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getErasure',
        summary: 'One erasure: how far it is, and its receipt',
        params: Params,
        response: { 200: ErasureView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await erasures.get(request.params.erasure)),
  )

  app.post(
    '/erasures/:erasure/lift',
    {
      config: { role: 'admin', audit: lifting },
      schema: {
        tags: TAGS,
        operationId: 'liftSuppression',
        summary: 'Let records of the erased person in again, as those of somebody new',
        params: Params,
        response: {
          200: z.object({ lifted: Count.describe('Spellings that were kept out.') }),
          default: ErrorAnswer,
        },
      },
    },
    async (request) => ({ lifted: await erasures.lift(request.params.erasure) }),
  )

  app.post(
    '/erasures/verify',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'verifyReceipt',
        summary: 'Whether a receipt says what was signed, and whether it was signed here',
        body: z.strictObject({
          receipt: z.looseObject({ publicKey: z.string().max(1_024) }),
          signature: z.string().min(1).max(256),
        }),
        response: { 200: Verdict, default: ErrorAnswer },
      },
    },
    async (request) => ({ verdict: erasures.verify(request.body.receipt, request.body.signature) }),
  )
}

function planView({ identifiers, shared, weak, places, uncounted, left }: ErasurePlan) {
  return {
    identifiers: [...identifiers],
    shared: [...shared],
    weak: [...weak],
    places: [...places],
    uncounted: [...uncounted],
    left: [...left],
  }
}

function viewOf({ progress, parts, receipt, signature, ...erasure }: ErasureWithParts): ErasureAnswer {
  return {
    ...erasure,
    suppress: progress.suppress,
    found: progress.found,
    removed: removedIn(progress, parts),
    nodes: parts.filter(({ node }) => node !== ONLY_NODE).map(partView),
    ...(receipt === undefined ? {} : { receipt: ReceiptView.parse(receipt) }),
    ...(signature === undefined ? {} : { signature }),
  }
}

function partView({ node, step, problem, removed, search, addendum, signature, updatedAt }: Part) {
  return {
    node,
    step,
    problem,
    removed,
    ...(search === undefined ? {} : { search: SearchView.parse(search) }),
    ...(addendum === undefined ? {} : { addendum: AddendumView.parse(JSON.parse(addendum)) }),
    ...(signature === undefined ? {} : { signature }),
    updatedAt,
  }
}
