/**
 * kill -9 at random moments: every record that was acknowledged is there, at the offset it was acknowledged with; every record of the log
 * is known to dedupe; and what never reached the log can be sent again. Run again with THALWEG_TEST_SEED=<the printed seed>.
 */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { openDedupe } from '../../src/log/dedupe.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import { eventually } from '../support/eventually.ts'
import { identityOf, readAll } from '../support/log-frames.ts'
import { tempFolder } from '../support/temp.ts'

const KILLS = 22
const CHILD = new URL('./log-kill-child.ts', import.meta.url).pathname

/** Runs the child until it has printed so many lines, kills it; every whole line it printed. */
async function runAndKill(directory: string, from: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, directory, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    seen += text.split('\n').length - 1
    if (seen >= lines) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.once('close', resolve))
  expect(child.signalCode).toBe('SIGKILL')
  return printed.split('\n').slice(0, -1)
}

test('what was acknowledged survives every kill, and dedupe agrees with the log', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`log kill: THALWEG_TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const directory = await tempFolder()
  const acknowledged = new Map<number, number>()
  for (let kill = 0; kill < KILLS; kill++) {
    const from = kill * 1_000_000
    const lines = 1 + Math.floor(random() * random() * 600)
    for (const line of await runAndKill(directory, from, lines)) {
      if (line === 'ready') continue
      const [offset, number] = line.split(' ').map(Number)
      if (offset !== undefined && number !== undefined) acknowledged.set(offset, number)
    }
    if (kill % 3 === 2 || kill === KILLS - 1) await verify(directory, acknowledged)
  }
  expect(acknowledged.size).toBeGreaterThan(KILLS)
})

async function verify(directory: string, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  const log = await openEmbeddedLog({
    directory: join(directory, 'log'),
    clock: systemClock,
    segmentBytes: 262_144,
  })
  const { records, gaps } = await readAll(log, 0, 1_000_000)
  expect(gaps).toEqual([])
  expect(log.stats().corrupt).toEqual([])
  expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: log.head }, (_, offset) => offset))
  const numbers = records.map(({ text }) => Number.parseInt(text, 10))
  for (const [offset, number] of acknowledged) expect(numbers[offset]).toBe(number)
  expect(new Set(numbers).size).toBe(numbers.length)
  const dedupe = await openDedupe({
    directory: join(directory, 'dedupe'),
    clock: systemClock,
    log,
    memoryIdsMax: 3000,
  })
  const seen = async (number: number) => {
    const flags = new Uint8Array(1)
    const items = Uint32Array.from(identityOf(number))
    // "Try again later" while ids are being brought to the disk: this loop gives them no time of its own.
    await eventually('dedupe has room', () => {
      dedupe.mark(1, items, 1, 4, 0, Date.now(), new Uint8Array(1), flags)
      return true
    })
    if (flags[0] === 0) dedupe.unmark(1, items, 1, 4, 0, new Uint8Array(1), flags)
    return flags[0] === 1
  }
  const unknown: number[] = []
  for (const number of numbers) if (!(await seen(number))) unknown.push(number)
  expect(unknown).toEqual([])
  const present = new Set(numbers)
  const known: number[] = []
  for (let number = 0; number < 3000; number++)
    if (!present.has(number) && (await seen(number))) known.push(number)
  expect(known).toEqual([])
  await dedupe.close()
  await log.close()
}
