import { expect, test } from 'vitest'
import { type SubjectIdentifier, Traces } from '../core/traces.ts'
import { absenceOf, BODY_START, FrameView, frameBytesFor, ROW_HAS_ID, sealFrame } from '../log/frame.ts'
import { markBytes, markOf } from '../sources/files/frame-mark.ts'
import { eraseInFrame } from './frames.ts'

const WHO: readonly SubjectIdentifier[] = [{ kind: 'external_id', label: '', value: 'person-to-forget' }]
const THEIRS = '{"id":"1","user":{"external_user_id":"person-to-forget"}}'
const MENTION = '{"id":"2","note":"a friend of person-to-forget"}'
const OTHER = '{"id":"3","user":{"external_user_id":"person-to-forget-2"}}'

/** A frame of a body, in which these texts are the records. */
function frameOf(body: string, records: readonly string[]): FrameView {
  const bytes = Buffer.from(body)
  const buffer = Buffer.alloc(frameBytesFor(bytes.length, ['t'], records.length))
  bytes.copy(buffer, BODY_START)
  const parts = { source: 1, receivedAt: 5, bodyBytes: bytes.length, types: ['t'], count: records.length }
  let from = 0
  const length = sealFrame(buffer, parts, (i, rows) => {
    const record = records[i] ?? ''
    const start = BODY_START + body.indexOf(record, from)
    from = start - BODY_START + record.length
    rows.write(i, start, start + record.length, 1, 2, 3, i, 99, 0, ROW_HAS_ID, 0)
  })
  return new FrameView(buffer.subarray(0, length))
}

const textOf = (frame: FrameView, i: number): string =>
  frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i))

test('records of theirs are blanked, mentions blotted out, others and all places kept', () => {
  const frame = frameOf(`{"events":[${[THEIRS, MENTION, OTHER].join(',')}]}`, [THEIRS, MENTION, OTHER])
  const before = Buffer.from(frame.bytes)
  const tally = { theirs: 0, mentions: 0 }
  const told: string[] = []
  const edited = eraseInFrame(frame, new Traces(WHO), tally, (record) => told.push(record.toString()))
  expect(edited).toBe(frame.bytes)
  expect([tally, told]).toEqual([{ theirs: 1, mentions: 1 }, [THEIRS]])
  expect(textOf(frame, 0)).toBe('{"erased":true}'.padEnd(THEIRS.length))
  expect(textOf(frame, 1)).toBe(MENTION.replace('person-to-forget', '*'.repeat(16)))
  expect(textOf(frame, 2)).toBe(OTHER)
  expect([0, 1, 2].map((i) => absenceOf(frame.rowFlags(i)))).toEqual(['erased', undefined, undefined])
  expect([frame.rowId(0, 0), frame.rowId(0, 3), frame.rowPerson(0), frame.rowPerson(1)]).toEqual([
    1, 0, 0, 99,
  ])
  expect(frame.bytes.subarray(12, 64)).toEqual(before.subarray(12, 64))
  expect(eraseInFrame(frame, new Traces(WHO), tally)).toBeUndefined()
  expect(tally).toEqual({ theirs: 1, mentions: 1 })
})

test('a repeat that has no row, and the envelope, are blanked; the mark of an import stays', () => {
  const repeat = frameOf(`{"sent_by":"person-to-forget","events":[${OTHER},${THEIRS}]}`, [OTHER])
  eraseInFrame(repeat, new Traces(WHO), { theirs: 0, mentions: 0 })
  const text = repeat.bytes.toString('utf8', BODY_START, BODY_START + repeat.bodyBytes)
  expect(text.trim()).toBe(OTHER)

  const name = 'lists/person-to-forget/1.json'
  const before = { read: 0, duplicates: 0, quarantined: 0 }
  const mark = { id: 7, name, from: { at: 0, record: 0 }, to: { at: 9, record: 1 }, read: 1, before }
  const file = frameOf(`${markBytes(mark)}[${OTHER}]}`, [OTHER])
  eraseInFrame(file, new Traces(WHO), { theirs: 0, mentions: 0 })
  expect(markOf(file)).toEqual({ ...mark, name: `lists/${'*'.repeat(16)}/1.json` })
})

test('a record too short for a word stays an object, and one that is no JSON is blanked', () => {
  const who = new Traces([{ kind: 'external_id', label: '', value: 'abcdefg' }])
  const records = ['["abcdefg"]', 'abcdefg!', '{"n":1}']
  const frame = frameOf(records.join(','), records)
  eraseInFrame(frame, who, { theirs: 0, mentions: 0 })
  expect([0, 1, 2].map((i) => textOf(frame, i).trim())).toEqual(['{}', '{}', '{"n":1}'])
})
