import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { appendPatiently, identityOf } from '../../test/support/log-frames.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { openDedupe } from './dedupe.ts'
import { openEmbeddedLog } from './embedded-log.ts'
import type { Dedupe } from './log.ts'

const HOUR_MS = 3_600_000
const START_MS = 1_000 * HOUR_MS

/** A door, as far as dedupe is concerned: marks numbers as ids and appends the new ones, or is refused. */
class Door {
  readonly clock = new VirtualClock(START_MS)
  readonly troubles: string[] = []
  readonly #folder: string
  readonly #memoryIdsMax: number
  readonly #windowMs: number
  log!: Awaited<ReturnType<typeof openEmbeddedLog>>
  dedupe!: Dedupe

  constructor(folder: string, memoryIdsMax: number, windowMs: number) {
    this.#folder = folder
    this.#memoryIdsMax = memoryIdsMax
    this.#windowMs = windowMs
  }

  get dedupeFolder(): string {
    return join(this.#folder, 'dedupe')
  }

  async open(): Promise<void> {
    const directory = join(this.#folder, 'log')
    this.log = await openEmbeddedLog({ directory, clock: this.clock, segmentBytes: 65_536 })
    await this.openDedupe()
  }

  async openDedupe(): Promise<void> {
    this.dedupe = await openDedupe({
      directory: this.dedupeFolder,
      clock: this.clock,
      log: this.log,
      windowMs: this.#windowMs,
      memoryIdsMax: this.#memoryIdsMax,
      onTrouble: (error) => this.troubles.push(error.message),
    })
  }

  async close(): Promise<void> {
    await this.dedupe.close()
    await this.log.close()
  }

  /** Which of the numbers were seen. With `refused`, the log did not take the frame. */
  async send(source: number, numbers: readonly number[], refused = false): Promise<boolean[]> {
    const items = Uint32Array.from(numbers.flatMap((number) => identityOf(number)))
    const skip = new Uint8Array(numbers.length)
    const seen = new Uint8Array(numbers.length)
    await this.#whenThereIsRoom(() =>
      this.dedupe.mark(source, items, numbers.length, 4, 0, this.clock.now(), skip, seen),
    )
    const fresh = numbers.filter((_, i) => seen[i] === 0)
    if (refused) this.dedupe.unmark(source, items, numbers.length, 4, 0, skip, seen)
    else if (fresh.length > 0) {
      const records = fresh.map((number) => ({ text: `${number}`, id: identityOf(number) }))
      await appendPatiently(this.log, { source, receivedAt: this.clock.now(), records })
    }
    return [...seen].map((flag) => flag === 1)
  }

  async #whenThereIsRoom(mark: () => void): Promise<void> {
    for (
      const deadline = performance.now() + 20_000;
      ;
      await new Promise((resolve) => setTimeout(resolve, 2))
    ) {
      try {
        mark()
        return
      } catch (error) {
        const full = error instanceof ThalwegError && error.code === 'LOG_FULL'
        if (!full || performance.now() > deadline) throw error
      }
    }
  }
}

