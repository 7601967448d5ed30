/** The log goes to the process of the profiles in stretches: every record once and in order, also where the next one is read ahead. */

import { expect, test } from 'vitest'
import { appendPatiently, textFrame } from '../../test/support/log-frames.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { systemClock } from '../core/clock.ts'
import { Turns } from '../core/turns.ts'
import { openEmbeddedLog } from '../log/embedded-log.ts'
import { blankRow, ROW_ERASED } from '../log/frame.ts'
import type { EngineClient } from './engine/client.ts'
import { type Applied, RECORDS_MAX } from './engine/engine.ts'
import { type Ask, unpacked } from './engine/protocol.ts'
import { ProfileIntake } from './intake.ts'

const FRAMES = 12
const ROWS = 1_000
const textOf = (n: number): string => `{"n":${n}}`
const ALL = Array.from({ length: FRAMES * ROWS }, (_, n) => textOf(n))

/** Takes stretches as the process does; each is answered when `gate` lets it. */
class FakeProcess {
  readonly taken: string[] = []
  /** Stretches so far, taken or not yet. */
  asked = 0
  position = 0
  readonly #gate: () => Promise<void>
  readonly #turns = new Turns()

  constructor(gate: () => Promise<void>) {
    this.#gate = gate
  }

  readonly desk = { readingAgain: async () => [] }

  async ask(ask: Ask): Promise<Applied> {
    if (ask.what === 'apply') {
      const { from, to, records } = unpacked(structuredClone(ask.stretch))
      this.asked++
      await this.#turns.take(async () => {
        await this.#gate()
        if (from !== this.position) return
        this.taken.push(...records.map(({ bytes }) => Buffer.from(bytes).toString()))
        this.position = to
      })
    }
    return { position: this.position, nextFlipAt: undefined, judging: false, counts: {}, streams: {} }
  }
}

async function running(gate: () => Promise<void>) {
  const log = await openEmbeddedLog({ directory: await tempFolder(), clock: systemClock })
  for (let i = 0; i < FRAMES; i++)
    await appendPatiently(log, textFrame(...ALL.slice(i * ROWS, (i + 1) * ROWS)))
  const child = new FakeProcess(gate)
  const troubles: unknown[] = []
  const reading = { streamOf: () => 'sample' }
  const intake = new ProfileIntake({
    log,
    clock: systemClock,
    client: child as unknown as EngineClient,
    reading: async () => reading,
    onTrouble: (error) => troubles.push(error),
  })
  intake.start()
  const end = async (): Promise<void> => {
    await intake.stop()
    await log.close()
  }
  return { log, child, intake, troubles, end }
}

test('every record comes once and in order', async () => {
  const { child, troubles, end } = await running(async () => undefined)
  await expect.poll(() => child.position).toBe(ALL.length)
  await end()
  expect(child.taken).toEqual(ALL)
  expect(troubles).toEqual([])
})

test('once it is settled, nothing comes that was read before the log changed', async () => {
  const gate = Promise.withResolvers<void>()
  const { log, child, intake, end } = await running(() => gate.promise)
  // The first and those that wait behind it.
  const sent = 3
  await expect.poll(() => child.asked).toBe(sent)
  await log.rewrite((frame) => {
    for (let i = 0; i < frame.count; i++) blankRow(frame, i, ROW_ERASED)
    return frame.bytes
  }, new AbortController().signal)
  const settled = intake.settled()
  gate.resolve()
  await settled
  expect(child.taken).toEqual(ALL.slice(0, sent * RECORDS_MAX))
  await expect.poll(() => child.position).toBe(ALL.length)
  await end()
  expect(child.taken).toEqual(ALL.slice(0, sent * RECORDS_MAX))
})

test('what was sent ahead of a stretch that failed is sent again after it', async () => {
  let asked = 0
  const { child, troubles, end } = await running(async () => {
    if (++asked === 3) throw new Error('the disk is full')
  })
  await expect.poll(() => child.position, { timeout: 10_000 }).toBe(ALL.length)
  await end()
  expect(child.taken).toEqual(ALL)
  expect(troubles).toHaveLength(1)
})
