/**
 * What is to be done when a signal is aborted, for those who wait briefly and often. To add a listener to a signal and remove it again costs more
 * than many a wait; here a signal has one listener, whoever waits.
 */

/** By signal, in the order in which they are to be called. */
const tasks = new WeakMap<AbortSignal, (() => void)[]>()

/** Calls `task` when `signal` is aborted, unless `offAbort` comes before. The signal must not be aborted yet. A task must not throw. */
export function onAbort(signal: AbortSignal, task: () => void): void {
  const waiting = tasks.get(signal)
  if (waiting !== undefined) {
    waiting.push(task)
    return
  }
  const list = [task]
  tasks.set(signal, list)
  const run = (): void => {
    // A task may take others back, which are then not called any more.
    for (let next = list.shift(); next !== undefined; next = list.shift()) next()
  }
  signal.addEventListener('abort', run, { once: true })
}

/** Forgets the task; nothing happens when it was called or never given. Meant for tens of tasks per signal: it looks for its task among them. */
export function offAbort(signal: AbortSignal, task: () => void): void {
  const waiting = tasks.get(signal)
  const at = waiting?.indexOf(task) ?? -1
  if (at >= 0) waiting?.splice(at, 1)
}
