/**
 * Authorizations: credentials of a provider, write-only. What is answered names the fields that are set,
 * never their values.
 */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import type { Provider } from '../../core/provider.ts'
import {
  type Authorization,
  AuthorizationDescription as Description,
  AuthorizationLabel as Label,
} from '../../store/authorizations.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import { CheckAnswer, checkAnswer, noteHealth } from '../checks.ts'
import { ownersOf } from '../owned.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, NOTHING, Time, TimeOrNull } from '../schemas.ts'
import { knownProvider } from './providers.ts'

const AuthorizationView = z
  .object({
    id: z.string(),
    label: z.string(),
    description: z.string(),
    provider: z.string(),
    fields: z.array(z.string()).describe('Names of the credential fields that are set.'),
    health: z.enum(['unknown', 'good', 'bad']),
    healthDetail: z.string(),
    checkedAt: TimeOrNull,
    rotatedAt: TimeOrNull,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Authorization' })

export type AuthorizationAnswer = z.output<typeof AuthorizationView>

const USERS = ['current', 'activation', 'export', 'engine', 'import', 'channel'] as const
const Use = z
  .object({
    sort: z.enum(USERS).describe('channel: for alerts; import: a source of files.'),
    name: z.string(),
    state: z.string().describe("'' where it has none."),
  })
  .meta({ id: 'AuthorizationUse' })

export type AuthorizationUse = z.output<typeof Use>

const Credentials = z
  .record(z.string().max(100), z.unknown())
  .describe('By the schema of the provider; write-only.')
const Params = z.object({ authorization: z.string().min(1).max(64).describe('Id of the authorization.') })
const TAGS = ['Authorizations']

export function authorizationRoutes(app: Api, parts: ApiParts): void {
  const { alertDispatcher, authorizations, delivery, exports, providers } = parts
  const audit: Audited = {
    object: 'authorization',
    param: 'authorization',
    read: async (key) => {
      const { id, label, description, provider, fields, health, rotatedAt } = await authorizations.get(key)
      return { id, label, description, provider, fields, health, rotatedAt }
    },
  }

  app.get(
    '/authorizations',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAuthorizations',
        summary: 'All authorizations, without their secrets',
        response: { 200: z.object({ authorizations: z.array(AuthorizationView) }), default: ErrorAnswer },
      },
    },
    async () => ({ authorizations: (await authorizations.list()).map(viewOf) }),
  )

  app.post(
    '/authorizations',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'createAuthorization',
        summary: 'Keep the credentials of a provider, sealed',
        body: z.strictObject({
          label: Label,
          description: Description.default(''),
          provider: z.string().min(1).max(64).describe('Name of a provider.'),
          credentials: Credentials,
        }),
        response: { 201: AuthorizationView, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { provider, credentials } = request.body
      const made = await authorizations.create({
        ...request.body,
        credentials: validCredentials(knownProvider(providers, provider, 'INPUT_INVALID'), credentials),
      })
      return reply.code(201).send(viewOf(made))
    },
  )

  app.get(
    '/authorizations/:authorization',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getAuthorization',
        summary: 'One authorization, without its secrets',
        params: Params,
        response: { 200: AuthorizationView, default: ErrorAnswer },
      },
    },
    async (request) => viewOf(await authorizations.get(request.params.authorization)),
  )

  app.get(
    '/authorizations/:authorization/uses',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listAuthorizationUses',
        summary: 'What uses an authorization',
        params: Params,
        response: { 200: z.object({ uses: z.array(Use) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const { id } = await authorizations.get(request.params.authorization)
      return { uses: await usesOf(parts, id) }
    },
  )

  app.patch(
    '/authorizations/:authorization',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'updateAuthorization',
        summary: 'Change label or description',
        params: Params,
        body: z.strictObject({ label: Label.optional(), description: Description.optional() }),
        response: { 200: AuthorizationView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { label, description } = request.body
      const changed = await authorizations.update(request.params.authorization, {
        ...(label === undefined ? {} : { label }),
        ...(description === undefined ? {} : { description }),
      })
      return viewOf(changed)
    },
  )

  app.post(
    '/authorizations/:authorization/rotate',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'rotateAuthorization',
        summary: 'Replace the credentials; whoever uses them takes the new ones at once',
        params: Params,
        body: z.strictObject({ credentials: Credentials }),
        response: { 200: AuthorizationView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { provider, id } = await authorizations.get(request.params.authorization)
      await authorizations.rotate(
        id,
        validCredentials(knownProvider(providers, provider, 'INPUT_INVALID'), request.body.credentials),
      )
      await delivery.authorizationChanged(id)
      await exports.authorizationChanged(id)
      await alertDispatcher.authorizationChanged(id)
      return viewOf(await authorizations.get(id))
    },
  )

  app.post(
    '/authorizations/:authorization/check',
    {
      config: { role: 'operator', audit },
      schema: {
        tags: TAGS,
        operationId: 'checkAuthorization',
        summary: 'Try these credentials with the given settings, as closely as is safe, and note the health',
        params: Params,
        body: z.strictObject({
          settings: z
            .record(z.string(), z.unknown())
            .default({})
            .describe('What the provider needs to know beside the secrets, such as an address.'),
        }),
        response: { 200: CheckAnswer, default: ErrorAnswer },
      },
    },
    async (request) => {
      const { id, provider } = await authorizations.get(request.params.authorization)
      const known = knownProvider(providers, provider, 'INPUT_INVALID')
      if (known.placeIsGuarded && request.caller?.role !== 'admin')
        throw new ThalwegError(
          'TOKEN_FORBIDDEN',
          `Only an admin may say where ${known.title} is; check a query engine that uses the authorization instead`,
        )
      const receipt = await known.verify(request.body.settings, await authorizations.reveal(id))
      await noteHealth(authorizations, id, receipt)
      return checkAnswer(receipt)
    },
  )

  app.delete(
    '/authorizations/:authorization',
    {
      config: { role: 'admin', audit },
      schema: {
        tags: TAGS,
        operationId: 'deleteAuthorization',
        summary: 'Remove credentials for ever; refused while anything uses them',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { id } = await authorizations.get(request.params.authorization)
      // Asked before, not inside the transaction: the currents read by their own connection, and SQLite has
      // one.
      const uses = await usesOf(parts, id)
      await authorizations.remove(id, async () => uses.map(({ sort, name }) => `${sort} ${name}`))
      return reply.code(204).send()
    },
  )
}

async function usesOf(
  { alertChannels, audiences, currents, engines, exports, sources }: ApiParts,
  id: string,
): Promise<AuthorizationUse[]> {
  const owners = await ownersOf(audiences)
  const senders = (await currents.list())
    .filter(({ definition }) => definition.destination.authorization === id)
    .map(({ number, name, state }): AuthorizationUse => {
      const owner = owners.get(number)
      return owner === undefined
        ? { sort: 'current', name, state }
        : { sort: 'activation', name: owner, state }
    })
  const exporting = (await exports.registry.list())
    .filter(({ definition }) => definition.destination.authorization === id)
    .map(({ name, state }): AuthorizationUse => ({ sort: 'export', name, state }))
  const named = (sort: AuthorizationUse['sort'], names: readonly string[]): AuthorizationUse[] =>
    names.map((name) => ({ sort, name, state: '' }))
  const readers = sources
    .list()
    .filter(({ settings }) => 'authorization' in settings && settings.authorization === id)
    .map(({ name }) => name)
  return [
    ...senders,
    ...exporting,
    ...named('engine', await engines.usersOf(id)),
    ...named('import', readers),
    ...named('channel', await alertChannels.usersOf(id)),
  ]
}

/** Throws INPUT_INVALID with the fields that do not fit; values are never repeated. */
function validCredentials(provider: Provider, given: Record<string, unknown>): Record<string, unknown> {
  const result = provider.credentials.safeParse(given)
  if (result.success) return result.data as Record<string, unknown>
  const details = result.error.issues.map(({ path, message }) => ({
    field: ['credentials', ...path].join('.'),
    problem: message,
  }))
  const words = details.map(({ field, problem }) => `${field}: ${problem}`)
  throw new ThalwegError('INPUT_INVALID', words.join('; '), { details })
}

function viewOf(authorization: Authorization) {
  return { ...authorization, fields: [...authorization.fields] }
}
