/**
 * What is to be done when a signal is aborted, for those who wait briefly and often. To add a listener to a signal and remove it again costs more
 * than many a wait; here a signal has one listener, whoever waits.
 */

const tasks = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `task` when `signal` is aborted, unless `offAbort` comes before. The signal must not be aborted yet. A task must not throw. */
export function onAbort(signal: AbortSignal, task: () => void): void {
  let waiting = tasks.get(signal)
  if (waiting === undefined) {
    waiting = new Set()
    tasks.set(signal, waiting)
    signal.addEventListener('abort', () => runTasks(signal), { once: true })
  }
  waiting.add(task)
}

/** Forgets the task; nothing happens when it was called or never given. */
export function offAbort(signal: AbortSignal, task: () => void): void {
  tasks.get(signal)?.delete(task)
}

function runTasks(signal: AbortSignal): void {
  // A task may take others back, which are then not called any more.
  for (const task of tasks.get(signal) ?? []) task()
  tasks.delete(signal)
}
