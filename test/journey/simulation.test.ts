/** Days of everything in one process: the same seed is the same run to the byte, and a bug of the hub is found, made small and reported. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { hubLogger, startHub } from '../../src/hub.ts'
import type { OpenHub } from '../../src/simulation/life.ts'
import { dropsCheckpointWrite } from '../../src/simulation/sabotage.fixture.ts'
import { simulate } from '../../src/simulation/simulation.ts'

const THALWEG = fileURLToPath(new URL('../../bin/thalweg', import.meta.url))
/** Its first day has a power failure and most of what else can go wrong. */
const SEED = 1407
const DAYS = 1
const PER_HOUR = 20

// How long a virtual day takes is the machine's business.
const TIMEOUT = { timeout: 240_000 }

const logger = hubLogger('silent')
const openHub: OpenHub = (parts) =>
  startHub({ ...parts, logger }, async () => ({
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }))

test(
  'the same seed is the same run, in this process and in another one; another seed is another run',
  TIMEOUT,
  async () => {
    const line = ['--days', String(DAYS), '--seed', String(SEED), '--per-hour', String(PER_HOUR), '--json']
    const elsewhere = promisify(execFile)(THALWEG, ['simulate', ...line])
    const here = { seed: SEED, days: DAYS, perHour: PER_HOUR, faults: 'all', openHub }
    const first = await simulate(here)
    expect(first.breach).toBeUndefined()
    expect(first.lives).toBeGreaterThan(1)
    expect(first.faults.length).toBeGreaterThan(5)
    expect(first.sent).toBe(first.acknowledged)
    for (const { accepted, delivered, filtered, dead, pending } of first.currents)
      expect([accepted, pending]).toEqual([delivered + filtered + dead, 0])
    expect(await simulate(here)).toEqual(first)
    const { stdout } = await elsewhere
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(first)))

    const other = await simulate({ ...here, seed: SEED + 1, faults: 'none' })
    expect(other.breach).toBeUndefined()
    expect(other.digest).not.toBe(first.digest)
  },
)

test(
  'a checkpoint that is not written is found by a soak, made small, and told with the command that runs it again',
  TIMEOUT,
  async () => {
    const found = await simulate({
      seed: SEED,
      days: DAYS,
      perHour: PER_HOUR,
      faults: 'all',
      soakMs: 600_000,
      openHub,
      sabotage: () => dropsCheckpointWrite(20),
    })
    expect(found.breach).toMatchObject({ invariant: expect.stringMatching(/^INV-(8|9|12)$/), day: 1 })
    // It needs none of the faults.
    expect(found.again).toEqual([
      '--days',
      '1',
      '--seed',
      String(SEED),
      '--per-hour',
      String(PER_HOUR),
      '--faults',
      'none',
    ])
  },
)
