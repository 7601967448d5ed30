/** The hub as a process of its own, for tests that kill it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

export interface Program {
  readonly child: ChildProcess
  readonly url: string
  readonly gone: Promise<unknown>
}

/** Starts `thalweg serve` on a data folder; it is killed with the test that asked for it. */
export async function startProgram(dataDir: string): Promise<Program> {
  const file = join(dataDir, 'endpoints.json')
  rmSync(file, { force: true })
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      THALWEG_DATA: dataDir,
      THALWEG_PORT: '0',
      THALWEG_SEGMENT_BYTES: '4MiB',
      THALWEG_DECOMPRESSED_BYTES_MAX: '1MiB',
      THALWEG_BODY_BYTES_MAX: '1MiB',
      THALWEG_LOG_LEVEL: 'fatal',
    },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const url = await eventually('the hub is ready', () => readHubUrl(file), { withinMs: 30_000 })
  return { child, url, gone }
}

function readHubUrl(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  return text.endsWith('\n') ? (JSON.parse(text) as { hub: string }).hub : undefined
}
