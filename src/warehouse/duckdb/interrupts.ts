/** Ending what a connection is doing when a signal comes. */

import type { DuckDBConnection } from '@duckdb/node-api'

const AGAIN_MS = 50

/**
 * Interrupts the connection when `signal` is aborted, and again until the returned function is called: the engine forgets an interrupt that comes
 * between two statements, or before one has begun to run. Call it before the connection does anything for somebody else. Throws the
 * signal's reason when it has come already.
 */
export function interruptOn(signal: AbortSignal, connection: DuckDBConnection): () => void {
  signal.throwIfAborted()
  let again: NodeJS.Timeout | undefined
  const interrupt = (): void => connection.interrupt()
  const begin = (): void => {
    interrupt()
    again = setInterval(interrupt, AGAIN_MS)
  }
  signal.addEventListener('abort', begin, { once: true })
  return () => {
    signal.removeEventListener('abort', begin)
    clearInterval(again)
  }
}
