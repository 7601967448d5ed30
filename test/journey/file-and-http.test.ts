/**
 * One event by two ways, over HTTP and in an Avro file, is one and the same row of the warehouse, for every type of the catalog.
 * What docs/sources.md says of the difference stands here as data: a difference that is not listed fails, and so does one that is
 * listed and not found.
 */

import { expect, test } from 'vitest'
import { eventTypes } from '../../src/catalog/catalog.ts'
import { EVENT_COLUMNS, type EventColumn } from '../../src/catalog/columns.ts'
import { seededRandom } from '../../src/core/random.ts'
import { openPlace } from '../../src/files/files.ts'
import {
  type StorageSample,
  storageFile,
  storageName,
  storageSamples,
} from '../../src/sandbox/storage/storage.ts'
import { eventually } from '../support/eventually.ts'
import { embeddedWarehouse, SOURCE, type Stack, startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

const NOW_SECONDS = 1_780_000_000
const FILES = 'bucket'

/** Types that no file holds: three that were retired before any connector sent them, and three that only came over HTTP. */
const WITHOUT_FILES = [
  'users.behaviors.app.NewsFeedImpression',
  'users.campaigns.Abort',
  'users.canvas.Abort',
  'users.messages.newsfeedcard.Abort',
  'users.messages.newsfeedcard.Click',
  'users.messages.newsfeedcard.Impression',
]

/** Of the record and not of the event: where it came from, and its place in the log. */
const OF_THE_RECORD = ['_offset', '_received_at', '_source', '_current']

const BANNERS = ['Abort', 'Click', 'Impression'].map((name) => `users.messages.banner.${name}`)

/** Null in a row that came from a file, on these types. */
const FILES_LACK: Readonly<Record<string, readonly string[]>> = {
  device_id: [
    'users.behaviors.InstallAttribution',
    'users.behaviors.subscriptiongroup.StateChange',
    'users.campaigns.Conversion',
    'users.campaigns.EnrollInControl',
    'users.canvas.Conversion',
    'users.canvas.Entry',
    'users.messages.email.Bounce',
    'users.messages.email.Click',
    'users.messages.email.Delivery',
    'users.messages.email.MarkAsSpam',
    'users.messages.email.Open',
    'users.messages.email.Send',
    'users.messages.email.SoftBounce',
    'users.messages.email.Unsubscribe',
    'users.messages.sms.CarrierSend',
    'users.messages.sms.Delivery',
    'users.messages.sms.DeliveryFailure',
    'users.messages.sms.Rejection',
    'users.messages.sms.Send',
    'users.messages.sms.ShortLinkClick',
    'users.messages.webhook.Send',
  ],
  dispatch_id: [
    'users.campaigns.Conversion',
    'users.campaigns.EnrollInControl',
    'users.messages.contentcard.Click',
    'users.messages.contentcard.Dismiss',
    'users.messages.contentcard.Impression',
    'users.messages.contentcard.Send',
    'users.messages.inappmessage.Click',
    'users.messages.inappmessage.Impression',
  ],
  canvas_variation_name: ['users.messages.whatsapp.Send'],
  message_variation_name: ['users.behaviors.subscription.GlobalStateChange'],
  device_model: ['users.messages.pushnotification.IosForeground'],
  os_version: ['users.messages.pushnotification.IosForeground'],
}

const PLACE_OF_THE_USER = [
  ...BANNERS,
  'users.behaviors.app.FirstSession',
  'users.messages.email.Retry',
  'users.messages.featureflag.Impression',
  'users.messages.pushnotification.Retry',
  'users.messages.webhook.Retry',
]
const DEVICE = [...BANNERS, 'users.messages.featureflag.Impression', 'users.messages.inappmessage.Abort']
const EXITS = ['users.canvas.exit.MatchedAudience', 'users.canvas.exit.PerformedEvent']

/** Only a row that came from a file has them, on these types. */
const FILES_ADD: Readonly<Record<string, readonly string[]>> = {
  canvas_step_message_variation_id: [
    'users.messages.contentcard.Abort',
    'users.messages.email.Abort',
    'users.messages.email.Deferral',
    'users.messages.email.Retry',
    'users.messages.featureflag.Impression',
    'users.messages.inappmessage.Abort',
    'users.messages.line.Abort',
    'users.messages.line.Click',
    'users.messages.line.InboundReceive',
    'users.messages.line.Retry',
    'users.messages.line.Send',
    'users.messages.pushnotification.Abort',
    'users.messages.pushnotification.Open',
    'users.messages.pushnotification.Retry',
    'users.messages.rcs.Abort',
    'users.messages.rcs.Click',
    'users.messages.rcs.Delivery',
    'users.messages.rcs.InboundReceive',
    'users.messages.rcs.Read',
    'users.messages.rcs.Rejection',
    'users.messages.rcs.Send',
    'users.messages.sms.Abort',
    'users.messages.sms.Retry',
    'users.messages.webhook.Abort',
    'users.messages.webhook.Failure',
    'users.messages.webhook.Retry',
    'users.messages.whatsapp.Abort',
    'users.messages.whatsapp.Click',
    'users.messages.whatsapp.Delivery',
    'users.messages.whatsapp.Failure',
    'users.messages.whatsapp.InboundReceive',
    'users.messages.whatsapp.Read',
    'users.messages.whatsapp.Retry',
    'users.messages.whatsapp.Send',
  ],
  country: PLACE_OF_THE_USER,
  gender: PLACE_OF_THE_USER,
  language: PLACE_OF_THE_USER,
  carrier: DEVICE,
  resolution: DEVICE,
  sdk_version: [
    ...BANNERS,
    'users.behaviors.app.FirstSession',
    'users.behaviors.liveactivity.PushToStartTokenChange',
    'users.behaviors.liveactivity.UpdateTokenChange',
    'users.behaviors.pushnotification.TokenStateChange',
    'users.messages.featureflag.Impression',
  ],
  browser: ['users.messages.inappmessage.Abort'],
  version: ['users.messages.inappmessage.Abort'],
  from_domain: ['users.messages.email.Send'],
  app_group_api_id: EXITS,
  canvas_api_id: EXITS,
  canvas_step_api_id: EXITS,
  canvas_variation_api_id: EXITS,
}

type Row = Readonly<Record<string, unknown>>

test('every type is the same row over HTTP and from a file, but for what is documented', async () => {
  const samples = storageSamples(seededRandom(20_261_128), NOW_SECONDS)
  const compared = new Set(samples.map(({ type }) => type.name))
  const others = eventTypes.map(({ name }) => name).filter((name) => !compared.has(name))
  expect(others.sort()).toEqual(WITHOUT_FILES)
  const { columns, overHttp, fromFiles } = await rowsBothWays(samples)

  const lacking: [column: string, type: string][] = []
  const added: [column: string, type: string][] = []
  for (const { type, event, record } of samples) {
    const http = overHttp.get(event.id) ?? {}
    const file = fromFiles.get(event.id) ?? {}
    for (const { name, origin, member, type: kind } of columns) {
      const about = `${type.name} ${name}`
      const [ours, theirs] = [http[name] ?? null, file[name] ?? null]
      if (origin === 'properties') expect(file[name], about).toEqual(propertiesOf(http, file, columns))
      else if (ours !== null && theirs === null) lacking.push([name, type.name])
      else if (ours === null && theirs !== null) {
        added.push([name, type.name])
        expect(theirs, about).toEqual(record[member])
      } else if (kind === 'double' && typeof theirs === 'number') {
        // Single precision: the double over HTTP and the fewest digits of its single.
        expect(Math.fround(theirs), about).toBe(Math.fround(Number(ours)))
        expect(String(theirs).length, about).toBeLessThanOrEqual(String(Math.fround(theirs)).length)
      } else expect(theirs, about).toEqual(ours)
    }
  }
  expect(byColumn(lacking)).toEqual(sorted(FILES_LACK))
  expect(byColumn(added)).toEqual(sorted(FILES_ADD))
})

test('custom data that HTTP leaves out is an empty object from a file', async () => {
  const samples = storageSamples(seededRandom(3), NOW_SECONDS)
    .filter(({ type }) => ['users.behaviors.CustomEvent', 'users.behaviors.Purchase'].includes(type.name))
    .map(({ type, event, record }) => {
      const { custom_properties: _custom, purchase_properties: _purchase, ...properties } = event.properties
      return { type, event: { ...event, properties }, record: { ...record, properties: '{}' } }
    })
  const { overHttp, fromFiles } = await rowsBothWays(samples)
  const cells = samples.map(({ type, event }) => {
    const column = type.name.endsWith('Purchase') ? 'purchase_properties' : 'custom_properties'
    return [type.name, overHttp.get(event.id)?.[column] ?? null, fromFiles.get(event.id)?.[column] ?? null]
  })
  expect(cells).toEqual([
    ['users.behaviors.CustomEvent', null, {}],
    ['users.behaviors.Purchase', null, {}],
  ])
})

/** The rows of the events, by id, as they came over HTTP and from a folder of one file for each. */
async function rowsBothWays(samples: readonly StorageSample[]) {
  const stack = await startStack()
  await stack.post(samples.map(({ event }) => event))
  await importFiles(stack, samples)
  await stack.launch(
    'warehouse',
    embeddedWarehouse(),
    { externalId: 'optional', sources: [SOURCE, FILES] },
    'earliest',
  )
  await stack.settled()
  const present = new Set((await warehouseRows(stack.hub, 'describe events')).map(([name]) => String(name)))
  const columns = EVENT_COLUMNS.filter(({ name }) => present.has(name) && !OF_THE_RECORD.includes(name))
  expect(await stack.hub.warehouse.engine.misfits()).toEqual([])
  return {
    columns,
    overHttp: await rowsOf(stack, SOURCE, columns),
    fromFiles: await rowsOf(stack, FILES, columns),
  }
}

async function importFiles({ hub }: Stack, samples: readonly StorageSample[]): Promise<void> {
  const folder = await tempFolder()
  const place = openPlace({ kind: 'folder', path: folder })
  for (const [i, { type, record }] of samples.entries())
    await place.write(
      storageName(type.name, Math.floor(NOW_SECONDS / 3600), 0, i),
      storageFile(type, [record]),
    )
  await hub.imports.request(FILES, { location: { kind: 'folder', path: folder } })
  await eventually('the files are read', async () => (await hub.imports.get(FILES)).state !== 'running', {
    withinMs: 60_000,
  })
  expect((await hub.imports.get(FILES)).totals).toMatchObject({ read: samples.length, quarantined: 0 })
}

async function rowsOf(
  { hub }: Stack,
  source: string,
  columns: readonly EventColumn[],
): Promise<Map<string, Row>> {
  const list = columns.map(({ name, type }) => (type === 'json' ? `"${name}"::varchar` : `"${name}"`))
  const rows = await warehouseRows(hub, `select ${list.join(', ')} from events where _source = '${source}'`)
  return new Map(
    rows.map((cells) => {
      const row = Object.fromEntries(columns.map(({ name, type }, i) => [name, cellOf(type, cells[i])]))
      return [String(row.id), row]
    }),
  )
}

/** Objects are compared as such: their members may stand in another order. */
function cellOf(type: EventColumn['type'], cell: unknown): unknown {
  return type === 'json' && typeof cell === 'string' ? JSON.parse(cell) : cell
}

/** What the cell `properties` of a file must hold: that of HTTP, less and more what the columns are. */
function propertiesOf(http: Row, file: Row, columns: readonly EventColumn[]): Row {
  const properties: Record<string, unknown> = { ...(http.properties as Row) }
  for (const { name, origin, member } of columns) {
    if (origin !== 'property') continue
    if (file[name] === null) delete properties[member]
    else properties[member] = file[name]
  }
  return properties
}

function byColumn(pairs: readonly [column: string, type: string][]): Record<string, string[]> {
  return sorted(
    Object.fromEntries(
      Object.entries(Object.groupBy(pairs, ([column]) => column)).map(([column, found = []]) => [
        column,
        found.map(([, type]) => type),
      ]),
    ),
  )
}

function sorted(lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(lists).map(([column, types]) => [column, [...types].sort()]))
}
