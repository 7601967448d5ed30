import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import {
  appendFrame,
  appendPatiently,
  identityOf,
  type ReadRecord,
  readAll,
  type SampleRecord,
  textFrame,
} from '../../test/support/log-frames.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { systemClock } from '../core/clock.ts'
import { durableWrite } from './appender.ts'
import { type EmbeddedLogOptions, openEmbeddedLog } from './embedded-log.ts'
import { frameBytesFor } from './frame.ts'
import { FrameWalk } from './frame-walk.ts'
import type { FrameIdentities } from './identity-index.ts'
import type { Log } from './log.ts'
import { SEGMENT_HEADER_BYTES, segmentPath } from './segment.ts'

const SEGMENT_BYTES = 65_536

async function openLog(directory: string, options: Partial<EmbeddedLogOptions> = {}): Promise<Log> {
  const log = await openEmbeddedLog({
    directory,
    clock: systemClock,
    segmentBytes: SEGMENT_BYTES,
    ...options,
  })
  onTestFinished(() => log.close())
  return log
}

describe('bounds', () => {
  test('settings that cannot be used are named', async () => {
    for (const segmentBytes of [4096, 65_537, 2 ** 32]) {
      await expect(openLog(await tempFolder(), { segmentBytes })).rejects.toMatchObject({
        code: 'SETTINGS_INVALID',
      })
    }
  })

  test('a frame larger than a segment is refused before it is built', async () => {
    const log = await openLog(await tempFolder())
    expect(() => log.lease(log.frameBytesMax + 1)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
    const room = log.frameBytesMax - frameBytesFor(0, ['sample'], 1)
    expect(await appendPatiently(log, textFrame('x'.repeat(room)))).toBe(0)
    expect(await appendPatiently(log, textFrame('x'.repeat(room)))).toBe(1)
    expect((await readAll(log)).records.map(({ text }) => text.length)).toEqual([room, room])
  })

  test('too many bytes waiting are refused, with nothing taken, until they are durable', async () => {
    const log = await openLog(await tempFolder(), { waitingBytesMax: 10_000 })
    const appended = [
      appendFrame(log, textFrame('x'.repeat(5000))),
      appendFrame(log, textFrame('y'.repeat(4000))),
    ]
    expect(() => appendFrame(log, textFrame('z'.repeat(4000)))).toThrow(
      expect.objectContaining({ code: 'LOG_FULL' }),
    )
    expect(log.state).toBe('open')
    await Promise.all(appended)
    expect(await appendFrame(log, textFrame('z'))).toBe(2)
  })

  test('buffers are bounded: the memory tail gives way to new requests, then leasing is refused', async () => {
    const log = await openLog(await tempFolder(), { slabBytesMax: 64 * 1024 })
    for (let i = 0; i < 20; i++) await appendPatiently(log, textFrame(`${i}`.padEnd(7000, '.')))
    const leased = Array.from({ length: 8 }, () => log.lease(8192))
    expect(() => log.lease(8192)).toThrow(expect.objectContaining({ code: 'LOG_FULL' }))
    for (const buffer of leased) log.release(buffer)
    log.release(log.lease(60_000))
    expect((await readAll(log)).records.length).toBe(20)
  })

  test('a frame stays as it was for the rest of the turn in which it was read', async () => {
    const log = await openLog(await tempFolder(), { slabBytesMax: 16 * 1024, tailBytesMax: 8 * 1024 })
    await appendFrame(log, textFrame('a'.repeat(4000)))
    const run = await log.read(0, 1000)
    const before = Buffer.from(run.frames[0]?.bytes ?? [])
    const leased: Buffer[] = []
    for (let room = true; room; ) {
      try {
        leased.push(log.lease(8192).fill(0))
      } catch {
        room = false
      }
    }
    expect(run.frames[0]?.bytes.equals(before)).toBe(true)
    for (const buffer of leased) log.release(buffer)
  })
})

describe('the directory', () => {
  test('is open once at a time', async () => {
    const directory = await tempFolder()
    const log = await openLog(directory)
    await expect(openLog(directory)).rejects.toMatchObject({ code: 'LOG_LOCKED' })
    await log.close()
    await openLog(directory)
  })

  test('keeps its order over restarts, with another segment size too', async () => {
    const directory = await tempFolder()
    for (const [i, segmentBytes] of [SEGMENT_BYTES, SEGMENT_BYTES * 2, SEGMENT_BYTES].entries()) {
      const log = await openLog(directory, { segmentBytes })
      expect(log.head).toBe(i * 30)
      for (let j = 0; j < 30; j++) await appendPatiently(log, textFrame(`${i * 30 + j}`.padEnd(9000, '.')))
      await log.close()
    }
    const log = await openLog(directory)
    const { records, gaps } = await readAll(log)
    expect(gaps).toEqual([])
    expect(records.map(({ text }) => Number.parseInt(text, 10))).toEqual(
      Array.from({ length: 90 }, (_, i) => i),
    )
  })

  test('recycles the files that retention freed, and gives back what is too many', async () => {
    const directory = await tempFolder()
    const log = await openLog(directory)
    const files = async () => (await readdir(directory)).filter((name) => /segment|spare/.test(name)).length
    for (let i = 0; i < 60; i++) await appendPatiently(log, textFrame('x'.repeat(9000)))
    const before = log.stats().segments
    await log.retain({ ageMsMax: Number.POSITIVE_INFINITY, bytesMax: 0, despiteReaders: false, nowMs: 0 })
    expect(before).toBeGreaterThan(6)
    // The one in use, the next one, two spares.
    await eventually('files are given back', async () => (await files()) <= 4)
    for (let i = 0; i < 20; i++) await appendPatiently(log, textFrame(`new ${i}`.padEnd(9000, '.')))
    expect((await readAll(log)).records.slice(-20).every(({ text }, i) => text.startsWith(`new ${i}.`))).toBe(
      true,
    )
    await log.close()
    // Old frames lie behind the new ones in a recycled file: they are of another epoch and do not count.
    const gaps: unknown[] = []
    const again = await openLog(directory, { onCorrupt: (gap) => gaps.push(gap) })
    expect(again.head).toBe(log.head)
    expect(gaps).toEqual([])
  })

  test('has a side index for each sealed segment', async () => {
    const directory = await tempFolder()
    const log = await openLog(directory)
    for (let i = 0; i < 20; i++)
      await appendPatiently(log, { records: [{ text: 'x'.repeat(9000), id: identityOf(i) }] })
    await log.close()
    const indexes = (await readdir(directory)).filter((name) => name.endsWith('.ids'))
    expect(indexes.length).toBe(log.stats().segments - 1)
    expect((await readFile(join(directory, indexes[0] ?? ''))).length).toBeGreaterThan(0)
  })
})

describe('identities', () => {
  test('come per frame with source and time, from any offset, across segments and restarts', async () => {
    const directory = await tempFolder()
    let log = await openLog(directory)
    for (let i = 0; i < 40; i++) {
      const records = [{ text: 'x'.repeat(4000), id: identityOf(2 * i) }, { text: 'no id' }]
      await appendPatiently(log, { source: i % 3, receivedAt: 1000 + i, records })
    }
    for (let opening = 0; opening < 2; opening++) {
      for (const from of [0, 1, 2, 33, 79, 80]) {
        const frames: FrameIdentities[] = []
        for await (const frame of log.identities(from)) frames.push(frame)
        const first = Math.floor(from / 2)
        expect(frames.map(({ baseOffset }) => baseOffset)).toEqual(
          Array.from({ length: 40 - first }, (_, i) => 2 * (first + i)),
        )
        for (const { baseOffset, source, receivedAt, ids } of frames) {
          const i = baseOffset / 2
          expect([source, receivedAt, ...ids]).toEqual([i % 3, 1000 + i, ...identityOf(2 * i), 0, 0, 0, 0])
        }
      }
      await log.close()
      log = await openLog(directory)
    }
  })
})

test('retention does not touch a segment whose frames are still on their way to the disk', async () => {
  const held: (() => void)[] = []
  let hold = false
  const log = await openLog(await tempFolder(), {
    durableWrite: (fd, buffers, position, done) => {
      const write = () => durableWrite(fd, buffers, position, done)
      if (hold) held.push(write)
      else write()
    },
  })
  await appendFrame(log, textFrame('durable'.padEnd(9000, '.')))
  hold = true
  // Enough for the next segment: the first one is left, but not all of it is durable.
  const appended: Promise<number>[] = []
  for (let i = 0; i < 9; i++) {
    await eventually('a segment is ready', () => log.state === 'open')
    appended.push(appendPatiently(log, textFrame(`${i}`.padEnd(9000, '.'))))
  }
  await eventually('the write is under way', () => held.length > 0 && log.stats().segments === 2)
  const rule = { ageMsMax: 0, bytesMax: 0, despiteReaders: true, nowMs: 1e12 }
  expect(await log.retain(rule)).toEqual({ segments: 0, records: 0, heldBy: [] })
  hold = false
  for (const write of held) write()
  expect(await Promise.all(appended)).toEqual(Array.from({ length: 9 }, (_, i) => i + 1))
  expect((await log.retain(rule)).segments).toBe(1)
})

test('agrees with a simple list of records, whatever happens', { timeout: 120_000 }, async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`log model: THALWEG_TEST_SEED=${seed}`)
  const step = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        sizes: fc.array(fc.nat(6000), { minLength: 1, maxLength: 6 }),
        oneFrame: fc.boolean(),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        bytesMax: fc.nat(100_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('retain' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        hold: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('reopen' as const),
        tailBytesMax: fc.constantFrom(0, 20_000, 1_000_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('find' as const),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const directory = await tempFolder()
      let log = await openEmbeddedLog({
        directory,
        clock: systemClock,
        segmentBytes: SEGMENT_BYTES,
        tailBytesMax: 20_000,
      })
      const model: ReadRecord[] = []
      const place = (share: number) => log.tail + Math.floor(share * (model.length - log.tail))
      try {
        for (const each of steps) {
          if (each.kind === 'append') {
            const records = each.sizes.map((size, i) => {
              const offset = model.length + i
              return { text: `${offset}`.padEnd(size, '.'), id: identityOf(offset) }
            })
            const base = model.length
            model.push(...records.map(({ text }, i) => ({ offset: base + i, text })))
            if (each.oneFrame) expect(await appendPatiently(log, { records })).toBe(base)
            else await appendTogether(log, records)
            expect(log.head).toBe(model.length)
          } else if (each.kind === 'read') {
            const from = place(each.at)
            const { records, gaps } = await readAll(log, from, each.bytesMax)
            expect(gaps).toEqual([])
            expect(records).toEqual(model.slice(from))
          } else if (each.kind === 'retain') {
            const from = each.hold === null ? Number.POSITIVE_INFINITY : place(each.hold)
            log.hold('reader', from)
            const bytesMax = each.share * log.stats().bytes
            const before = log.tail
            const { records } = await log.retain({
              ageMsMax: Infinity,
              bytesMax,
              despiteReaders: false,
              nowMs: 0,
            })
            expect(log.tail).toBe(before + records)
            expect(log.tail).toBeLessThanOrEqual(Math.min(from, model.length))
          } else if (each.kind === 'reopen') {
            const { tail } = log
            await log.close()
            const { tailBytesMax } = each
            log = await openEmbeddedLog({
              directory,
              clock: systemClock,
              segmentBytes: SEGMENT_BYTES,
              tailBytesMax,
            })
            expect([log.tail, log.head]).toEqual([tail, model.length])
          } else if (model.length > log.tail) {
            const offset = Math.min(place(each.at), model.length - 1)
            expect(await log.find(identityOf(offset))).toEqual([offset])
          }
        }
        expect(log.stats().corrupt).toEqual([])
        expect((await readAll(log)).records).toEqual(model.slice(log.tail))
      } finally {
        await log.close()
      }
    }),
    { seed, numRuns: 120, interruptAfterTimeLimit: 60_000 },
  )
})

