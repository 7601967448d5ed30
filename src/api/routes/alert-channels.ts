/** Ways by which alerts leave the house: mail servers and webhooks. */

import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { allows } from '../../access/roles.ts'
import { type Channel, ChannelDefinition, MailChannel, WebhookChannel } from '../../alerts/channels.ts'
import { answerOf } from '../../alerts/dispatcher.ts'
import { countsOf, type MessageState } from '../../alerts/outbox.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, JsonSchema, NOTHING, Time, TimeOrNull } from '../schemas.ts'

const ChannelView = z
  .object({
    id: z.string(),
    definition: ChannelDefinition,
    createdAt: Time,
    updatedAt: Time,
    toldAt: TimeOrNull.describe('When a message was last taken.'),
    triedAt: TimeOrNull.describe('When a message was last tried.'),
    answer: z.string().describe('What was answered to the last try.'),
    messages: z
      .object({ waiting: Count, sent: Count, givenUp: Count, cancelled: Count })
      .describe('By state. Given up: not taken for a day.'),
  })
  .meta({ id: 'AlertChannel' })

export type ChannelAnswer = z.output<typeof ChannelView>

const KindView = z
  .object({
    kind: z.enum(['mail', 'webhook']),
    title: z.string(),
    provider: z.string().describe('Of its authorization.'),
    definition: JsonSchema.describe('What a channel of this kind says, as JSON Schema.'),
  })
  .meta({ id: 'AlertChannelKind' })

export type ChannelKindAnswer = z.output<typeof KindView>

const KINDS: readonly ChannelKindAnswer[] = [
  { kind: 'mail', title: 'Mail server', provider: 'smtp', definition: schemaOf(MailChannel) },
  { kind: 'webhook', title: 'Webhook', provider: 'webhook', definition: schemaOf(WebhookChannel) },
]

function schemaOf(schema: z.ZodType): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) }
}

const TestAnswer = z
  .object({
    ok: z.boolean(),
    answer: z.string().describe('What the other side said.'),
    recipient: z.string().describe('Address of a mail; empty for a webhook.'),
    message: z.string().describe('Id in the Message-ID of the mail, or the webhook-id.'),
    tookMs: Count,
  })
  .meta({ id: 'AlertChannelTest' })

export type ChannelTestAnswer = z.output<typeof TestAnswer>

/** What may be given to a change: some members of a definition. Checked as a whole afterwards. */
const Change = z
  .record(z.string().max(64), z.unknown())
  .describe('Members of the definition to replace; the others stay. The kind cannot change.')

const Params = z.object({ channel: z.string().min(1).max(64).describe('Id or name of the channel.') })
const TAGS = ['Alerts']

