/** Whose settings and secrets a file can name: the same schemas that the hub goes by, without a hub. */

import * as z from 'zod'
import { smtpProvider } from '../alerts/mail.ts'
import { WebhookCredentials } from '../alerts/webhook.ts'
import { destinations } from '../destinations/catalog.ts'
import type { Destination } from '../destinations/destination.ts'
import { s3Provider } from '../files/provider.ts'
import { SOURCE_KINDS } from '../sources/settings.ts'
import { engineKinds } from '../warehouse/engine-kinds.ts'
import { SecretReference } from './secret-reference.ts'

/** Schemas by the word that chooses one. */
export type Choices = ReadonlyMap<string, z.ZodType>

export const SETTINGS_OF_SOURCES: Choices = new Map(
  Object.entries(SOURCE_KINDS)
    // An activation makes its own.
    .filter(([kind]) => kind !== 'audience')
    .map(([kind, { settings }]) => [kind, settings]),
)

export const SETTINGS_OF_ENGINES: Choices = new Map(engineKinds.map(({ kind, settings }) => [kind, settings]))

export const SETTINGS_OF_CURRENTS = settingsOf(({ events }) => events !== undefined)
export const SETTINGS_OF_ACTIVATIONS = settingsOf(({ memberships }) => memberships !== undefined)
export const SETTINGS_OF_EXPORTS = settingsOf(({ audiences }) => audiences !== undefined)

/** By provider: the fields of its credentials, each as a reference. */
export const CREDENTIALS: Choices = new Map(
  [
    ['webhook', WebhookCredentials] as const,
    ...[s3Provider, smtpProvider].map(({ name, credentials }) => [name, credentials] as const),
    ...engineKinds.map(({ kind, credentials }) => [kind, credentials] as const),
    // Last: where an engine has the same name, the destination's are for both.
    ...destinations.map(({ name, credentials }) => [name, credentials] as const),
  ].map(([name, credentials]) => [name, referencesFor(credentials)]),
)

function settingsOf(takes: (destination: Destination) => boolean): Choices {
  return new Map(destinations.filter(takes).map(({ name, settings }) => [name, settings]))
}

function referencesFor(credentials: z.ZodType): z.ZodType {
  const { properties = {}, required = [] } = z.toJSONSchema(credentials, {
    io: 'input',
    unrepresentable: 'any',
  }) as {
    properties?: Readonly<Record<string, { description?: string }>>
    required?: readonly string[]
  }
  return z.strictObject(
    Object.fromEntries(
      Object.entries(properties).map(([field, { description = '' }]) => {
        const reference = SecretReference.describe(`env:NAME or file:path. ${description}`.trim())
        return [field, required.includes(field) ? reference : reference.optional()]
      }),
    ),
  )
}
