/** The kinds of vendor that a current can write to, with the forms of their settings and credentials. */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import { destinationNamed, destinations } from '../../destinations/catalog.ts'
import { tariffOf } from '../../destinations/cost.ts'
import type { Destination } from '../../destinations/destination.ts'
import type { Api } from '../app.ts'
import { Count, ErrorAnswer, JsonSchema } from '../schemas.ts'

const DestinationView = z
  .object({
    name: z
      .string()
      .describe('The word in definitions: `destination.kind`, and the provider of an authorization.'),
    title: z.string(),
    description: z.string(),
    takesEvents: z.boolean(),
    takesMemberships: z.boolean().describe('Activations can write to it.'),
    takesAudiences: z.boolean().describe('Exports can write to it.'),
    tariff: z
      .object({
        changesPerRequest: Count,
        dataPointsPerChange: Count,
        requests: Count.describe('That the vendor takes in a window.'),
        windowMs: Count,
      })
      .nullable()
      .describe('What changes of membership cost at the vendor; null: not known, or it takes none.'),
    settings: JsonSchema,
    credentials: JsonSchema,
  })
  .meta({ id: 'Destination' })

export type DestinationAnswer = z.output<typeof DestinationView>

const TAGS = ['Destinations']

export function destinationRoutes(app: Api): void {
  app.get(
    '/destinations',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listDestinations',
        summary: 'Kinds of destinations',
        response: { 200: z.object({ destinations: z.array(DestinationView) }), default: ErrorAnswer },
      },
    },
    () => ({ destinations: destinations.map(viewOf) }),
  )

  app.get(
    '/destinations/:destination',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getDestination',
        summary: 'One kind of destination',
        params: z.object({ destination: z.string().min(1).max(64) }),
        response: { 200: DestinationView, default: ErrorAnswer },
      },
    },
    (request) => viewOf(knownDestination(request.params.destination)),
  )
}

function knownDestination(name: string): Destination {
  const destination = destinationNamed(name)
  if (destination !== undefined) return destination
  const known = destinations.map((one) => one.name).join(', ')
  throw new ThalwegError(
    'ROUTE_UNKNOWN',
    `There is no destination ${JSON.stringify(name)}; known are ${known}`,
  )
}

function viewOf(destination: Destination) {
  const { name, title, description } = destination
  return {
    name,
    title,
    description,
    takesEvents: destination.events !== undefined,
    takesMemberships: destination.memberships !== undefined,
    takesAudiences: destination.audiences !== undefined,
    tariff: tariffOf(name) ?? null,
    settings: { ...z.toJSONSchema(destination.settings, { io: 'input', unrepresentable: 'any' }) },
    credentials: { ...z.toJSONSchema(destination.credentials, { io: 'input', unrepresentable: 'any' }) },
  }
}
