import { expect, test } from 'vitest'
import { BODY_START, frameBytesFor, sealFrame, stampFrame } from '../frame.ts'
import { decodeLabel, encodeLabel, framesOf, type Label, type Message } from './message.ts'

const LABEL: Label = { kind: 'frames', records: 3, receivedAtMax: 7.5, known: { seq: 12, offset: 340 } }

function frame(...texts: string[]): Buffer {
  const body = Buffer.from(texts.join(''))
  const buffer = Buffer.alloc(frameBytesFor(body.length, ['t'], texts.length))
  body.copy(buffer, BODY_START)
  const parts = { source: 1, receivedAt: 7.5, bodyBytes: body.length, types: ['t'], count: texts.length }
  let at = BODY_START
  sealFrame(buffer, parts, (i, rows) => {
    const end = at + (texts[i]?.length ?? 0)
    rows.write(i, at, end, 0, 0, 0, 0, 0, 0, 0, 0)
    at = end
  })
  stampFrame(buffer, 0, 0)
  return buffer
}

function message(bytes: Buffer, label: Label | undefined = LABEL): Message {
  return { seq: 13, id: 'a-1', label, bytes, size: bytes.length }
}

test('a label says the same after its way', () => {
  expect(decodeLabel(encodeLabel(LABEL))).toEqual(LABEL)
})

test.each([
  '',
  '2 frames 1 0 0 0',
  '1 other 1 0 0 0',
  '1 frames 1 0 0',
  '1 frames -1 0 0 0',
  '1 frames 1 NaN 0 0',
  '1 frames 1.5 0 0 0',
])('%j is no label', (text) => {
  expect(decodeLabel(text)).toBeUndefined()
})

test('frames lie one behind the other, and get their offsets', () => {
  const frames = framesOf(message(Buffer.concat([frame('a', 'b'), frame('c')])), 340)
  expect(frames?.map(({ baseOffset, count }) => [baseOffset, count])).toEqual([
    [340, 2],
    [342, 1],
  ])
  expect(frames?.[1]?.rows.length).toBe(8)
})

const whole = Buffer.concat([frame('a', 'b'), frame('c')])

test.each([
  ['cut short', message(whole.subarray(0, whole.length - 8))],
  ['another count than its label says', message(frame('a', 'b'))],
  ['not frames', message(Buffer.from('x'.repeat(100)))],
  ['a byte changed', message(Buffer.from(whole).fill(0x7a, BODY_START, BODY_START + 1))],
  ['without a label', { ...message(whole), label: undefined }],
])('%s: none', (_, broken) => {
  expect(framesOf(broken, 0)).toBeUndefined()
})
