/** Killed at the end of each step, before anything of it was noted, an erasure goes on in the next life, to the same end. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { STEPS, type Step } from '../../src/erasure/steps.ts'
import type { NodeStore } from '../../src/erasure/stores.ts'
import { eventually } from '../support/eventually.ts'
import { filesHolding, GIVEN, others, populate } from '../support/person.ts'
import { startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'
import { warehouseRows } from '../support/warehouse-rows.ts'

/** Every step, and within the one of the folders each store: what lies there is done as a whole, so it is cut short and done again. */
const MOMENTS: readonly (Step | NodeStore)[] = STEPS.flatMap((step): (Step | NodeStore)[] =>
  step === 'folders' ? ['warehouse', 'parquet', 'rosters', 'remarks', step] : [step],
)
const CHILD = join(import.meta.dirname, 'erasure-kill-child.ts')

function killedAt(dataDir: string, step: string): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [CHILD, dataDir, step, JSON.stringify(GIVEN)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
}

test('sixteen lives, one erasure', { timeout: 240_000 }, async () => {
  const dataDir = await tempFolder()
  const before = await startStack({ dataDir })
  const { currents } = await populate(before)
  await before.hub.close()
  for (const step of MOMENTS) expect(await killedAt(dataDir, step), step).toBe('SIGKILL')

  const stack = await startStack({ dataDir, beside: before.sandbox })
  const { hub } = stack
  const [erasure] = await hub.erasures.list()
  const ended = await eventually(
    'the erasure is finished',
    async () => {
      const now = await hub.erasures.get(erasure?.id ?? '')
      return now.state === 'finished' ? now : undefined
    },
    { withinMs: 30_000 },
  )
  expect(ended.receipt?.search.remaining).toEqual([])
  expect(ended.receipt?.places).toContainEqual({ place: 'log', found: 24, removed: expect.any(Number) })
  expect(hub.erasures.verify(ended.receipt, ended.signature ?? '')).toBe('ours')
  expect(await hub.erasures.list()).toHaveLength(1)
  expect(await filesHolding(dataDir)).toEqual([])
  await stack.post([others(200)])
  await stack.settled()
  expect(await warehouseRows(hub, 'select count(*), count(distinct external_user_id) from events')).toEqual([
    [85, 85],
  ])
  for (const number of currents)
    expect(await hub.delivery.checkBooks(number)).toMatchObject({ pending: 0, residue: 0, balanced: true })
})