/** Each record in a frame of its own, without waiting for one before the next. */
async function appendTogether(log: Log, records: readonly SampleRecord[]): Promise<void> {
  const base = log.head
  const appended: Promise<number>[] = []
  for (const record of records) {
    try {
      appended.push(appendFrame(log, { records: [record] }))
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOG_FULL' })
      appended.push(Promise.resolve(await appendPatiently(log, { records: [record] })))
    }
  }
  expect(await Promise.all(appended)).toEqual(records.map((_, i) => base + i))
}

test('whatever bytes are spoiled, only the frames they lie in are missing, and exactly those are named', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`log corruption: THALWEG_TEST_SEED=${seed}`)
  const spoil = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.integer({ min: 1, max: 9000 }),
    with: fc.nat(255),
  })
  const frames = fc.array(fc.array(fc.nat(5000), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 60,
  })
  await fc.assert(
    fc.asyncProperty(frames, fc.array(spoil, { minLength: 1, maxLength: 4 }), async (sizes, spoils) => {
      const directory = await tempFolder()
      const first = await openEmbeddedLog({ directory, clock: systemClock, segmentBytes: SEGMENT_BYTES })
      const texts: string[] = []
      for (const frame of sizes) {
        const records = frame.map((size, i) => ({ text: `${texts.length + i}`.padEnd(size, '.') }))
        await appendPatiently(first, { records })
        texts.push(...records.map(({ text }) => text))
      }
      const segments = first.stats().segments
      await first.close()
      const places = await framePlaces(directory, segments)
      const spoiled = new Set<number>()
      for (const { at, bytes, with: value } of spoils) {
        const segment = 1 + Math.floor(at * segments * 0.999)
        const position =
          SEGMENT_HEADER_BYTES + Math.floor(((at * 7919) % 1) * (SEGMENT_BYTES - 9000 - SEGMENT_HEADER_BYTES))
        const changed = await overwrite(
          segmentPath(directory, segment, 'segment'),
          position,
          Buffer.alloc(bytes, value),
        )
        for (const place of places) {
          const hit =
            place.segment === segment && changed.some((byte) => byte >= place.start && byte < place.end)
          if (hit) for (let i = 0; i < place.count; i++) spoiled.add(place.base + i)
        }
      }
      const log = await openEmbeddedLog({
        directory,
        clock: systemClock,
        segmentBytes: SEGMENT_BYTES,
        tailBytesMax: 0,
      })
      try {
        const { records, gaps } = await readAll(log, log.tail)
        for (const { offset, text } of records) expect(text).toBe(texts[offset])
        const read = new Set(records.map(({ offset }) => offset))
        const named = new Set(
          gaps.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
        )
        for (const [offset] of texts.entries()) {
          // Nothing follows a spoiled end: it is taken for torn. A spoiled start is where the log now begins.
          const cutOff = offset >= log.head || offset < log.tail
          expect(read.has(offset), `offset ${offset} read`).toBe(!spoiled.has(offset))
          expect(named.has(offset), `offset ${offset} named`).toBe(spoiled.has(offset) && !cutOff)
        }
      } finally {
        await log.close()
      }
    }),
    { seed, numRuns: 80, interruptAfterTimeLimit: 60_000 },
  )
})

