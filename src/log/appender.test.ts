import { describe, expect, test } from 'vitest'
import { Appender, after, type PlacedFrame, type WritableSegment } from './appender.ts'
import { FrameView } from './frame.ts'
import { NO_PREVIOUS, SEGMENT_HEADER_BYTES, Segment } from './segment.ts'

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve))

interface Write {
  readonly fd: number
  readonly position: number
  readonly bytes: number
  finish(error?: Error): void
}

/** An appender whose writes the test finishes by hand. */
function underTest() {
  const writes: Write[] = []
  const answers: string[] = []
  const appender = new Appender(
    (fd, buffers, position, done) => {
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
      writes.push({ fd, position, bytes, finish: (error) => done(error ?? null) })
    },
    (group) => void answers.push(`commit ${group.map(({ baseOffset }) => baseOffset)}`),
    (error) => {
      answers.push(`fail ${error.message}`)
      return new Error('stopped')
    },
  )
  const submit = (target: WritableSegment, baseOffset: number, position: number, bytes = 128) => {
    const slab = Buffer.alloc(bytes)
    const frame: PlacedFrame = {
      target,
      position,
      view: new FrameView(slab),
      slab,
      baseOffset,
      count: 1,
      resolve: (offset) => void answers.push(`ok ${offset}`),
      reject: (error) => void answers.push(`${error.message} ${baseOffset}`),
    }
    appender.submit(frame)
  }
  return { appender, writes, answers, submit }
}

function target(fd: number, header: boolean): WritableSegment {
  const segment = new Segment({ epoch: fd, path: `${fd}`, bytes: 1_000_000, base: 0 })
  return {
    segment,
    fd,
    header: header ? { epoch: fd, base: 0, createdAt: 0, previous: NO_PREVIOUS } : undefined,
    isNew: true,
  }
}

test('what is submitted in one turn, and while a write is under way, is written together and answered in order', async () => {
  const { writes, answers, submit, appender } = underTest()
  const segment = target(1, false)
  submit(segment, 0, 4096)
  submit(segment, 1, 4224)
  await endOfTurn()
  expect(writes).toMatchObject([{ fd: 1, position: 4096 }])
  submit(segment, 2, 4352)
  submit(segment, 3, 4480)
  await endOfTurn()
  expect(writes.length).toBe(1)
  expect(appender.waitingBytes).toBe(4 * 128)
  writes[0]?.finish()
  expect(answers).toEqual(['commit 0,1', 'ok 0', 'ok 1'])
  await endOfTurn()
  writes[1]?.finish()
  expect(answers.slice(3)).toEqual(['commit 2,3', 'ok 2', 'ok 3'])
  expect(appender.waitingBytes).toBe(0)
  expect(appender.syncs).toBe(2)
})

test('writes end at a page, but not behind the segment', async () => {
  const { writes, submit } = underTest()
  const segment = target(1, false)
  submit(segment, 0, 4096, 1000)
  await endOfTurn()
  expect(writes[0]?.bytes).toBe(4096)
  writes[0]?.finish()
  submit(segment, 1, 1_000_000 - 1000, 1000)
  await endOfTurn()
  expect(writes[1]?.bytes).toBe(1000)
})

test('a new segment begins after the old one is durable, with its header in front, once', async () => {
  const { writes, answers, submit } = underTest()
  const [old, next] = [target(1, false), target(2, true)]
  submit(old, 0, 8192)
  submit(next, 1, SEGMENT_HEADER_BYTES)
  await endOfTurn()
  expect(writes).toMatchObject([{ fd: 1, position: 8192 }])
  writes[0]?.finish()
  await endOfTurn()
  expect(writes[1]).toMatchObject({ fd: 2, position: 0, bytes: SEGMENT_HEADER_BYTES + 4096 })
  writes[1]?.finish()
  submit(next, 2, SEGMENT_HEADER_BYTES + 128)
  await endOfTurn()
  expect(writes[2]?.position).toBe(SEGMENT_HEADER_BYTES + 128)
  expect(answers).toEqual(['commit 0', 'ok 0', 'commit 1', 'ok 1'])
})

test('a group has at most 512 frames and about 8 MB', async () => {
  const { writes, submit } = underTest()
  const segment = target(1, false)
  for (let i = 0; i < 600; i++) submit(segment, i, 4096 + i * 128)
  await endOfTurn()
  expect(Math.floor((writes[0]?.bytes ?? 0) / 4096)).toBe((512 * 128) / 4096)
  writes[0]?.finish()
  await endOfTurn()
  writes[1]?.finish()
  for (let i = 0; i < 3; i++) submit(segment, i, 4096 + i * 3_000_000, 3_000_000)
  await endOfTurn()
  expect(writes[2]?.bytes).toBeLessThan(2 * 3_000_000 + 4096)
  expect(writes[2]?.bytes).toBeGreaterThanOrEqual(2 * 3_000_000)
})

test('after a failed write all that waits is rejected, and nothing more is written', async () => {
  const { writes, answers, submit, appender } = underTest()
  const segment = target(1, false)
  submit(segment, 0, 4096)
  await endOfTurn()
  submit(segment, 1, 4224)
  writes[0]?.finish(new Error('i/o error'))
  await endOfTurn()
  expect(answers).toEqual(['fail i/o error', 'stopped 0', 'stopped 1'])
  expect(writes.length).toBe(1)
  expect(appender.waitingBytes).toBe(0)
})

describe('what is left after a short write', () => {
  const buffers = [Buffer.from('abc'), Buffer.from('de'), Buffer.from('f')]
  const cases = [
    [0, 'abc,de,f'],
    [2, 'c,de,f'],
    [3, 'de,f'],
    [4, 'e,f'],
    [5, 'f'],
    [6, ''],
  ] as const
  for (const [bytes, left] of cases) {
    test(`of ${bytes} bytes`, () => {
      expect(after(buffers, bytes).map(String).join()).toBe(left)
    })
  }
})
