/**
 * What a Currents storage connector leaves in a bucket or a folder: Avro files, laid out as Braze does. Either a few
 * of every type, or as much as wanted: then encoded blocks are written again and again with other ids.
 */

import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type EventType, eventType, eventTypes } from '../../catalog/catalog.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { pick, weighted } from '../simulator/draw.ts'
import type { CurrentsEvent } from '../simulator/event.ts'
import { createIdPatcher, LOAD_MIX } from '../simulator/load.ts'
import { eventOf, sampleIn, sampleScene } from '../simulator/samples.ts'
import { createOrigin, type Scene } from '../simulator/values.ts'
import { createWorld, type World } from '../simulator/world.ts'
import { type AvroCodec, AvroFileWriter } from './avro-file.ts'
import { storageRecord } from './record.ts'

const CLUSTER = 'prod-01'
const CONNECTOR = `dataexport.${CLUSTER}.S3.integration.5e8f3c2ab1c94d00279a6f11`
const SCHEMA_ID = 42
const HOUR_SECONDS = 3600

/** Where Braze would put a file; `hour` counts from the epoch, and is when the events were queued. */
export function storageName(typeName: string, hour: number, partition: number, offset: number): string {
  const date = new Date(hour * HOUR_SECONDS * 1000).toISOString().slice(0, 13).replace('T', '-')
  return `currents/${CONNECTOR}/event_type=${typeName}/date=${date}/${SCHEMA_ID}/${CLUSTER}/${CONNECTOR}+${partition}+${offset}.avro`
}

/** One event of a type, over HTTP and in a file. What only files have is made up for the record. */
export interface StorageSample {
  readonly type: EventType
  readonly event: CurrentsEvent
  readonly record: ReturnType<typeof storageRecord>
}

/** A sample with every property for each type that storage connectors write. */
export function storageSamples(random: Random, nowSeconds: number): StorageSample[] {
  return eventTypes
    .filter((type) => type.inStorage)
    .map((type) => {
      const scene = sampleScene({ random, nowSeconds })
      const event = sampleIn(type, scene)
      return { type, event, record: storageRecord(type, event, scene) }
    })
}

/** The file of some records of one type. */
export function storageFile(
  type: EventType,
  records: readonly ReturnType<typeof storageRecord>[],
  options: { readonly codec?: AvroCodec; readonly recordsPerBlock?: number } = {},
): Buffer {
  return new AvroFileWriter(type, options.codec).file(records, options.recordsPerBlock)
}

export interface BulkOptions {
  readonly folder: string
  readonly seed: number
  /** At least as many events are written: files are whole. */
  readonly events: number
  /** Default 15,000, as Braze writes. */
  readonly eventsPerFile?: number
  /** The last hour that events happened in; Unix seconds. */
  readonly nowSeconds: number
  /** Hours before that which events happened in, too; default 6. */
  readonly hours?: number
}

export interface Bulk {
  readonly files: number
  readonly events: number
  readonly bytes: number
  /** Events by type. */
  readonly types: Readonly<Record<string, number>>
}

const BLOCK_EVENTS = 500
const EVENTS_PER_FILE = 15_000
const HOURS = 6
const USERS = 2_000

/** Writes many events fast. Ids are unique across all of them; the other values repeat. */
export async function writeBulk(options: BulkOptions): Promise<Bulk> {
  const { folder, seed, events, nowSeconds } = options
  const { eventsPerFile = EVENTS_PER_FILE, hours = HOURS } = options
  const random = seededRandom(seed)
  const world = createWorld(seed, USERS)
  const patch = createIdPatcher(seed)
  const templates = new Map<string, Template>()
  const written = { files: 0, events: 0, bytes: 0, types: {} as Record<string, number> }
  while (written.events < events) {
    const { type: typeName } = weighted(random, LOAD_MIX)
    const seconds = nowSeconds - Math.floor(random() * hours) * HOUR_SECONDS
    const key = `${typeName} ${seconds}`
    const template = templates.get(key) ?? templateOf(typeName, seconds, random, world)
    templates.set(key, template)
    const hour = Math.floor(seconds / HOUR_SECONDS)
    const path = join(folder, storageName(typeName, hour, written.files % 8, written.files))
    const blocks = Math.ceil(Math.min(eventsPerFile, events - written.events) / BLOCK_EVENTS)
    written.bytes += await writeFile(path, template, blocks, patch)
    written.files++
    written.events += blocks * BLOCK_EVENTS
    written.types[typeName] = (written.types[typeName] ?? 0) + blocks * BLOCK_EVENTS
  }
  return written
}

interface Template {
  readonly header: Buffer
  /** One encoded block, and where its ids are. */
  readonly body: Buffer
  readonly idPositions: Uint32Array
}

function templateOf(typeName: string, nowSeconds: number, random: Random, world: World): Template {
  const type = eventType(typeName)
  if (type === undefined) throw new RangeError(`The mix names an unknown type: ${typeName}`)
  const writer = new AvroFileWriter(type)
  const records = Array.from({ length: BLOCK_EVENTS }, () => {
    const scene = sceneOf(random, world, nowSeconds)
    return writer.record(storageRecord(type, eventOf(type, scene, scene.user), scene))
  })
  const body = writer.block(records)
  // The id is the first field of every record: a length of one byte, then 36 characters.
  let at = body.length - 16 - records.reduce((sum, record) => sum + record.length, 0)
  const idPositions = Uint32Array.from(records, (record) => {
    const position = at + 1
    at += record.length
    return position
  })
  return { header: writer.header(), body, idPositions }
}

function sceneOf(random: Random, world: World, nowSeconds: number): Scene {
  const origin = createOrigin(random, world, pick(random, ['campaign', 'canvas', 'both'] as const))
  return { random, world, user: pick(random, world.users), origin, nowSeconds, kept: new Map() }
}

async function writeFile(
  path: string,
  template: Template,
  blocks: number,
  patch: (body: Pick<Template, 'body' | 'idPositions'>) => void,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'w')
  try {
    await file.writeFile(template.header)
    for (let i = 0; i < blocks; i++) {
      patch(template)
      await file.writeFile(template.body)
    }
  } finally {
    await file.close()
  }
  return template.header.length + blocks * template.body.length
}
