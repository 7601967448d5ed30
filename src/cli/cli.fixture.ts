/** For tests: the command line against a real hub on a real socket, with its output caught. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { StackOptions } from '../../test/support/stack.ts'
import { type ApiStack, startApi } from '../api/api.fixture.ts'
import { runCli } from './cli.ts'
import type { Programs } from './programs.ts'
import type { Surroundings } from './surroundings.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Standard output as one JSON value; throws when it is anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly json: any
}

export interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Whether a person sits at it. What is typed is `stdin`. */
  readonly terminal?: boolean
  /** When the user presses Ctrl-C. */
  readonly interruption?: AbortSignal
  readonly programs?: Partial<Programs>
}

/** Runs one command line without any hub. */
export async function run(args: readonly string[], given: Given = {}): Promise<Ran> {
  const terminal = given.terminal ?? false
  let out = ''
  let err = ''
  const io: Surroundings = {
    env: { THALWEG_DATA: '/nonexistent/thalweg', ...given.env },
    stdin: Object.assign(Readable.from(given.stdin === undefined ? [] : [given.stdin]), { isTTY: terminal }),
    stdout: {
      isTTY: terminal,
      write: (text) => {
        out += text
      },
    },
    stderr: {
      isTTY: terminal,
      write: (text) => {
        err += text
      },
    },
    fetch,
    now: Date.now,
    interruption: () => given.interruption ?? new AbortController().signal,
    pause: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 20)))
      return true
    },
  }
  const code = await runCli(args, async () => ({ ...NO_PROGRAMS, ...given.programs }), io)
  return {
    code,
    out,
    err,
    get json() {
      return JSON.parse(out)
    },
  }
}

const NO_PROGRAMS: Programs = {
  serve: unexpected,
  demo: unexpected,
  sandboxOnly: unexpected,
  simulate: unexpected,
  simulateDays: unexpected,
  simulateFiles: unexpected,
  restore: unexpected,
  bench: unexpected,
}

async function unexpected(): Promise<never> {
  throw new Error('this program was not to be run')
}

export interface CliStack extends ApiStack {
  readonly url: string
  /** With the admin token unless `env` says otherwise. */
  thalweg(args: readonly string[], given?: Given): Promise<Ran>
}

export async function startCli(options: StackOptions = {}): Promise<CliStack> {
  const stack = await startApi(options)
  const server = createServer((request, response) => stack.api.handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...stack,
    url,
    thalweg: (args, given = {}) =>
      run(args, { ...given, env: { THALWEG_URL: url, THALWEG_TOKEN: stack.secrets.admin, ...given.env } }),
  }
}
