/** Avro object container files as Braze writes them: no codec unless asked for, blocks of so many records. */

import { randomBytes } from 'node:crypto'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import avro from 'avsc'
import type { EventType } from '../../catalog/catalog.ts'
import { type StorageRecord, storageSchema } from './record.ts'

const MAGIC = Buffer.from('Obj\u0001')
const SYNC_BYTES = 16

/** How a block is compressed. Braze's own files have no codec. */
export const AVRO_CODECS = {
  null: (block: Buffer): Buffer => block,
  deflate: (block: Buffer): Buffer => deflateRawSync(block),
  zstandard: (block: Buffer): Buffer => zstdCompressSync(block),
} as const
export type AvroCodec = keyof typeof AVRO_CODECS

/** Encodes the records of one event type to the parts of a file. */
export class AvroFileWriter {
  readonly #schema: object
  readonly #type: avro.Type
  readonly #codec: AvroCodec
  readonly #sync = randomBytes(SYNC_BYTES)

  constructor(type: EventType, codec: AvroCodec = 'null') {
    this.#schema = storageSchema(type)
    this.#type = avro.Type.forSchema(this.#schema as avro.Schema)
    this.#codec = codec
  }

  /** What every file begins with. */
  header(): Buffer {
    const metadata = new Map([['avro.schema', JSON.stringify(this.#schema)]])
    if (this.#codec !== 'null') metadata.set('avro.codec', this.#codec)
    return Buffer.concat([MAGIC, metadataBytes(metadata), this.#sync])
  }

  record(record: StorageRecord): Buffer {
    return this.#type.toBuffer(record)
  }

  /** Records, encoded before, as one block. */
  block(records: readonly Buffer[]): Buffer {
    const body = AVRO_CODECS[this.#codec](Buffer.concat(records))
    return Buffer.concat([long(records.length), long(body.length), body, this.#sync])
  }

  file(records: readonly StorageRecord[], recordsPerBlock = 500): Buffer {
    const encoded = records.map((record) => this.record(record))
    const blocks: Buffer[] = []
    for (let i = 0; i < encoded.length; i += recordsPerBlock)
      blocks.push(this.block(encoded.slice(i, i + recordsPerBlock)))
    return Buffer.concat([this.header(), ...blocks])
  }
}

function metadataBytes(metadata: ReadonlyMap<string, string>): Buffer {
  const parts = [long(metadata.size)]
  for (const [key, value] of metadata) parts.push(text(key), text(value))
  return Buffer.concat([...parts, long(0)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([long(bytes.length), bytes])
}

const longType = avro.Type.forSchema('long')

function long(value: number): Buffer {
  return longType.toBuffer(value)
}