export function alertChannelRoutes(app: Api, parts: ApiParts): void {
  const { alertChannels: channels, alertDispatcher, authorizations, clock, store } = parts
  const audit: Audited = {
    object: 'alert-channel',
    param: 'channel',
    read: async (which) => {
      const { id, definition } = await channels.get(which)
      return { id, ...definition }
    },
  }

  app.get(
    '/alert-channels',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAlertChannels',
        summary: 'Ways by which alerts are told',
        response: { 200: z.object({ channels: z.array(ChannelView) }), default: ErrorAnswer },
      },
    },
    async () => {
      const counts = await countsOf(store)
      return { channels: (await channels.list()).map((channel) => viewOf(channel, counts.get(channel.id))) }
    },
  )

  app.get(
    '/alert-channel-kinds',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAlertChannelKinds',
        summary: 'Kinds of channels, with their forms',
        response: { 200: z.object({ kinds: z.array(KindView) }), default: ErrorAnswer },
      },
    },
    () => ({ kinds: [...KINDS] }),
  )

  app.post(
    '/alert-channels',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createAlertChannel',
        summary: 'Tell alerts by a mail server or a webhook',
        body: ChannelDefinition,
        response: { 201: ChannelView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await checkAuthorization(request.body)
      return reply.code(201).send(viewOf(await channels.create(request.body), undefined))
    },
  )

  app.get(
    '/alert-channels/:channel',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAlertChannel',
        summary: 'One way by which alerts are told',
        params: Params,
        response: { 200: ChannelView, default: ErrorAnswer },
      },
    },
    async (request) => shown(await channels.get(request.params.channel)),
  )

  app.patch(
    '/alert-channels/:channel',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'updateAlertChannel',
        summary: 'Change a channel; what waits is tried the new way at once',
        params: Params,
        body: Change,
        response: { 200: ChannelView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { id, definition } = await channels.get(request.params.channel)
      const wanted = changed(definition, request.body)
      await checkAuthorization(wanted)
      const channel = await channels.change(id, wanted)
      await alertDispatcher.channelsChanged([id])
      return shown(channel)
    },
  )

  app.delete(
    '/alert-channels/:channel',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteAlertChannel',
        summary: 'Remove a channel; what waits is cancelled',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await channels.remove((await channels.get(request.params.channel)).id)
      return reply.code(204).send()
    },
  )

  app.post(
    '/alert-channels/:channel/test',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'testAlertChannel',
        summary: 'Send a test now, for real, and say what the other side answered',
        params: Params,
        body: z.strictObject({
          to: z
            .email()
            .max(254)
            .optional()
            .describe('Of a mail; unset: the first address of the channel. Another one takes an admin.'),
        }),
        response: { 200: TestAnswer, default: ErrorAnswer },
      },
    },
    async (request) => {
      const channel = await channels.get(request.params.channel)
      const recipient = recipientOf(channel, request.body.to)
      const isKnown = channel.definition.kind === 'webhook' || channel.definition.to.includes(recipient)
      if (!isKnown && !(request.caller !== undefined && allows(request.caller.role, 'admin')))
        throw new ThalwegError('TOKEN_FORBIDDEN', 'Only an admin may mail a test to another address')
      const message = randomUUID()
      const startedAt = clock.now()
      const attempt = await alertDispatcher.test(channel, recipient, message)
      return {
        ok: attempt.isTaken,
        answer: answerOf(attempt),
        recipient,
        message,
        tookMs: clock.now() - startedAt,
      }
    },
  )

  async function shown(channel: Channel): Promise<ChannelAnswer> {
    return viewOf(channel, (await countsOf(store)).get(channel.id))
  }

  /** Throws AUTHORIZATION_UNKNOWN, ALERT_CHANNEL_INVALID. */
  async function checkAuthorization({ kind, authorization }: ChannelDefinition): Promise<void> {
    if (authorization === null) return
    const { provider } = await authorizations.get(authorization)
    const wanted = KINDS.find((one) => one.kind === kind)?.provider
    if (provider !== wanted)
      throw new ThalwegError(
        'ALERT_CHANNEL_INVALID',
        `The authorization is one of ${provider}; this channel takes one of ${wanted}`,
      )
  }
}

/** Throws ALERT_CHANNEL_INVALID with everything that does not fit. */
function changed(definition: ChannelDefinition, change: Record<string, unknown>): ChannelDefinition {
  if (change.kind !== undefined && change.kind !== definition.kind)
    throw new ThalwegError('ALERT_CHANNEL_INVALID', `A ${definition.kind} channel stays one: make another`)
  const result = ChannelDefinition.safeParse({ ...definition, ...change })
  if (result.success) return result.data
  const details = result.error.issues.map(({ path, message }) => ({
    field: path.join('.'),
    problem: message,
  }))
  const words = details.map(({ field, problem }) => `${field || 'channel'}: ${problem}`)
  throw new ThalwegError('ALERT_CHANNEL_INVALID', words.join('; '), { details })
}

/** '' for a webhook. Throws INPUT_INVALID when nobody is named. */
function recipientOf({ definition }: Channel, to: string | undefined): string {
  if (definition.kind === 'webhook') return ''
  const recipient = to ?? definition.to[0]
  if (recipient !== undefined) return recipient
  throw new ThalwegError(
    'INPUT_INVALID',
    'The channel has no address of its own, it mails contacts only: say to whom the test goes',
  )
}

function viewOf(channel: Channel, counts: Partial<Record<MessageState, number>> | undefined): ChannelAnswer {
  const { waiting = 0, sent = 0, given_up: givenUp = 0, cancelled = 0 } = counts ?? {}
  return { ...channel, messages: { waiting, sent, givenUp, cancelled } }
}
