import { expect, test } from 'vitest'
import { appendPatiently } from '../../test/support/log-frames.ts'
import { systemClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import { openTestLog, testSeed } from '../delivery/delivery.fixture.ts'
import { newestRecords } from '../delivery/newest.ts'
import type { Log } from '../log/log.ts'
import { recentBatches, recentEvents } from './recent.ts'

const FRAMES = 40

/** Frames of 1 to 900 records, so that most of them straddle the stretches; sources 1 to 3. */
async function filled(random: () => number): Promise<{ log: Log; sizes: number[] }> {
  const log = await openTestLog(systemClock)
  const sizes = Array.from({ length: FRAMES }, () => 1 + Math.floor(random() ** 3 * 900))
  let n = 0
  for (const [i, size] of sizes.entries()) {
    const records = Array.from({ length: size }, () => ({ text: `{"n":${n++}}` }))
    await appendPatiently(log, { source: 1 + (i % 3), records })
  }
  return { log, sizes }
}

test('the log read backwards gives each record once, newest first, however it is paged', async () => {
  const random = seededRandom(testSeed('the log read backwards'))
  const { log, sizes } = await filled(random)
  const all = Array.from({ length: log.head }, (_, i) => log.head - 1 - i)

  const from = Math.floor(random() * log.head)
  const before = from + Math.floor(random() * (log.head - from))
  const read: number[] = []
  for await (const { items } of newestRecords(log, { from, before }))
    read.push(...items.map(({ offset }) => offset))
  expect(read).toEqual(all.filter((offset) => offset >= from && offset < before))

  for (const limit of [1_000, 97]) {
    const paged: string[] = []
    let place: number | undefined
    do {
      const { items, next } = await recentEvents(log, { before: place, limit }, () => true)
      expect(items.length).toBeLessThanOrEqual(limit)
      paged.push(...items.map(({ bytes }) => bytes.toString()))
      place = next
    } while (place !== undefined)
    expect(paged).toEqual(all.map((n) => `{"n":${n}}`))
  }

  const counts: number[] = []
  let place: number | undefined
  do {
    const { items, next } = await recentBatches(log, { before: place, limit: 7 }, (source) => source !== 2)
    counts.push(...items.map(({ records }) => records))
    place = next
  } while (place !== undefined)
  expect(counts).toEqual(sizes.filter((_, i) => i % 3 !== 1).reverse())
})
