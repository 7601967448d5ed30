/** Avro files from a folder into the synced log: decoding, kernel scan, dedupe and append, in a hub of its own. */

import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import avro from 'avsc'
import { writeBulk } from '../src/sandbox/storage/storage.ts'

export interface ImportLine {
  readonly state: string
  readonly run: number
  readonly ms: number
  readonly read: number
  readonly duplicates: number
  readonly quarantined: number
  readonly cpuMicros: number
  /** Of it, the main thread's: the rest is of the thread that reads and decodes, and of writes. */
  readonly mainMicros: number
  readonly rssBytesMax: number
  readonly head: number
}

export interface ImportRow {
  readonly case: string
  readonly events: number
  readonly eventsPerSecond: number
  readonly megabytesPerSecond: number
  readonly cpuMicrosPerEvent: number
  readonly mainCpuMicrosPerEvent?: number
  readonly rssMb?: number
}

const EVENTS = 2_000_000
/** Files that the yardstick reads. */
const YARDSTICK_FILES = 10
const NOW = 1_780_000_000
const SCRIPT = join(import.meta.dirname, 'import-process.ts')

/** Reads a folder to its end in a process of its own. `onLine` hears of it once a second and may give a word to kill it. */
export async function importFolder(
  folder: string,
  dataDir: string,
  onLine: (line: ImportLine) => 'kill' | undefined = () => undefined,
): Promise<ImportLine> {
  const child = spawn(process.execPath, [SCRIPT, folder, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  let last: ImportLine | undefined
  for await (const text of createInterface({ input: child.stdout })) {
    last = JSON.parse(text) as ImportLine
    if (onLine(last) === 'kill') child.kill('SIGKILL')
  }
  await gone
  if (last === undefined) throw new Error('the import said nothing')
  return last
}

export async function importFiles(rounds: number): Promise<ImportRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-files-'))
  try {
    const { bytes } = await writeBulk({ folder, seed: 1, events: EVENTS, nowSeconds: NOW })
    const rows: ImportRow[] = []
    for (let round = 0; round < rounds; round++) rows.push(await measure(folder, bytes))
    return [
      rows.toSorted((a, b) => a.cpuMicrosPerEvent - b.cpuMicrosPerEvent)[rows.length >> 1] as ImportRow,
      await yardstick(folder),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(folder: string, bytes: number): Promise<ImportRow> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-import-'))
  try {
    const { read, ms, cpuMicros, mainMicros, rssBytesMax, duplicates } = await importFolder(folder, dataDir)
    if (duplicates > 0) throw new Error(`${duplicates} duplicates in a folder of unique ids`)
    return {
      case: 'Avro files to synced log',
      events: read,
      eventsPerSecond: Math.round((read / ms) * 1000),
      megabytesPerSecond: Math.round(bytes / ms / 1000),
      cpuMicrosPerEvent: cpuMicros / read,
      mainCpuMicrosPerEvent: mainMicros / read,
      rssMb: Math.round(rssBytesMax / 1_048_576),
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** What the usual library takes for a part of the same files, with nothing done with the text: it shows how quick the machine is. */
async function yardstick(folder: string): Promise<ImportRow> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.avro'))
  const before = process.cpuUsage()
  const startedAt = performance.now()
  const read = { events: 0, bytes: 0, jsonBytes: 0 }
  for (const name of names.slice(0, YARDSTICK_FILES)) {
    const bytes = await readFile(join(folder, name))
    read.bytes += bytes.length
    for await (const record of Readable.from([bytes]).pipe(new avro.streams.BlockDecoder())) {
      read.events++
      read.jsonBytes += Buffer.byteLength(JSON.stringify(record))
    }
  }
  const ms = performance.now() - startedAt
  const { user, system } = process.cpuUsage(before)
  if (read.jsonBytes < read.bytes) throw new Error('the yardstick did not read what there is')
  return {
    case: 'avsc and JSON.stringify, one thread, no log',
    events: read.events,
    eventsPerSecond: Math.round((read.events / ms) * 1000),
    megabytesPerSecond: Math.round(read.bytes / ms / 1000),
    cpuMicrosPerEvent: (user + system) / read.events,
  }
}