async function openDoor(memoryIdsMax: number, windowMs = 8 * HOUR_MS): Promise<Door> {
  const door = new Door(await tempFolder(), memoryIdsMax, windowMs)
  await door.open()
  onTestFinished(() => door.close())
  return door
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

describe('marks', () => {
  test('an id is seen the second time, in another call or in the same one', async () => {
    const door = await openDoor(3000)
    expect(await door.send(1, [1, 2, 1, 3])).toEqual([false, false, true, false])
    expect(await door.send(1, [3, 4])).toEqual([true, false])
  })

  test('sources do not know of each other', async () => {
    const door = await openDoor(3000)
    await door.send(1, [1])
    expect(await door.send(2, [1])).toEqual([false])
    expect(await door.send(1, [1])).toEqual([true])
  })

  test('reads identities out of wider rows, and leaves skipped rows alone', async () => {
    const door = await openDoor(3000)
    const items = Uint32Array.from([9, ...identityOf(1), 9, ...identityOf(1), 9, ...identityOf(2)])
    const seen = new Uint8Array([7, 7, 7])
    const mark = (skip: number[]) =>
      door.dedupe.mark(1, items, 3, 5, 1, door.clock.now(), Uint8Array.from(skip), seen)
    expect(mark([1, 0, 1])).toBe(0)
    expect([...seen]).toEqual([0, 0, 0])
    expect(mark([0, 0, 0])).toBe(2)
    expect([...seen]).toEqual([1, 1, 0])
  })

  test('more ids in one call than are looked up together, some of them twice, some skipped', async () => {
    const door = await openDoor(3000)
    const numbers = [...range(0, 400), ...range(100, 300)]
    const items = Uint32Array.from(numbers.flatMap((number) => identityOf(number)))
    const skip = Uint8Array.from(numbers, (number) => (number % 3 === 0 ? 1 : 0))
    const seen = new Uint8Array(numbers.length).fill(7)
    const mark = () => door.dedupe.mark(1, items, numbers.length, 4, 0, door.clock.now(), skip, seen)
    const expected = numbers.map((number, i) => (number % 3 !== 0 && i >= 400 ? 1 : 0))
    expect(mark()).toBe(expected.filter((flag) => flag === 1).length)
    expect([...seen]).toEqual(expected)
    door.dedupe.unmark(1, items, numbers.length, 4, 0, skip, seen)
    expect(mark()).toBe(expected.filter((flag) => flag === 1).length)
    expect(mark()).toBe(skip.filter((flag) => flag === 0).length)
  })

  test('unmark takes back what the refused call had marked, not what was there before it', async () => {
    const door = await openDoor(3000)
    await door.send(1, [1])
    expect(await door.send(1, [1, 2, 2, 3], true)).toEqual([true, false, true, false])
    expect(await door.send(1, [1, 2, 3])).toEqual([true, false, false])
  })

  test('an id older than the window is new again, also when it lies in a run', async () => {
    const door = await openDoor(60)
    for (const spilled of [false, true]) {
      const base = spilled ? 1000 : 0
      await door.send(1, [base + 1])
      if (spilled)
        for (let i = 0; i < 4; i++) await door.send(1, range(base + 100 + i * 30, base + 130 + i * 30))
      await door.clock.advance(8 * HOUR_MS)
      expect(await door.send(1, [base + 1])).toEqual([true])
      await door.clock.advance(2000)
      expect(await door.send(1, [base + 1])).toEqual([false])
      expect(await door.send(1, [base + 1])).toEqual([true])
    }
  })

  test('refuses a call that no table can take', async () => {
    const door = await openDoor(60)
    await expect(door.send(1, range(0, 31))).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    expect(await door.send(1, range(0, 30))).not.toContain(true)
  })
})

describe('runs', () => {
  test('ids past the memory bound are found on disk, and runs are merged', async () => {
    const door = await openDoor(60)
    for (let i = 0; i < 20; i++) await door.send(1, range(i * 30, i * 30 + 30))
    await eventually('runs are merged', () => door.dedupe.stats().runs >= 1 && door.dedupe.stats().runs < 7)
    for (let i = 0; i < 20; i++) expect(await door.send(1, range(i * 30, i * 30 + 30))).not.toContain(false)
    expect(await door.send(1, range(600, 630))).not.toContain(true)
    expect(door.troubles).toEqual([])
  })

  test('a restart knows all of it, from runs and from the log', async () => {
    const door = await openDoor(60)
    for (let i = 0; i < 9; i++) await door.send(1, range(i * 28, i * 28 + 28))
    await door.close()
    await door.open()
    for (let i = 0; i < 9; i++) expect(await door.send(1, range(i * 28, i * 28 + 28))).not.toContain(false)
    expect(door.troubles).toEqual([])
  })

  test('without any run, all is read again from the log, more than memory holds', async () => {
    const door = await openDoor(60)
    for (let i = 0; i < 300; i += 25)
      await appendPatiently(door.log, frameOf(range(i, i + 25), door.clock.now()))
    await door.dedupe.close()
    await door.openDedupe()
    for (let i = 0; i < 300; i += 25) expect(await door.send(1, range(i, i + 25))).not.toContain(false)
  })

  test('what is an hour old is spilled although the table is not full, so that the log need not be kept for it', async () => {
    const door = await openDoor(60)
    await door.send(1, [1, 2, 3])
    const head = door.log.head
    expect(door.dedupe.stats().runs).toBe(0)
    const held = async () => (await door.log.retain(rule(door))).heldBy
    for (let i = 0; i < 20; i++) {
      const records = [{ text: 'x'.repeat(9000) }]
      await appendPatiently(door.log, { source: 2, receivedAt: door.clock.now(), records })
    }
    expect(await held()).toEqual(['dedupe'])
    await door.clock.advance(2 * HOUR_MS)
    await eventually('the run is written', () => door.dedupe.stats().runs === 1)
    expect(await held()).toEqual([])
    expect(door.log.tail).toBeGreaterThanOrEqual(head)
    expect(await door.send(1, [1, 2, 3, 4])).toEqual([true, true, true, false])
  })

  test('runs whose ids are all older than the window are removed, the newest excepted', async () => {
    const door = await openDoor(60)
    for (let i = 0; i < 4; i++) await door.send(1, range(i * 30, i * 30 + 30))
    await eventually('spilled', () => door.dedupe.stats().runs === 3)
    await door.clock.advance(9 * HOUR_MS)
    await eventually('old runs are gone', async () => {
      return (await readdir(door.dedupeFolder)).filter((name) => name.endsWith('.run')).length === 1
    })
  })

  test('a run that does not check out is told of and removed; its ids come back from the log', async () => {
    const door = await openDoor(60)
    for (let i = 0; i < 4; i++) await door.send(1, range(i * 30, i * 30 + 30))
    await eventually('spilled', () => door.dedupe.stats().runs === 3)
    await door.dedupe.close()
    const runs = (await readdir(door.dedupeFolder)).filter((name) => name.endsWith('.run')).sort()
    await writeFile(join(door.dedupeFolder, runs[1] ?? ''), 'nonsense')
    await door.openDedupe()
    expect(door.troubles.join()).toContain('does not check out')
    for (let i = 0; i < 4; i++) expect(await door.send(1, range(i * 30, i * 30 + 30))).not.toContain(false)
  })
})

test('a run is written only when the frames of its ids are durable', async () => {
  const folder = await tempFolder()
  const { promise: durable, resolve: nowDurable } = Promise.withResolvers<void>()
  const log = { head: 0, durable: () => durable, hold: () => undefined, async *identities() {} }
  const dedupe = await openDedupe({
    directory: folder,
    clock: new VirtualClock(START_MS),
    log,
    memoryIdsMax: 6,
  })
  onTestFinished(() => dedupe.close())
  const mark = (n: number) =>
    dedupe.mark(1, Uint32Array.from(identityOf(n)), 1, 4, 0, START_MS, new Uint8Array(1), new Uint8Array(1))
  for (let n = 0; n < 4; n++) expect(mark(n)).toBe(0)
  const files = async () => (await readdir(folder)).filter((name) => name.includes('run'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await files()).toEqual([])
  expect(mark(0)).toBe(1)
  nowDurable()
  await eventually('the run is there', async () => (await files()).length === 1)
  expect(mark(0)).toBe(1)
})

test('agrees with a simple set of ids, whatever happens', { timeout: 120_000 }, async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`dedupe model: THALWEG_TEST_SEED=${seed}`)
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        source: fc.nat(2),
        from: fc.nat(150),
        count: fc.integer({ min: 1, max: 25 }),
        refused: fc.nat(5),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 200 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), log: fc.boolean() }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 45 }), async (steps) => {
      const door = new Door(await tempFolder(), 60, 8 * HOUR_MS)
      await door.open()
      const model = new Map<string, number>()
      const isKnown = (key: string) => {
        const marked = model.get(key)
        return marked !== undefined && door.clock.now() - marked <= 8 * HOUR_MS
      }
      try {
        for (const each of steps) {
          if (each.kind === 'wait') await door.clock.advance(each.minutes * 60_000)
          else if (each.kind === 'restart') {
            await (each.log ? door.close() : door.dedupe.close())
            await (each.log ? door.open() : door.openDedupe())
          } else {
            const numbers = range(each.from, each.from + each.count)
            const seen = await door.send(each.source, numbers, each.refused === 0)
            const keys = numbers.map((number) => `${each.source}:${number}`)
            expect(seen).toEqual(keys.map(isKnown))
            // A refused send leaves no trace: what had expired counts as new with or without it.
            const fresh = keys.filter((key) => !isKnown(key))
            for (const key of fresh) if (each.refused !== 0) model.set(key, door.clock.now())
          }
        }
        expect(door.troubles).toEqual([])
      } finally {
        await door.close()
      }
    }),
    { seed, numRuns: 12, interruptAfterTimeLimit: 60_000 },
  )
})

function frameOf(numbers: readonly number[], receivedAt: number) {
  return {
    source: 1,
    receivedAt,
    records: numbers.map((number) => ({ text: `${number}`, id: identityOf(number) })),
  }
}

function rule(door: Door) {
  return { ageMsMax: Number.POSITIVE_INFINITY, bytesMax: 0, despiteReaders: false, nowMs: door.clock.now() }
}
