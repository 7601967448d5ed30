/** Replays: a window of the log sent again through one current, with a preview of what that would do. */

import * as z from 'zod'
import { type Replay, ReplayWindow } from '../../delivery/replay.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { currentNamed } from '../current-views.ts'
import { ownersOf, refuseOwned } from '../owned.ts'
import type { ApiParts } from '../parts.ts'
import { Count, CurrentParams, ErrorAnswer, Offset, Time } from '../schemas.ts'

const ReplayView = z
  .object({
    id: z.string(),
    current: z.string().nullable(),
    currentNumber: Count,
    state: z.enum(['running', 'paused', 'finished', 'cancelled', 'failed']),
    reason: z.string(),
    types: z.array(z.string()),
    fromOffset: Offset,
    toOffset: Offset,
    position: Offset,
    selected: Count,
    delivered: Count,
    dead: Count,
    skipped: Count,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Replay' })

const Preview = z
  .object({
    fromOffset: Offset,
    toOffset: Offset,
    records: Count.describe('Records of the sources of the current in the window.'),
    selected: Count.describe('Of these, the ones that would be sent.'),
    alreadySettled: Count.describe('Of the selected: the destination may get them a second time.'),
    pending: Count.describe('Of the selected: the live flow will send them too.'),
    beforeLaunch: Count.describe('Of the selected: new to the destination.'),
    byType: z
      .array(z.object({ type: z.string(), count: Count }))
      .describe('The largest first, at most 1,000.'),
    outOfOrder: z.boolean().describe('Whether records would arrive after newer ones.'),
  })
  .meta({ id: 'ReplayPreview' })

export type ReplayAnswer = z.output<typeof ReplayView>
export type ReplayPreviewAnswer = z.output<typeof Preview>

const TYPES_MAX = 1_000
const Params = z.object({ replay: z.string().min(1).max(64).describe('Id of the replay.') })
const TAGS = ['Replays']

export function replayRoutes(app: Api, { currents, delivery, audiences }: ApiParts): void {
  const audit: Audited = {
    object: 'replay',
    param: 'replay',
    read: async (id) => {
      const { current, state, fromOffset, toOffset, types, createdAt } = await delivery.getReplay(id)
      return { id, current, state, fromOffset, toOffset, types, createdAt }
    },
  }
  const making: Audited = { ...audit, made: ({ id }: ReplayAnswer) => id }
  const view = async (replay: Replay) => {
    const known = (await currents.list()).find((current) => current.number === replay.current)
    return viewOf(replay, known?.name ?? null)
  }

  app.post(
    '/currents/:current/replays/preview',
    {
      config: { role: 'viewer', audit: 'reads' },
      schema: {
        tags: TAGS,
        operationId: 'previewReplay',
        summary: 'What a replay would send: how much is new, how much was already delivered',
        params: CurrentParams,
        body: ReplayWindow,
        response: { 200: Preview, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number } = await currentNamed(currents, request.params.current)
      const preview = await delivery.previewReplay(number, request.body)
      return { ...preview, byType: preview.byType.slice(0, TYPES_MAX) }
    },
  )

  app.post(
    '/currents/:current/replays',
    {
      config: { role: 'operator', audit: making },
      schema: {
        tags: TAGS,
        operationId: 'createReplay',
        summary: 'Send a window again, beside the live flow',
        params: CurrentParams,
        body: ReplayWindow,
        response: { 201: ReplayView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { number, name } = await currentNamed(currents, request.params.current)
      refuseOwned(await ownersOf(audiences), number, 'what it carried before is decided again by a run')
      return reply.code(201).send(viewOf(await delivery.replay(number, request.body), name))
    },
  )

  app.get(
    '/currents/:current/replays',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listReplays',
        summary: 'Replays of a current, newest first; at most 200',
        params: CurrentParams,
        response: { 200: z.object({ replays: z.array(ReplayView) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { number, name } = await currentNamed(currents, request.params.current)
      return { replays: (await delivery.replays(number)).map((replay) => viewOf(replay, name)) }
    },
  )

  app.get(
    '/replays/:replay',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getReplay',
        summary: 'One replay and how far it is',
        params: Params,
        response: { 200: ReplayView, default: ErrorAnswer },
      },
    },
    async (request) => view(await delivery.getReplay(request.params.replay)),
  )

  const ACTIONS = [
    ['pause', 'pauseReplay', 'Stop sending; it can be resumed', (id: string) => delivery.pauseReplay(id)],
    ['resume', 'resumeReplay', 'Go on where it stopped', (id: string) => delivery.resumeReplay(id)],
    ['cancel', 'cancelReplay', 'End it for good', (id: string) => delivery.cancelReplay(id)],
  ] as const
  for (const [word, operationId, summary, act] of ACTIONS) {
    app.post(
      `/replays/:replay/${word}`,
      {
        config: { role: 'operator', audit },
        schema: {
          tags: TAGS,
          operationId,
          summary,
          params: Params,
          response: { 200: ReplayView, default: ErrorAnswer },
        },
      },
      async (request) => view(await act(request.params.replay)),
    )
  }
}

function viewOf(replay: Replay, name: string | null) {
  return { ...replay, current: name, currentNumber: replay.current, types: [...replay.types] }
}
