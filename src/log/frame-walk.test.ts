import { expect, test } from 'vitest'
import { BODY_START, FRAME_MAGIC, frameBytesFor, ROW_HAS_ID, sealFrame, stampFrame } from './frame.ts'
import { FrameWalk, type ReadAt } from './frame-walk.ts'

const EPOCH = 3

/** Frames of one record with a body of so many bytes. */
function frames(bodies: readonly number[], epoch = EPOCH): Buffer {
  return Buffer.concat(
    bodies.map((bodyBytes, i) => {
      const frame = Buffer.alloc(frameBytesFor(bodyBytes, [], 1))
      const parts = { source: 1, receivedAt: i, bodyBytes, types: [], count: 1 }
      sealFrame(frame, parts, (row, rows) =>
        rows.write(row, BODY_START, BODY_START + bodyBytes, i, 0, 0, 0, 0, 0, ROW_HAS_ID, 0),
      )
      stampFrame(frame, epoch, i)
      return frame
    }),
  )
}

function inMemory(bytes: Buffer, failAt: readonly number[] = []): ReadAt {
  return {
    async read(buffer, offset, length, position) {
      const failing = failAt.some((at) => at >= position && at < position + length)
      if (failing) throw Object.assign(new Error('i/o error'), { code: 'EIO' })
      return { bytesRead: bytes.copy(buffer, offset, position, position + length) }
    },
  }
}

interface Walked {
  readonly offsets: number[]
  readonly breaks: { from: number; to: number }[]
  readonly position: number
}

async function walkAll(file: ReadAt, limit: number, chunkBytes: number): Promise<Walked> {
  const walk = new FrameWalk(file, { epoch: EPOCH, position: 0, offset: 0, limit }, Buffer.alloc(chunkBytes))
  const offsets: number[] = []
  const breaks: { from: number; to: number }[] = []
  for (let step = walk.step(); step !== 'end'; step = walk.step()) {
    if (step === 'fill') await walk.fill()
    else {
      offsets.push(walk.frame?.baseOffset ?? -1)
      if (walk.break !== undefined) breaks.push({ from: walk.break.from, to: walk.break.to })
    }
  }
  return { offsets, breaks, position: walk.position }
}

const BODIES = [10, 5000, 3, 700, 20_000, 1]

test('finds the same frames through chunks of any size, also smaller than a frame', async () => {
  const bytes = frames(BODIES)
  for (const chunkBytes of [64, 72, 100, 1000, 4096, 100_000]) {
    const walked = await walkAll(inMemory(bytes), bytes.length, chunkBytes)
    expect(walked).toEqual({ offsets: [0, 1, 2, 3, 4, 5], breaks: [], position: bytes.length })
  }
})

test('finds its way again after a break, through chunks of any size', async () => {
  const whole = frames(BODIES)
  const at = frames(BODIES.slice(0, 1)).length
  const bytes = Buffer.from(whole)
  bytes.fill(0xff, at + 40, at + 48)
  for (const chunkBytes of [64, 100, 1000, 4099, 100_000]) {
    const walked = await walkAll(inMemory(bytes), bytes.length, chunkBytes)
    expect(walked).toEqual({ offsets: [0, 2, 3, 4, 5], breaks: [{ from: 1, to: 2 }], position: bytes.length })
  }
})

test('a break at the end is where the frames end', async () => {
  const bytes = frames(BODIES)
  const good = frames(BODIES.slice(0, 4)).length
  bytes.fill(0xff, good + 100, good + 200)
  bytes.fill(0xff, bytes.length - 50)
  expect(await walkAll(inMemory(bytes), bytes.length, 4096)).toEqual({
    offsets: [0, 1, 2, 3],
    breaks: [],
    position: good,
  })
})

test('frames of other epochs, of earlier offsets and false magic words are passed over', async () => {
  const good = frames([10, 10])
  const stale = frames([10, 10, 10], EPOCH - 1)
  const earlier = frames([10])
  const decoy = Buffer.alloc(80)
  for (let at = 0; at < decoy.length; at += 4) decoy.writeUInt32LE(FRAME_MAGIC, at)
  const behind = frames([10, 10, 10, 10]).subarray(frames([10, 10, 10]).length)
  const bytes = Buffer.concat([good, stale, earlier, decoy, behind])
  const walked = await walkAll(inMemory(bytes), bytes.length, 128)
  expect(walked).toEqual({ offsets: [0, 1, 3], breaks: [{ from: 2, to: 3 }], position: bytes.length })
})

test('a file cut short ends the walk', async () => {
  const bytes = frames(BODIES)
  const cut = bytes.subarray(0, frames(BODIES.slice(0, 2)).length + 30)
  const walked = await walkAll(inMemory(cut), bytes.length, 4096)
  expect(walked.offsets).toEqual([0, 1])
})

test('a sector that cannot be read costs the frames in it only', async () => {
  const bytes = frames(Array.from({ length: 20 }, () => 2000))
  const frameBytes = bytes.length / 20
  const walked = await walkAll(inMemory(bytes, [frameBytes * 7 + 5]), bytes.length, 16_384)
  const missing = walked.breaks.flatMap(({ from, to }) =>
    Array.from({ length: to - from }, (_, i) => from + i),
  )
  expect(missing).toContain(7)
  expect(missing.length).toBeLessThanOrEqual(3)
  expect([...walked.offsets, ...missing].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('other errors of the disk are thrown', async () => {
  const file: ReadAt = { read: () => Promise.reject(Object.assign(new Error('gone'), { code: 'EBADF' })) }
  await expect(walkAll(file, 1000, 100)).rejects.toThrow('gone')
})
