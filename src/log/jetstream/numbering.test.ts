import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Label } from './message.ts'
import { Numbering } from './numbering.ts'

interface Placed {
  readonly seq: number
  readonly base: number
  readonly end: number
}

/** Numbers messages; [from, to) of what was lost. */
function numbered(
  messages: readonly { seq: number; label: Label | undefined }[],
  start = { seq: 0, offset: 0 },
) {
  const placed: Placed[] = []
  const lost: [number, number][] = []
  const contradictions: number[] = []
  const numbering = new Numbering<number>(start, {
    placed: (seq, base, end) => placed.push({ seq, base, end }),
    lost: (from, to) => lost.push([from, to]),
    contradicted: (seq) => contradictions.push(seq),
  })
  for (const { seq, label } of messages) numbering.arrive(seq, label, seq)
  return { placed, lost, contradictions, numbering }
}

function label(records: number, seq: number, offset: number): Label {
  return { kind: 'frames', records, receivedAtMax: 0, known: { seq, offset } }
}

/** A stream as hubs write it: each message knows an offset some messages back. */
const streams = fc
  .array(fc.record({ records: fc.integer({ min: 0, max: 5 }), back: fc.integer({ min: 0, max: 3 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((rows) => {
    const ends = [0]
    return rows.map(({ records, back }, i) => {
      const known = Math.max(0, i - back)
      const message = { seq: i + 1, label: label(records, known, ends[known] ?? 0) }
      ends.push((ends[i] ?? 0) + records)
      return { ...message, base: ends[i] ?? 0, end: ends[i + 1] ?? 0 }
    })
  })

test('a whole stream is numbered without holes', () => {
  fc.assert(
    fc.property(streams, (messages) => {
      const { placed, lost, contradictions } = numbered(messages)
      expect(placed).toEqual(messages.map(({ seq, base, end }) => ({ seq, base, end })))
      expect(lost).toEqual([])
      expect(contradictions).toEqual([])
    }),
  )
})

test('a stream that was trimmed in front, or lost one stretch, keeps its offsets', () => {
  fc.assert(
    fc.property(streams, fc.nat(39), fc.nat(5), (messages, from, count) => {
      const kept = messages.filter((_, i) => i < from || i >= from + count)
      const { placed, numbering } = numbered(kept)
      // Only what a label behind the loss reaches can be told; the writers' labels reach back three messages at most.
      const told = kept.some(({ seq, label: { known } }) => seq > from + count && known.seq >= from + count)
      if (!told && from < messages.length) return
      numbering.settle(messages.length)
      expect(placed).toEqual(kept.map(({ seq, base, end }) => ({ seq, base, end })))
    }),
  )
})

test('what is missing is told as soon as a label knows it', () => {
  const { placed, lost, numbering } = numbered([
    { seq: 1, label: label(2, 0, 0) },
    { seq: 3, label: label(1, 1, 2) },
  ])
  expect(placed).toEqual([{ seq: 1, base: 0, end: 2 }])
  expect(numbering.known).toEqual({ seq: 1, offset: 2 })
  numbering.arrive(4, label(1, 3, 8), 4)
  expect(lost).toEqual([[2, 7]])
  expect(placed.slice(1)).toEqual([
    { seq: 3, base: 7, end: 8 },
    { seq: 4, base: 8, end: 9 },
  ])
})

test('at the end of the stream, what nobody tells counts as nothing', () => {
  const { placed, lost, numbering } = numbered([
    { seq: 1, label: label(2, 0, 0) },
    { seq: 3, label: label(1, 1, 2) },
  ])
  numbering.settle(4)
  expect(lost).toEqual([])
  expect(placed.at(-1)).toEqual({ seq: 3, base: 2, end: 3 })
  expect(numbering.known).toEqual({ seq: 4, offset: 3 })
})

test('messages that are not ours have no records', () => {
  const { placed } = numbered([
    { seq: 1, label: label(2, 0, 0) },
    { seq: 2, label: undefined },
    { seq: 3, label: label(1, 2, 2) },
  ])
  expect(placed.map(({ base }) => base)).toEqual([0, 2, 2])
})

test('a label that knows less than we do tells that the stream is another one', () => {
  const { contradictions } = numbered([
    { seq: 1, label: label(5, 0, 0) },
    { seq: 2, label: label(1, 1, 3) },
  ])
  expect(contradictions).toEqual([2])
})
