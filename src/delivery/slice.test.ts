import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Limits } from '../core/batch.ts'
import { VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { createKernel } from '../core/kernel/create.ts'
import { fieldEditor } from '../currents/fields.ts'
import { Selection } from '../currents/selection.ts'
import type { Log } from '../log/log.ts'
import { StorePool } from './batch-builder.ts'
import { TypeNumbers } from './cells.ts'
import {
  accept,
  CLICK,
  OPEN,
  opens,
  openTestLog,
  type SampleEvent,
  START_MS,
  testSeed,
  textOf,
} from './delivery.fixture.ts'
import { type Slice, SliceReader, type SliceRule } from './slice.ts'

const FOREVER = new AbortController().signal
const LIMITS: Limits = { recordsMax: 100, bytesMax: 1_000_000, waitMs: 0, inFlightMax: 4 }

function ruleWith(over: Partial<SliceRule> = {}): SliceRule {
  return {
    sources: new Set([1]),
    selection: new Selection({ selection: { include: ['*'], exclude: [] }, externalId: 'optional' }),
    editor: undefined,
    limits: LIMITS,
    lanes: 1,
    connection: 'c0ffee',
    ...over,
  }
}

function readerOf(log: Log, clock: VirtualClock, rule: SliceRule, position = 0) {
  return new SliceReader(log, clock, new TypeNumbers(), new StorePool(rule.limits.recordsMax), rule, position)
}

/** All slices up to `to`, copied. */
async function slicesUpTo(reader: SliceReader, to: number): Promise<Slice[]> {
  const slices: Slice[] = []
  while (reader.position < to) {
    const slice = await reader.next(FOREVER, to)
    if (slice === undefined) throw new Error(`no slice at ${reader.position}`)
    slices.push(slice)
  }
  return slices
}

function idsOf(slice: Slice): string[] {
  return slice.parcels.flatMap(({ batch }) =>
    (JSON.parse(`[${Buffer.from(batch.joined).toString()}]`) as { id: string }[]).map(({ id }) => id),
  )
}

function filteredOf(slice: Slice): Record<string, number> {
  return Object.fromEntries([...slice.filtered].map(([reason, cells]) => [reason, cells.total()]))
}

describe('limits', () => {
  test('by count: slices of that many, the last with what is left', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    await accept(log, { events: opens(25) })
    const reader = readerOf(log, clock, ruleWith({ limits: { ...LIMITS, recordsMax: 10 } }))
    const slices = await slicesUpTo(reader, 25)
    expect(slices.map(({ from, to }) => [from, to])).toEqual([
      [0, 10],
      [10, 20],
      [20, 25],
    ])
    expect(slices.map((slice) => slice.parcels[0]?.batch.id)).toEqual([
      'c0ffee-0-9-10',
      'c0ffee-10-19-10',
      'c0ffee-20-24-5',
    ])
  })

  test('by bytes of the joined events; the first record always fits', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    const sizes = [50, 50, 300, 20, 20, 100]
    const event = (bytes: number, i: number): SampleEvent => ({
      text: JSON.stringify({ id: `${i}`, pad: '' }).replace('""', `"${'x'.repeat(bytes - 19)}"`),
    })
    await accept(log, { events: sizes.map(event) })
    const reader = readerOf(log, clock, ruleWith({ limits: { ...LIMITS, bytesMax: 101 } }))
    const slices = await slicesUpTo(reader, sizes.length)
    expect(slices.map(({ parcels }) => parcels.map(({ batch }) => batch.joined.length))).toEqual([
      [101],
      [300],
      [41],
      [100],
    ])
  })

  test('by time after the first record, on the virtual clock', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    const reader = readerOf(log, clock, ruleWith({ limits: { ...LIMITS, waitMs: 1_000 } }))
    let slice: Slice | undefined
    void reader.next(FOREVER).then((done) => {
      slice = done
    })
    await clock.advance(5_000)
    expect(slice).toBeUndefined()
    await accept(log, { events: opens(1, 'a') })
    await clock.advance(600)
    await accept(log, { events: opens(1, 'b') })
    await clock.advance(399)
    expect(slice).toBeUndefined()
    await clock.advance(1)
    expect(slice && idsOf(slice)).toEqual(['a0', 'b0'])
  })

  test('`until` bounds the last slice, also within a frame; nothing is left at it', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    await accept(log, { events: opens(10) })
    const reader = readerOf(log, clock, ruleWith())
    expect(await reader.next(FOREVER, 4)).toMatchObject({ from: 0, to: 4 })
    expect(await reader.next(FOREVER, 4)).toBeUndefined()
  })

  test('an abort ends the wait without a slice and without moving', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    const reader = readerOf(log, clock, ruleWith({ limits: { ...LIMITS, waitMs: 60_000 } }))
    await accept(log, { events: opens(3) })
    const stopping = new AbortController()
    const next = reader.next(stopping.signal)
    await clock.advance(10)
    stopping.abort()
    expect(await next).toBeUndefined()
    expect(reader.position).toBe(0)
  })
})

