import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../test/support/temp.ts'
import { IdentityTable } from './identity-table.ts'
import { type OpenedRun, PAGE_BYTES, PAGE_ENTRIES, Run, readRunIndex } from './run-file.ts'
import { type RunPlan, writeMerge, writeSpill } from './run-write.ts'

const FINGERPRINT = 77

/** Keys spread over the whole range, so that pages and fences differ; the second word makes them different where the first is not. */
function keyOf(n: number): Uint32Array {
  return Uint32Array.from([Math.imul(n % 900, 0x9e3779b1), n, n * 3, n * 7])
}

function tableOf(entries: ReadonlyMap<number, number>): Uint32Array {
  const table = new IdentityTable(5000)
  for (const [n, seconds] of entries) table.insert(-1 - table.find(keyOf(n)), keyOf(n), 0, seconds)
  return table.words
}

function planOf(folder: string, first: number, last: number, sinceSeconds = 0): RunPlan {
  const path = join(folder, `${first}-${last}.run`)
  return { path, first, last, logEnd: last * 10, sinceSeconds, fingerprint: FINGERPRINT }
}

function openRun(opened: OpenedRun, bad: number[] = []): Run {
  const run = new Run(opened, (_path, page) => bad.push(page))
  onTestFinished(() => run.close())
  return run
}

function range(from: number, to: number, seconds: (n: number) => number): Map<number, number> {
  return new Map(Array.from({ length: to - from }, (_, i) => [from + i, seconds(from + i)]))
}

test('a spilled run answers for exactly the keys it was given, fresh and after reading it again', async () => {
  const folder = await tempFolder()
  const entries = range(0, 3000, (n) => 100 + n)
  const written = writeSpill(planOf(folder, 0, 0), tableOf(entries))
  const read = readRunIndex(written.facts.path, FINGERPRINT)
  expect(read?.facts).toEqual(written.facts)
  expect(written.facts).toMatchObject({ count: 3000, oldestSeconds: 100, newestSeconds: 3099 })
  for (const opened of [written, read]) {
    if (opened === undefined) throw new Error('the run was not read')
    const run = openRun(opened)
    for (let n = 0; n < 6000; n++) expect(run.secondsOf(keyOf(n)), `key ${n}`).toBe(entries.get(n) ?? 0)
  }
  expect(await readdir(folder)).toEqual(['0-0.run'])
})

test('first words that repeat over several pages are searched through', async () => {
  const folder = await tempFolder()
  const same = (n: number) => Uint32Array.from([5, n, 0, 0])
  const table = new IdentityTable(PAGE_ENTRIES * 4)
  for (let n = 0; n < PAGE_ENTRIES * 3; n++) table.insert(-1 - table.find(same(n)), same(n), 0, n + 1)
  const run = openRun(writeSpill(planOf(folder, 0, 0), table.words))
  for (let n = 0; n < PAGE_ENTRIES * 3; n++) expect(run.secondsOf(same(n))).toBe(n + 1)
  expect(run.secondsOf(same(PAGE_ENTRIES * 3))).toBe(0)
})

test('a merge holds each key once with its latest mark, without what is too old', async () => {
  const folder = await tempFolder()
  const older = range(0, 2000, (n) => 1000 + n)
  const newer = range(1500, 3500, (n) => 3000 + n)
  const inputs = [
    writeSpill(planOf(folder, 0, 0), tableOf(older)),
    writeSpill(planOf(folder, 1, 1), tableOf(newer)),
  ]
  const merged = writeMerge(
    planOf(folder, 0, 1, 1200),
    inputs.map(({ facts }) => facts),
  )
  expect(merged.facts).toMatchObject({ count: 3300, first: 0, last: 1, logEnd: 10, oldestSeconds: 1200 })
  const run = openRun(merged)
  for (let n = 0; n < 4000; n++) {
    const seconds = newer.get(n) ?? older.get(n) ?? 0
    expect(run.secondsOf(keyOf(n)), `key ${n}`).toBe(seconds >= 1200 ? seconds : 0)
  }
})

test('a run without keys answers no', async () => {
  const run = openRun(writeSpill(planOf(await tempFolder(), 0, 0), new IdentityTable(10).words))
  expect(run.secondsOf(keyOf(1))).toBe(0)
  expect(run.facts).toMatchObject({ count: 0, oldestSeconds: 0, newestSeconds: 0 })
})

test('a damaged header or index, or another key, makes a run unusable', async () => {
  const folder = await tempFolder()
  const { facts } = writeSpill(planOf(folder, 0, 0), tableOf(range(0, 1000, () => 5)))
  expect(readRunIndex(facts.path, FINGERPRINT + 1)).toBeUndefined()
  const file = await open(facts.path, 'r+')
  const { size } = await file.stat()
  for (const position of [4, 20, 50, size - 10]) {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, position)
    await file.write(Buffer.from([byte.readUInt8(0) ^ 4]), 0, 1, position)
    expect(readRunIndex(facts.path, FINGERPRINT), `byte ${position}`).toBeUndefined()
    await file.write(byte, 0, 1, position)
  }
  expect(readRunIndex(facts.path, FINGERPRINT)?.facts).toEqual(facts)
  await file.truncate(PAGE_BYTES * 3)
  expect(readRunIndex(facts.path, FINGERPRINT)).toBeUndefined()
  await file.close()
})

test('a damaged page is told of and costs its own keys only, also in a merge', async () => {
  const folder = await tempFolder()
  const opened = writeSpill(planOf(folder, 0, 0), tableOf(range(0, 1000, () => 5)))
  const file = await open(opened.facts.path, 'r+')
  await file.write(Buffer.from([1, 2, 3, 4]), 0, 4, PAGE_BYTES * 2 + 8)
  await file.close()
  const bad: number[] = []
  const run = openRun(opened, bad)
  const found = Array.from({ length: 1000 }, (_, n) => n).filter((n) => run.secondsOf(keyOf(n)) === 5)
  expect(found.length).toBe(1000 - PAGE_ENTRIES)
  expect(new Set(bad)).toEqual(new Set([1]))
  expect(writeMerge(planOf(folder, 0, 1), [opened.facts]).facts.count).toBe(1000 - PAGE_ENTRIES)
})
