/** What the command line touches of the world; tests give their own. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ThalwegError } from '../core/errors.ts'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  readonly fetch: typeof fetch
  now(): number
  /**
   * Resolves after so many milliseconds, and at once when the user ends the command (Ctrl-C). False: ended,
   * or nobody listens.
   */
  pause(ms: number): Promise<boolean>
  /** Aborts, with the reason as a ThalwegError, when the user ends the command (Ctrl-C) or nobody listens any more. From this call on Ctrl-C ends nothing else. */
  interruption(): AbortSignal
}

export interface Output {
  readonly isTTY?: boolean
  /** Characters in a line of the terminal. */
  readonly columns?: number
  write(text: string): unknown
}

/** Of what is read from standard input. */
export const STDIN_BYTES_MAX = 4_194_304

export function processSurroundings(): Surroundings {
  // A reader that has seen enough (`thalweg … | head`) is no failure; it only means that nobody listens any
  // more.
  let unheard = false
  const interrupted = new AbortController()
  const interrupt = (): void =>
    interrupted.abort(new ThalwegError('QUERY_CANCELLED', 'The query was cancelled'))
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    unheard = true
    interrupt()
  })
  return {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    fetch,
    now: Date.now,
    pause: async (ms) => !unheard && (await pauseUntilInterrupted(ms)) && !unheard,
    interruption: () => {
      process.once('SIGINT', interrupt)
      return interrupted.signal
    },
  }
}

function pauseUntilInterrupted(ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const interrupted = (): void => end(false)
    const timer = setTimeout(() => end(true), ms)
    process.once('SIGINT', interrupted)
    function end(more: boolean): void {
      clearTimeout(timer)
      process.off('SIGINT', interrupted)
      resolve(more)
    }
  })
}

/** All of standard input as text. Throws RangeError past STDIN_BYTES_MAX. */
export async function readStdin({ stdin }: Surroundings): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of stdin) {
    const chunk = Buffer.from(piece)
    bytes += chunk.length
    if (bytes > STDIN_BYTES_MAX)
      throw new RangeError(`Standard input holds more than ${STDIN_BYTES_MAX} bytes`)
    pieces.push(chunk)
  }
  return Buffer.concat(pieces).toString()
}

/** Asks on the terminal; what is typed at a hidden question is not shown. */
export async function ask(io: Surroundings, question: string, hidden = false): Promise<string> {
  const [answer = ''] = await askEach(io, [question], hidden)
  return answer
}

/** Asks one question after the other; lines that were pasted at once answer the next ones. At the end of input the rest is ''. */
export async function askEach(
  io: Surroundings,
  questions: readonly string[],
  hidden: boolean,
): Promise<string[]> {
  const echo = new Writable({
    write(piece, _encoding, done) {
      if (!hidden) io.stderr.write(String(piece))
      done()
    },
  })
  const lines = createInterface({ input: io.stdin, output: echo, terminal: io.stdin.isTTY === true })
  const typed = lines[Symbol.asyncIterator]()
  const answers: string[] = []
  for (const question of questions) {
    io.stderr.write(question)
    const next = await typed.next()
    if (hidden) io.stderr.write('\n')
    answers.push(next.done === true ? '' : next.value)
  }
  lines.close()
  return answers
}