describe('what does not flow', () => {
  test('is counted by reason; other sources only pass by', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    const selection = new Selection({
      selection: { include: ['users.messages.email.*'], exclude: [CLICK] },
      externalId: 'required',
    })
    await accept(log, {
      events: [
        { id: 'a', type: OPEN, person: 'p' },
        { id: 'b', type: CLICK, person: 'p' },
        { id: 'c', type: OPEN },
        { text: '17', fault: 1 },
        { id: 'd', type: 'users.behaviors.app.SessionStart', person: 'p' },
      ],
    })
    await accept(log, { source: 2, events: opens(3, 'other') })
    await accept(log, { events: opens(1, 'e') })
    const [slice] = await slicesUpTo(readerOf(log, clock, ruleWith({ selection })), 9)
    expect(slice && idsOf(slice)).toEqual(['a', 'e0'])
    expect(slice?.parcels[0]?.batch.offsets).toEqual(Float64Array.of(0, 8))
    expect(slice && filteredOf(slice)).toEqual({
      type_not_selected: 2,
      no_external_user_id: 1,
      not_an_event: 1,
    })
  })

  test('moves the slice on all the same', async () => {
    const clock = new VirtualClock(START_MS)
    const log = await openTestLog(clock)
    await accept(log, { source: 2, events: opens(3) })
    const slice = await readerOf(log, clock, ruleWith()).next(FOREVER)
    expect(slice).toMatchObject({ from: 0, to: 3, parcels: [] })
  })
})

test('while the servers of the log are away it waits for them, and does not fail', async () => {
  const clock = new VirtualClock(START_MS)
  const log = await openTestLog(clock)
  await accept(log, { events: opens(3) })
  let isAway = true
  const read: Log['read'] = async (from, bytesMax) => {
    if (isAway) throw new ThalwegError('LOG_UNREACHABLE', 'no answer')
    return log.read(from, bytesMax)
  }
  const replicated = new Proxy(log, {
    get: (_, name) => (name === 'read' ? read : Reflect.get(log, name, log)),
  })
  const next = readerOf(replicated, clock, ruleWith()).next(FOREVER, 3)
  await clock.advance(10_000)
  isAway = false
  await clock.advance(10_000)
  expect(idsOf((await next) as Slice)).toHaveLength(3)
})

test('gaps of the log and what retention took are told, each record once', async () => {
  const clock = new VirtualClock(START_MS)
  const real = await openTestLog(clock)
  for (let i = 0; i < 4; i++) await accept(real, { events: opens(10, `f${i}-`) })
  const gap = { from: 20, to: 30, where: 'here' }
  const log = new Proxy(real, {
    get(target, name) {
      if (name === 'tail') return 5
      if (name !== 'read') return Reflect.get(target, name, target)
      return async (from: number, bytesMax: number) => {
        const run = await target.read(from, bytesMax)
        const frames = run.frames.filter((frame) => frame.baseOffset !== gap.from)
        return { ...run, frames, gaps: from < gap.to ? [gap] : [] }
      }
    },
  })
  const slices = await slicesUpTo(
    readerOf(log, clock, ruleWith({ limits: { ...LIMITS, recordsMax: 8 } })),
    40,
  )
  expect(slices[0]).toMatchObject({ from: 0, to: 13, trimmed: 5 })
  expect(slices.slice(1).every(({ trimmed }) => trimmed === 0)).toBe(true)
  const lost = slices.map(({ from, to, gaps }) =>
    gaps.reduce((sum, one) => sum + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)), 0),
  )
  expect(lost.reduce((a, b) => a + b, 0)).toBe(10)
  expect(slices.flatMap(idsOf)).toEqual(
    [...opens(10, 'f0-').slice(5), ...opens(10, 'f1-'), ...opens(10, 'f3-')].map(({ id }) => id),
  )
})