interface Place {
  readonly segment: number
  readonly start: number
  readonly end: number
  readonly base: number
  readonly count: number
}

async function framePlaces(directory: string, segments: number): Promise<Place[]> {
  const places: Place[] = []
  for (let segment = 1; segment <= segments; segment++) {
    const file = await open(segmentPath(directory, segment, 'segment'), 'r')
    const start = { epoch: segment, position: SEGMENT_HEADER_BYTES, offset: 0, limit: SEGMENT_BYTES }
    const walk = new FrameWalk(file, start, Buffer.alloc(SEGMENT_BYTES))
    for (let step = walk.step(); step !== 'end'; step = walk.step()) {
      if (step === 'fill') await walk.fill()
      else if (walk.frame !== undefined) {
        const { baseOffset: base, count, frameBytes } = walk.frame
        places.push({ segment, start: walk.framePosition, end: walk.framePosition + frameBytes, base, count })
      }
    }
    await file.close()
  }
  return places
}

/** Positions of the bytes that are different afterwards. */
async function overwrite(path: string, position: number, bytes: Buffer): Promise<number[]> {
  const file = await open(path, 'r+')
  const before = Buffer.alloc(bytes.length)
  await file.read(before, 0, before.length, position)
  await file.write(bytes, 0, bytes.length, position)
  await file.close()
  return [...before].flatMap((byte, i) => (byte === bytes[i] ? [] : [position + i]))
}
