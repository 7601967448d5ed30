/** The catalog of Currents events, for pickers and programs. */

import * as z from 'zod'
import {
  channelOf,
  channels,
  type EventType,
  eventType,
  eventTypes,
  pickerTree,
  piiFields,
} from '../../catalog/catalog.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Api } from '../app.ts'
import { ErrorAnswer } from '../schemas.ts'

const category = z.enum(['message_engagement', 'customer_behavior'])
const status = z.enum(['current', 'retired'])

const PickerType = z.object({
  name: z.string(),
  title: z.string(),
  about: z.string(),
  status,
  inHttp: z.boolean().describe('Whether HTTP connectors send it.'),
  pii: z.array(z.string()),
  segmentName: z.string().nullable(),
})

const Catalog = z
  .object({
    types: z.int(),
    channels: z.array(z.object({ channel: z.string(), title: z.string() })),
    piiFields: z.array(z.string()).describe('Properties that Braze tags as personal.'),
    picker: z.array(
      z.object({
        category,
        title: z.string(),
        channels: z.array(z.object({ channel: z.string(), title: z.string(), types: z.array(PickerType) })),
      }),
    ),
  })
  .meta({ id: 'Catalog' })

export type CatalogAnswer = z.output<typeof Catalog>

const UserField = z.object({
  name: z.string(),
  required: z.boolean(),
  inHttp: z.boolean(),
  inStorage: z.boolean(),
})

const CatalogType = z
  .object({
    name: z.string(),
    title: z.string(),
    about: z.string(),
    channel: z.string(),
    category,
    status,
    since: z.string(),
    inHttp: z.boolean(),
    inStorage: z.boolean(),
    segmentName: z.string().nullable(),
    userFields: z.array(UserField),
    fields: z.array(
      UserField.extend({ type: z.string(), about: z.string(), pii: z.boolean(), deprecated: z.boolean() }),
    ),
  })
  .meta({ id: 'EventType' })

export type CatalogTypeAnswer = z.output<typeof CatalogType>

const TAGS = ['Catalog']

export function catalogRoutes(app: Api): void {
  app.get(
    '/catalog',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getCatalog',
        summary: 'The tree to choose event types from, the channels, and the personal fields',
        response: { 200: Catalog, default: ErrorAnswer },
      },
    },
    () => ({
      types: eventTypes.length,
      channels: [...channels].map(([channel, title]) => ({ channel, title })),
      piiFields: [...piiFields()],
      picker: pickerTree().map((branch) => ({
        ...branch,
        channels: branch.channels.map((channel) => ({
          ...channel,
          types: channel.types.map(({ segmentName, pii, ...type }) => ({
            ...type,
            pii: [...pii],
            segmentName: segmentName ?? null,
          })),
        })),
      })),
    }),
  )

  app.get(
    '/catalog/types',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listEventTypes',
        summary: 'All event types with their fields',
        querystring: z.object({ channel: z.string().max(100).optional() }),
        response: { 200: z.object({ types: z.array(CatalogType) }), default: ErrorAnswer },
      },
    },
    (request) => {
      const { channel } = request.query
      return {
        types: eventTypes
          .filter((type) => channel === undefined || channelOf(type.name) === channel)
          .map(viewOf),
      }
    },
  )

  app.get(
    '/catalog/types/:type',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'getEventType',
        summary: 'One event type, also by another spelling of its name',
        params: z.object({ type: z.string().min(1).max(256) }),
        response: { 200: CatalogType, default: ErrorAnswer },
      },
    },
    (request) => {
      const type = eventType(request.params.type)
      if (type === undefined) {
        throw new ThalwegError(
          'EVENT_UNKNOWN',
          `The catalog has no event type ${JSON.stringify(request.params.type)}; events of that type flow all the same`,
        )
      }
      return viewOf(type)
    },
  )
}

function viewOf({ timeType: _time, segment, userFields, fields, ...type }: EventType) {
  return {
    ...type,
    segmentName: segment.name ?? null,
    userFields: [...userFields],
    fields: [...fields],
  }
}