describe('whatever frames, glue, limits and lanes', () => {
  const sample = fc.record({
    frames: fc.array(
      fc.record({
        source: fc.constantFrom(1, 1, 1, 2),
        glue: fc.constantFrom(',', ',', ' , ', ',\n', '\n,'),
        events: fc.array(
          fc.record({
            type: fc.constantFrom(OPEN, CLICK),
            person: fc.constantFrom('ann', 'bob', 'cyd', undefined),
            pad: fc.nat(200),
          }),
          { minLength: 1, maxLength: 12 },
        ),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    recordsMax: fc.integer({ min: 1, max: 30 }),
    bytesMax: fc.integer({ min: 100, max: 5_000 }),
    lanes: fc.constantFrom(1, 1, 2, 5),
    edited: fc.boolean(),
  })

  test('slices partition the log and batches are the selected events joined by commas', async () => {
    const clock = new VirtualClock(START_MS)
    const kernel = createKernel({ bodyBytesMax: 1_000_000, itemsMax: 1_000, key: new Uint8Array(16) })
    const editor = fieldEditor({ removed: 'remove' }, kernel)
    const log = await openTestLog(clock)
    await fc.assert(
      fc.asyncProperty(sample, async ({ frames, recordsMax, bytesMax, lanes, edited }) => {
        const begin = log.head
        const expected: { offset: number; text: string; person: string | undefined }[] = []
        for (const { source, glue, events } of frames) {
          const made = events.map(({ type, person, pad }, i) => {
            const text = JSON.stringify({
              id: `${i}`,
              event_type: type,
              user: { removed: 'me' },
              pad: 'x'.repeat(pad),
            })
            return { text, type, ...(person === undefined ? {} : { person }) }
          })
          const base = await accept(log, { source, glue, events: made })
          made.forEach(({ text, type, person }, i) => {
            if (source === 1 && type === OPEN)
              expected.push({
                offset: base + i,
                text: edited ? text.replace('"me"', '"[REDACTED]"') : text,
                person,
              })
          })
        }
        const rule = ruleWith({
          selection: new Selection({ selection: { include: [OPEN], exclude: [] }, externalId: 'optional' }),
          limits: { ...LIMITS, recordsMax, bytesMax },
          lanes,
          editor: edited ? editor : undefined,
        })
        const reader = readerOf(log, clock, rule, begin)
        const slices = await slicesUpTo(reader, log.head)

        let at = begin
        for (const { from, to } of slices) {
          expect(from).toBe(at)
          expect(to).toBeGreaterThan(from)
          at = to
        }
        expect(at).toBe(log.head)
        const seen: number[] = []
        for (const { parcels, from, to } of slices) {
          expect(parcels.length).toBeLessThanOrEqual(lanes)
          for (const { batch } of parcels) {
            const { offsets } = batch
            const records = Array.from(offsets, (offset) => expected.find((one) => one.offset === offset))
            expect(Buffer.from(batch.joined).toString()).toBe(records.map((one) => one?.text).join(','))
            records.forEach((one, i) => {
              expect(Buffer.from(batch.joined.subarray(batch.starts[i], batch.ends[i])).toString()).toBe(
                one?.text,
              )
            })
            expect(batch.count).toBeLessThanOrEqual(recordsMax)
            if (batch.count > 1) expect(batch.joined.length).toBeLessThanOrEqual(bytesMax)
            expect(offsets.every((offset) => offset >= from && offset < to)).toBe(true)
            expect([...offsets]).toEqual([...offsets].sort((a, b) => a - b))
            seen.push(...offsets)
          }
          const lanesOf = new Map<string | undefined, Set<number>>()
          parcels.forEach(({ batch: { offsets } }, lane) => {
            for (const offset of offsets) {
              const person = expected.find((one) => one.offset === offset)?.person
              lanesOf.set(person, (lanesOf.get(person) ?? new Set()).add(lane))
            }
          })
          for (const used of lanesOf.values()) expect(used.size).toBe(1)
        }
        expect(seen.sort((a, b) => a - b)).toEqual(expected.map(({ offset }) => offset))
      }),
      { seed: testSeed('slices'), numRuns: 60 },
    )
  })
})

test('the texts of the fixture are what the log keeps', async () => {
  const clock = new VirtualClock(START_MS)
  const log = await openTestLog(clock)
  const events = opens(3)
  await accept(log, { events, glue: ' ,' })
  const [slice] = await slicesUpTo(readerOf(log, clock, ruleWith()), 3)
  expect(Buffer.from(slice?.parcels[0]?.batch.joined ?? []).toString()).toBe(events.map(textOf).join(','))
})
