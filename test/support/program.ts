/** The hub as a process of its own, to be killed, and senders that behave like Braze. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.ts'
import { forgetHubUrl, hubUrlIn } from './hub-address.ts'
import { SOURCE, TOKEN } from './stack.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const SENDERS = 4
const PER_REQUEST = 20

export interface Program {
  readonly child: ChildProcess
  readonly url: string
  readonly gone: Promise<unknown>
}

/** Starts the hub on a data folder; killed when the test has finished. */
export async function startProgram(dataDir: string): Promise<Program> {
  forgetHubUrl(dataDir)
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
  const url = await eventually('the hub is ready', () => hubUrlIn(dataDir), { withinMs: 30_000 })
  return { child, url, gone }
}

/** Senders that behave like Braze: what was not acknowledged is sent again. */
export class Traffic {
  readonly acknowledged = new Set<string>()
  made = 0
  readonly #eventOf: (id: string) => object
  readonly #again: string[][] = []

  constructor(eventOf: (id: string) => object) {
    this.#eventOf = eventOf
  }

  /** Sends until stopped; the stop function resolves when all senders are at rest. */
  flowTo(url: string): () => Promise<void> {
    const stopping = new AbortController()
    const senders = Array.from({ length: SENDERS }, () => this.#send(url, stopping.signal))
    return async () => {
      stopping.abort()
      await Promise.all(senders)
    }
  }

  async #send(url: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ids = this.#again.shift() ?? this.#fresh()
      try {
        const answer = await fetch(`${url}/currents/${SOURCE}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}` },
          body: JSON.stringify({ events: ids.map((id) => this.#eventOf(id)) }),
        })
        if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
        await answer.arrayBuffer()
        for (const id of ids) this.acknowledged.add(id)
      } catch {
        // The hub was killed under the request: whether it was taken is not known, so it is sent again to the next life.
        this.#again.push(ids)
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
  }

  #fresh(): string[] {
    return Array.from({ length: PER_REQUEST }, () => `k${this.made++}`)
  }
}

/** Kill -9. False when the process had ended by itself. */
export function kills(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

/** State of the only import, as a killed hub left it. */
export function importStateIn(dataDir: string): unknown {
  const file = new DatabaseSync(join(dataDir, 'store.db'))
  try {
    return file.prepare('select state from imports').get()?.state
  } finally {
    file.close()
  }
}
