/**
 * Appends to the log of argv[2] as a door does, until it is killed: marks ids, appends, prints the offset and the number of each record
 * whose frame was acknowledged. Numbers go up from argv[3].
 */

import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { openDedupe } from '../../src/log/dedupe.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import { appendFrame, identityOf } from '../support/log-frames.ts'

const directory = process.argv[2] ?? ''
const IN_FLIGHT = 8
let next = Number(process.argv[3])

const log = await openEmbeddedLog({
  directory: join(directory, 'log'),
  clock: systemClock,
  segmentBytes: 262_144,
})
const dedupe = await openDedupe({
  directory: join(directory, 'dedupe'),
  clock: systemClock,
  log,
  memoryIdsMax: 3000,
})
writeSync(1, 'ready\n')
await Promise.all(Array.from({ length: IN_FLIGHT }, send))

async function send(): Promise<never> {
  for (;;) {
    const count = 1 + (next % 5)
    const first = next
    next += count
    const numbers = Array.from({ length: count }, (_, i) => first + i)
    try {
      const offset = await accept(numbers)
      writeSync(1, numbers.map((number, i) => `${offset + i} ${number}\n`).join(''))
    } catch {
      // Full for the moment: these numbers were not accepted, so they are not printed.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

function accept(numbers: readonly number[]): Promise<number> {
  const items = Uint32Array.from(numbers.flatMap((number) => identityOf(number)))
  const skip = new Uint8Array(numbers.length)
  const seen = new Uint8Array(numbers.length)
  const now = Date.now()
  const known = dedupe.mark(1, items, numbers.length, 4, 0, now, skip, seen)
  if (known > 0) throw new Error(`${known} of ${numbers} were taken for duplicates`)
  const records = numbers.map((number) => ({
    text: `${number} `.padEnd(100 + (number % 4000), '.'),
    id: identityOf(number),
  }))
  try {
    return appendFrame(log, { receivedAt: now, records })
  } catch (error) {
    dedupe.unmark(1, items, numbers.length, 4, 0, skip, seen)
    throw error
  }
}
