/** API tokens: who may talk to this API. */

import * as z from 'zod'
import { ROLES } from '../../access/roles.ts'
import { LABEL_CHARS_MAX } from '../../access/tokens.ts'
import { ThalwegError } from '../../core/errors.ts'
import { callerIn } from '../access.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, NOTHING, Time, TimeOrNull } from '../schemas.ts'

const TokenView = z
  .object({
    id: z.string(),
    label: z.string(),
    role: z.enum(ROLES),
    createdAt: Time,
    lastUsedAt: TimeOrNull.describe('To the minute.'),
  })
  .meta({ id: 'ApiToken' })

export type TokenAnswer = z.output<typeof TokenView>

const TAGS = ['Tokens']

export function tokenRoutes(app: Api, { access }: ApiParts): void {
  const { tokens } = access

  async function tokenOf(id: string) {
    const token = (await tokens.list()).find((one) => one.id === id)
    if (token === undefined)
      throw new ThalwegError('TOKEN_UNKNOWN', `There is no API token ${JSON.stringify(id)}`)
    return token
  }

  const audit: Audited = {
    object: 'token',
    param: 'token',
    read: async (id) => {
      const { lastUsedAt: _, ...token } = await tokenOf(id)
      return token
    },
    made: ({ token }: { token: TokenAnswer }) => token.id,
  }

  app.get(
    '/tokens',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'listTokens',
        summary: 'All API tokens, without their secrets',
        response: { 200: z.object({ tokens: z.array(TokenView) }), default: ErrorAnswer },
      },
    },
    async () => ({ tokens: await tokens.list() }),
  )

  app.get(
    '/tokens/mine',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getMyToken',
        summary: 'The token of this request',
        response: { 200: TokenView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { kind, id } = callerIn(request)
      if (kind === 'token') return tokenOf(id)
      throw new ThalwegError('TOKEN_UNKNOWN', 'You came by a session, not with a token')
    },
  )

  app.post(
    '/tokens',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createToken',
        summary: 'Make an API token; the secret is shown this once',
        body: z.strictObject({
          label: z.string().min(1).max(LABEL_CHARS_MAX),
          role: z
            .enum(ROLES)
            .describe('viewer reads; operator changes what flows; admin gives and takes access.'),
        }),
        response: {
          201: z.object({ token: TokenView, secret: z.string().describe('Shown this once.') }),
          default: ErrorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { label, role } = request.body
      return reply.code(201).send(await tokens.create(label, role))
    },
  )

  app.delete(
    '/tokens/:token',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'revokeToken',
        summary: 'Refuse a token from now on; the last admin token stays',
        params: z.object({ token: z.string().min(1).max(64).describe('Id of the token.') }),
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await tokens.revoke(request.params.token)
      return reply.code(204).send()
    },
  )
}
