/** Whose credentials an authorization can keep, with the forms of what they need. */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import type { Provider } from '../../core/provider.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, JsonSchema } from '../schemas.ts'

const ProviderView = z
  .object({
    name: z.string().describe('The provider of an authorization.'),
    title: z.string(),
    description: z.string(),
    settings: JsonSchema.describe('What a check needs beside the secrets, as JSON Schema.'),
    credentials: JsonSchema.describe('The secrets, as JSON Schema.'),
  })
  .meta({ id: 'Provider' })

export type ProviderAnswer = z.output<typeof ProviderView>

const TAGS = ['Authorizations']

export function providerRoutes(app: Api, { providers }: ApiParts): void {
  app.get(
    '/providers',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listProviders',
        summary: 'Whose credentials an authorization can keep',
        response: { 200: z.object({ providers: z.array(ProviderView) }), default: ErrorAnswer },
      },
    },
    () => ({ providers: providers.map(viewOf) }),
  )

  app.get(
    '/providers/:provider',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getProvider',
        summary: 'One provider',
        params: z.object({ provider: z.string().min(1).max(64) }),
        response: { 200: ProviderView, default: ErrorAnswer },
      },
    },
    (request) => viewOf(knownProvider(providers, request.params.provider, 'ROUTE_UNKNOWN')),
  )
}

/** Throws `code` when there is none of this name. */
export function knownProvider(
  providers: readonly Provider[],
  name: string,
  code: 'ROUTE_UNKNOWN' | 'INPUT_INVALID',
): Provider {
  const provider = providers.find((one) => one.name === name)
  if (provider !== undefined) return provider
  const known = providers.map((one) => one.name).join(', ')
  throw new ThalwegError(code, `There is no provider ${JSON.stringify(name)}; known are ${known}`)
}

function viewOf({ name, title, description, settings, credentials }: Provider) {
  return {
    name,
    title,
    description,
    settings: { ...z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }) },
    credentials: { ...z.toJSONSchema(credentials, { io: 'input', unrepresentable: 'any' }) },
  }
}
