/** The thread that puts identifiers into order and brings some of them to their table with each word, until all are there. */

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { IdentifierKey } from '../profile.ts'
import { splitKey } from './key-hash.ts'
import { BETWEEN_KEYS, type LeavingJob } from './leaving.ts'

/** Rows of one statement. */
const ROWS_AT_ONCE = 64
/** The thread of the profiles writes for some milliseconds at a time. */
const BUSY_MS_MAX = 10_000

if (parentPort === null) throw new TypeError('this file runs as a thread')
const port = parentPort
const { path, keys, owners } = workerData as LeavingJob
const texts = keys.split(BETWEEN_KEYS)
const ownerOf = new Map<IdentifierKey, number>(texts.map((key, i) => [key, owners[i] as number]))
// Of each field in the order of the table: neighbours lie on one page.
const order = texts.sort()
let at = 0

const file = new DatabaseSync(path, { timeout: BUSY_MS_MAX })
// Like the commits of profiles: what did not reach the disk is read again.
file.exec('pragma synchronous = normal')
// Others see to checkpoints.
file.exec('pragma wal_autocheckpoint = 0')

/** What is there already was written since, and holds. */
const insertion = (rows: number): string =>
  `insert into profile_identifiers (field, value, profile) values ${new Array(rows).fill('(?, ?, ?)').join()} on conflict (value, field) do nothing`
const many = file.prepare(insertion(ROWS_AT_ONCE))

port.on('message', (count: number) => {
  const to = Math.min(order.length, at + count)
  file.exec('begin immediate')
  for (; at < to; at += ROWS_AT_ONCE) {
    const cells = order.slice(at, Math.min(to, at + ROWS_AT_ONCE)).flatMap((key) => {
      const [field, value] = splitKey(key)
      return [field, value, BigInt(ownerOf.get(key) as number)]
    })
    const rows = cells.length / 3
    const statement = rows === ROWS_AT_ONCE ? many : file.prepare(insertion(rows))
    statement.run(...cells)
  }
  at = to
  file.exec('commit')
  const isAll = at === order.length
  if (isAll) file.close()
  port.postMessage(isAll)
  if (isAll) port.close()
})
