/** Reads a file as an import's thread does, without the thread. */

import { tempFolder } from '../../../test/support/temp.ts'
import { createKernel } from '../../core/kernel/create.ts'
import { ITEM_END, ITEM_FAULT, ITEM_FAULTS, ITEM_START, ITEM_WORDS } from '../../core/kernel/kernel.ts'
import { openPlace } from '../../files/files.ts'
import { type Chunk, Chunks, FILE_START, type Position } from './chunks.ts'
import { readFile } from './file-reader.ts'
import type { Format } from './formats.ts'
import type { RowsSettings } from './row-settings.ts'
import type { RowSnapshot } from './row-snapshot.ts'

export interface ReadBack {
  readonly events: Record<string, unknown>[]
  readonly notes: {
    at: number
    record: number
    problem: string
    message: string
    bytes: number
    text?: string
  }[]
  /** Text of each event, as it lies in the log. */
  readonly texts: string[]
  readonly hours: number[]
  readonly chunks: { from: Position; to: Position; count: number; passed: number }[]
}

export interface ReadOptions {
  readonly name?: string
  readonly format?: Format
  readonly from?: Position
  readonly itemsMax?: number
  readonly rows?: RowsSettings
  readonly snapshot?: RowSnapshot
}

export const kernel = createKernel({
  bodyBytesMax: 64 * 1024 * 1024,
  itemsMax: 1_000_000,
  key: Buffer.alloc(16),
})

/** What a reader makes of some bytes. Rejects with FILES_DAMAGED when nothing can be read. */
export async function readBytes(bytes: Uint8Array, options: ReadOptions = {}): Promise<ReadBack> {
  const { name = 'file', format = 'auto', from = FILE_START, itemsMax, rows, snapshot } = options
  const place = openPlace({ kind: 'folder', path: await tempFolder() })
  const { version } = await place.write(name, bytes)
  const back: ReadBack = { events: [], notes: [], texts: [], hours: [], chunks: [] }
  const chunks = new Chunks({
    kernel,
    file: name,
    from,
    ...(itemsMax === undefined ? {} : { itemsMax }),
    send: async (chunk) => {
      add(chunk, back)
      return chunk.bytes
    },
  })
  await readFile(
    place,
    { name, version, format, from, ...(rows === undefined ? {} : { rows }) },
    chunks,
    snapshot,
  )
  return back
}

function add({ bytes, length, items, hours, count, passed, from, to }: Chunk, back: ReadBack): void {
  const text = Buffer.from(bytes, 0, length)
  // The whole of it is what stands in a frame.
  JSON.parse(text.toString())
  back.chunks.push({ from, to, count, passed })
  for (let i = 0; i < count; i++) {
    const row = items.subarray(i * ITEM_WORDS)
    const item = text.toString('utf8', row[ITEM_START], row[ITEM_END])
    if (row[ITEM_FAULT] !== 0) {
      const note = JSON.parse(item)
      if (note.problem !== ITEM_FAULTS[row[ITEM_FAULT] ?? 0]) throw new Error(`a note says ${note.problem}`)
      back.notes.push(note)
    } else {
      back.texts.push(item)
      back.events.push(JSON.parse(item))
      back.hours.push(hours[i] ?? 0)
    }
  }
}
