import { expect, test } from 'vitest'
import { SlabPool, slabBytes } from './slabs.ts'

const KB = 1024
const nothingToEvict = () => undefined
const endOfTurn = () => new Promise((resolve) => setImmediate(resolve))

test('sizes come in four steps per doubling from 1 KB, exact beyond 4 MB', () => {
  const cases = [
    [1, KB],
    [1024, KB],
    [1025, 1280],
    [1281, 1536],
    [1793, 2 * KB],
    [2049, 2560],
    [93_184, 96 * KB],
    [98_305, 112 * KB],
    [4 * KB * KB, 4 * KB * KB],
    [4 * KB * KB + 1, 4 * KB * KB + 1],
  ] as const
  for (const [bytes, size] of cases) expect(slabBytes(bytes)).toBe(size)
})

test('a released buffer is used again', () => {
  const pool = new SlabPool(8 * KB, nothingToEvict)
  const buffer = pool.lease(1500)
  pool.release(buffer)
  expect(pool.lease(1536)).toBe(buffer)
  expect(pool.bytes).toBe(1536)
})

test('what a burst leaves free beyond 16 MB is given back', () => {
  const pool = new SlabPool(64 * KB * KB, nothingToEvict)
  const buffers = Array.from({ length: 20 }, () => pool.lease(KB * KB))
  for (const buffer of buffers) pool.release(buffer)
  expect(pool.bytes).toBe(16 * KB * KB)
  for (let i = 0; i < 16; i++) expect(buffers).toContain(pool.lease(KB * KB))
  expect(buffers).not.toContain(pool.lease(KB * KB))
  expect(pool.bytes).toBe(17 * KB * KB)
})

test('a retired buffer is used again only after the turn', async () => {
  const pool = new SlabPool(8 * KB, nothingToEvict)
  const buffer = pool.lease(1024)
  pool.adopt(buffer)
  pool.retire(buffer)
  const other = pool.lease(1024)
  expect(other).not.toBe(buffer)
  await endOfTurn()
  expect(pool.lease(1024)).toBe(buffer)
})

test('free buffers of other sizes give way within the bound', () => {
  const pool = new SlabPool(8 * KB, nothingToEvict)
  const small = Array.from({ length: 8 }, () => pool.lease(KB))
  expect(() => pool.lease(KB)).toThrow(expect.objectContaining({ code: 'LOG_FULL' }))
  for (const buffer of small) pool.release(buffer)
  expect(pool.lease(8 * KB).length).toBe(8 * KB)
  expect(pool.bytes).toBe(8 * KB)
})

test('when nothing is free the oldest kept buffers are given up, one by one, and not reused in this turn', () => {
  const kept: Buffer[] = []
  const pool = new SlabPool(4 * KB, () => kept.shift())
  for (let i = 0; i < 4; i++) {
    const buffer = pool.lease(KB)
    pool.adopt(buffer)
    kept.push(buffer)
  }
  const before = [...kept]
  expect(before).not.toContain(pool.lease(2 * KB))
  expect(kept).toEqual(before.slice(2))
  expect(pool.bytes).toBe(4 * KB)
})

test('an odd size is not kept, and one beyond the bound is never given', () => {
  const pool = new SlabPool(6 * KB * KB, nothingToEvict)
  const large = pool.lease(5 * KB * KB)
  expect(large.length).toBe(5 * KB * KB)
  pool.release(large)
  expect(pool.bytes).toBe(0)
  expect(() => pool.lease(7 * KB * KB)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
})

test('a buffer comes back once', () => {
  const pool = new SlabPool(8 * KB, nothingToEvict)
  const buffer = pool.lease(1)
  pool.release(buffer)
  expect(() => pool.release(buffer)).toThrow(TypeError)
  expect(() => pool.adopt(buffer)).toThrow(TypeError)
})
