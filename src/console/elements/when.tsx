import { useSyncExternalStore } from 'react'
import { dateTime, duration } from './words.ts'

const TICK_MS = 5_000

/** One clock for all of them, so that a page full of times is drawn once a second at most. */
let now = Date.now()
const watchers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  if (timer === undefined) {
    // Nobody watched for a while: it stood still.
    now = Date.now()
    timer = setInterval(() => {
      now = Date.now()
      for (const tell of watchers) tell()
    }, TICK_MS)
  }
  return () => {
    watchers.delete(watcher)
    if (watchers.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** The time of day, anew each few seconds. */
export const useNow = (): number => useSyncExternalStore(watch, () => now)

/** A moment: how long ago (or until), and the exact time when one points at it. null: never. */
export function When({ at, exact = false }: { at: number | null | undefined; exact?: boolean }) {
  const current = useNow()
  if (at === null || at === undefined) return <span>–</span>
  const age = current - at
  // The clock stands still between two ticks: what has just come is not of the future.
  const words =
    Math.abs(age) < TICK_MS ? 'just now' : age > 0 ? `${duration(age)} ago` : `in ${duration(-age)}`
  return (
    <time dateTime={new Date(at).toISOString()} title={exact ? words : dateTime(at)}>
      {exact ? dateTime(at) : words}
    </time>
  )
}
