/**
 * By hand: a large folder of Avro files is generated, imported with kills on the way, counted, and imported once more. Takes minutes.
 * Run: node bench/import-large.ts [gigabytes] [kills]. Needs three times the size on the disk of TMPDIR.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeBulk } from '../src/sandbox/storage/storage.ts'
import { importFolder } from './import.ts'

const GB = Number(process.argv[2] ?? 5)
const KILLS = Number(process.argv[3] ?? 3)
const EVENT_BYTES = 480
const NOW = 1_780_000_000

const root = await mkdtemp(join(tmpdir(), 'thalweg-large-'))
const [folder, dataDir] = [join(root, 'files'), join(root, 'data')]
try {
  const startedAt = performance.now()
  const made = await writeBulk({ folder, seed: 1, events: (GB * 1e9) / EVENT_BYTES, nowSeconds: NOW })
  say(`generated ${made.bytes / 1e9} GB, ${made.events} events in ${made.files} files`, startedAt)
  let rssMax = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    const at = (made.events * kill) / (KILLS + 1)
    const line = await importFolder(folder, dataDir, ({ read }) => (read >= at ? 'kill' : undefined))
    rssMax = Math.max(rssMax, line.rssBytesMax)
    say(`killed at ${line.read} events, ${Math.round(line.rssBytesMax / 1_048_576)} MB at most`, startedAt)
  }
  const end = await importFolder(folder, dataDir)
  rssMax = Math.max(rssMax, end.rssBytesMax)
  say(`ended: ${JSON.stringify(end)}`, startedAt)
  const again = await importFolder(folder, dataDir)
  say(`the same folder again: ${again.read} read, head ${again.head}`, startedAt)
  const exact = end.read === made.events && end.duplicates === 0 && end.head === made.events
  const nothing = again.read === 0 && again.head === made.events
  console.log({ exact, nothing, rssMb: Math.round(rssMax / 1_048_576) })
  if (!exact || !nothing) process.exitCode = 1
} finally {
  await rm(root, { recursive: true, force: true })
}

function say(what: string, startedAt: number): void {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${what}`)
}
