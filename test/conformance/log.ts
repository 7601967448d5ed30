/** What every log must do, whoever keeps it: the contract of src/log/log.ts as tests. An implementation runs it from a test file of its own. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Log, Retention } from '../../src/log/log.ts'
import {
  appendFrame,
  appendPatiently,
  identityOf,
  readAll,
  recordsOf,
  textFrame,
} from '../support/log-frames.ts'

export interface LogUnderTest {
  readonly log: Log
  /** After this many bytes of appended frames, retention can free some of them and keep others. */
  readonly severalUnitsBytes: number
  cleanUp(): Promise<void>
}

const KEEP_ALL: Retention = {
  ageMsMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  despiteReaders: false,
  nowMs: 0,
}

/** `open` gives a new, empty log each time. */
export function logConformance(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`log contract: ${name}`, () => {
    let opened: LogUnderTest
    let log: Log

    beforeEach(async () => {
      opened = await open()
      log = opened.log
    })
    afterEach(() => opened.cleanUp())

    describe('append and read', () => {
      test('numbers records in call order and gives them back in that order', async () => {
        const appended = [
          appendFrame(log, textFrame('a', 'b')),
          appendFrame(log, textFrame('c')),
          appendFrame(log, textFrame('d', 'e', 'f')),
        ]
        expect(await Promise.all(appended)).toEqual([0, 2, 3])
        expect(log.head).toBe(6)
        expect((await readAll(log)).records.map(({ text }) => text).join('')).toBe('abcdef')
      })

      test('resolves appends in their order', async () => {
        const order: number[] = []
        const appended = Array.from({ length: 20 }, async (_, i) => {
          await appendFrame(log, textFrame(`r${i}`))
          order.push(i)
        })
        await Promise.all(appended)
        expect(order).toEqual([...order].sort((a, b) => a - b))
      })

      test('shows nobody a record before it is durable', async () => {
        const appended = appendFrame(log, textFrame('a'))
        expect(log.head).toBe(0)
        expect(await log.read(0, 1000)).toEqual({ frames: [], next: 0, gaps: [] })
        await appended
        expect(log.head).toBe(1)
      })

      test('durable() waits for what was appended before it', async () => {
        void appendFrame(log, textFrame('a'))
        void appendFrame(log, textFrame('b'))
        await log.durable()
        expect(log.head).toBe(2)
        await log.durable()
      })

      test('reads from inside a frame, and keeps to the bytes asked for', async () => {
        for (let i = 0; i < 10; i++) await appendFrame(log, textFrame(`a${i}`, 'x'.repeat(1000)))
        const run = await log.read(3, 2500)
        expect(run.frames[0]?.baseOffset).toBe(2)
        expect(recordsOf(run, 3)[0]).toEqual({ offset: 3, text: 'x'.repeat(1000) })
        expect(run.frames.length).toBe(2)
        expect(run.next).toBe(6)
        const small = await log.read(8, 1)
        expect(small.frames.length).toBe(1)
      })

      test('gives the same records to many readers at different places', async () => {
        const texts = Array.from({ length: 200 }, (_, i) => `record ${i}`)
        for (let i = 0; i < 200; i += 10) await appendFrame(log, textFrame(...texts.slice(i, i + 10)))
        const readers = Array.from({ length: 8 }, (_, i) => readAll(log, i * 23, 1000 + i * 500))
        for (const [i, { records, gaps }] of (await Promise.all(readers)).entries()) {
          expect(records.map(({ text }) => text)).toEqual(texts.slice(i * 23))
          expect(gaps).toEqual([])
        }
      })

      test('keeps the bytes and rows of a frame exactly', async () => {
        const text = '{"id":"\u00fc\u{1f600}"}'
        await appendFrame(log, {
          source: 9,
          receivedAt: 1234.5,
          records: [{ text, id: [1, 2, 3, 0xffffffff] }],
        })
        const frame = (await log.read(0, 1000)).frames[0]
        expect(frame?.source).toBe(9)
        expect(frame?.receivedAt).toBe(1234.5)
        expect(frame?.types).toEqual(['sample'])
        expect(frame?.rowId(0, 3)).toBe(0xffffffff)
        expect(frame?.bytes.toString('utf8', frame.rowStart(0), frame.rowEnd(0))).toBe(text)
      })

      test('refuses to read beyond the head', async () => {
        await expect(async () => log.read(1, 1000)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
      })

      test('takes back a released buffer, and refuses what is not its own or not sealed', () => {
        const buffer = log.lease(100)
        expect(buffer.length).toBeGreaterThanOrEqual(100)
        expect(() => log.append(buffer.fill(0), 96)).toThrow(TypeError)
        log.release(buffer)
        expect(() => log.release(buffer)).toThrow(TypeError)
        expect(() => log.append(Buffer.alloc(100), 96)).toThrow(TypeError)
      })
    })

    describe('beyond', () => {
      test('resolves when the head has passed the offset, not before', async () => {
        let passed = false
        const waiting = log.beyond(1, new AbortController().signal).then(() => {
          passed = true
        })
        await appendFrame(log, textFrame('a'))
        await new Promise((resolve) => setImmediate(resolve))
        expect(passed).toBe(false)
        await appendFrame(log, textFrame('b'))
        await waiting
        await log.beyond(0, new AbortController().signal)
      })

      test('resolves when the signal is aborted, before or later', async () => {
        await log.beyond(5, AbortSignal.abort())
        const controller = new AbortController()
        const waiting = log.beyond(5, controller.signal)
        controller.abort()
        await waiting
      })
    })

    describe('find and offsetAt', () => {
      test('finds every record with an identity, and none without', async () => {
        for (let i = 0; i < 30; i++) {
          await appendFrame(log, { records: [{ text: `${i}`, id: identityOf(i % 10) }, { text: 'no id' }] })
        }
        expect(await log.find(identityOf(3))).toEqual([6, 26, 46])
        expect(await log.find(identityOf(99))).toEqual([])
        expect(await log.find([0, 0, 0, 0])).toEqual([])
      })

      test('does not find what was quarantined', async () => {
        const id = identityOf(1)
        await appendFrame(log, {
          records: [
            { text: 'bad', id, quarantined: true },
            { text: 'good', id },
          ],
        })
        expect(await log.find(id)).toEqual([1])
      })

      test('finds an identity of all zeros', async () => {
        await appendFrame(log, { records: [{ text: 'a' }, { text: 'b', id: [0, 0, 0, 0] }] })
        expect(await log.find([0, 0, 0, 0])).toEqual([1])
      })

      test('offsetAt is the first record received at or after a time, although times are not in order', async () => {
        for (const receivedAt of [100, 300, 200, 300, 400]) {
          await appendFrame(log, { receivedAt, records: [{ text: 'a' }, { text: 'b' }] })
        }
        const offsets = await Promise.all([0, 100, 101, 300, 301, 400, 401].map((time) => log.offsetAt(time)))
        expect(offsets).toEqual([0, 0, 2, 2, 8, 8, 10])
      })
    })

    describe('count', () => {
      test('counts the records of some sources between any two offsets', async () => {
        // Frames of 1 to 5 records by the sources 0, 1, 2 in turn.
        const sources: number[] = []
        for (let i = 0; i < 40; i++) {
          const texts = Array.from({ length: 1 + (i % 5) }, (_, k) => `${i}-${k}`)
          await appendFrame(log, { source: i % 3, records: texts.map((text) => ({ text })) })
          for (const _ of texts) sources.push(i % 3)
        }
        for (const wanted of [new Set([0]), new Set([1, 2]), new Set<number>()]) {
          for (let from = 0; from <= log.head; from += 7) {
            for (let to = from; to <= log.head; to += 5) {
              const expected = sources.slice(from, to).filter((source) => wanted.has(source)).length
              expect(await log.count(wanted, from, to)).toBe(expected)
            }
          }
        }
      })

      test('over all that retention left', async () => {
        const text = 'x'.repeat(4000)
        for (let bytes = 0, i = 0; bytes < opened.severalUnitsBytes; bytes += text.length, i++)
          await appendPatiently(log, { source: i % 2, records: [{ text }] })
        const odd = (from: number): number => Math.floor(log.head / 2) - Math.floor(from / 2)
        expect(await log.count(new Set([1]), 0, log.head)).toBe(odd(0))
        await log.retain({ ...KEEP_ALL, bytesMax: log.stats().bytes - 1 })
        expect(log.tail).toBeGreaterThan(0)
        for (let asked = 0; asked < 2; asked++)
          expect(await log.count(new Set([1]), log.tail, log.head)).toBe(odd(log.tail))
      })
    })

    describe('retention', () => {
      async function fill(): Promise<void> {
        const text = 'x'.repeat(4000)
        for (let bytes = 0, i = 0; bytes < opened.severalUnitsBytes; bytes += text.length, i++) {
          await appendPatiently(log, { receivedAt: i, records: [{ text, id: identityOf(i) }] })
        }
      }

      test('keeps everything within the rule', async () => {
        await fill()
        expect(await log.retain(KEEP_ALL)).toEqual({ segments: 0, records: 0, heldBy: [] })
        expect(log.tail).toBe(0)
      })

      test('frees the oldest past the size rule, and only those', async () => {
        await fill()
        const head = log.head
        const trimmed = await log.retain({ ...KEEP_ALL, bytesMax: log.stats().bytes - 1 })
        expect(trimmed.records).toBeGreaterThan(0)
        expect(log.tail).toBe(trimmed.records)
        expect(log.head).toBe(head)
        expect((await readAll(log)).records.map(({ offset }) => offset)[0]).toBe(log.tail)
        await expect(async () => log.read(log.tail - 1, 1000)).rejects.toMatchObject({ code: 'LOG_TRIMMED' })
        expect(await log.find(identityOf(0))).toEqual([])
        expect(await log.find(identityOf(head - 1))).toEqual([head - 1])
        expect(await log.offsetAt(0)).toBe(log.tail)
      })

      test('frees what is older than the age rule, and nothing younger', async () => {
        await fill()
        const nowMs = log.head + 10
        const ageMsMax = nowMs - Math.floor(log.head / 2)
        await log.retain({ ...KEEP_ALL, nowMs, ageMsMax })
        expect(log.tail).toBeGreaterThan(0)
        expect(log.tail).toBeLessThanOrEqual(nowMs - ageMsMax)
      })

      test('never frees everything: what is being written stays', async () => {
        await fill()
        await log.retain({ ...KEEP_ALL, bytesMax: 0, nowMs: 1e9, ageMsMax: 0 })
        expect(log.tail).toBeLessThan(log.head)
        expect((await readAll(log)).records.at(-1)?.offset).toBe(log.head - 1)
      })

      test('keeps what a named reader still needs, says who, and frees it when told despite readers', async () => {
        await fill()
        log.hold('slow', 1)
        log.hold('fast', log.head)
        const rule = { ...KEEP_ALL, bytesMax: 0 }
        expect(await log.retain(rule)).toEqual({ segments: 0, records: 0, heldBy: ['slow'] })
        log.hold('slow', Math.floor(log.head / 2))
        const { heldBy } = await log.retain(rule)
        expect(heldBy).toEqual(['slow'])
        expect(log.tail).toBeGreaterThan(0)
        expect(log.tail).toBeLessThanOrEqual(Math.floor(log.head / 2))
        const before = log.tail
        expect((await log.retain({ ...rule, despiteReaders: true })).records).toBeGreaterThan(0)
        expect(log.tail).toBeGreaterThan(before)
      })

      test('a name given up holds nothing', async () => {
        await fill()
        log.hold('gone', 0)
        log.hold('gone', Number.POSITIVE_INFINITY)
        const { heldBy, records } = await log.retain({ ...KEEP_ALL, bytesMax: 0 })
        expect(heldBy).toEqual([])
        expect(records).toBeGreaterThan(0)
      })

      test('a read under way gets its records although they are freed meanwhile', async () => {
        await fill()
        const reading = (async () => recordsOf(await log.read(0, 20_000), 0))()
        const retaining = log.retain({ ...KEEP_ALL, bytesMax: 0 })
        expect((await reading).map(({ offset }) => offset)).toEqual([0, 1, 2, 3])
        await retaining
      })
    })

    describe('close', () => {
      test('makes durable what was appended, then takes nothing', async () => {
        const appended = appendFrame(log, textFrame('a'))
        const buffer = log.lease(100)
        await Promise.all([log.close(), log.close()])
        expect(await appended).toBe(0)
        expect(log.state).toBe('closed')
        log.release(buffer)
        expect(() => appendFrame(log, textFrame('b'))).toThrow(
          expect.objectContaining({ code: 'LOG_STOPPED' }),
        )
        await expect(async () => log.read(0, 1)).rejects.toMatchObject({ code: 'LOG_STOPPED' })
      })

      test('wakes readers that wait', async () => {
        const waiting = log.beyond(0, new AbortController().signal)
        await log.close()
        await waiting
      })
    })
  })
}
