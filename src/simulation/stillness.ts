/**
 * When nothing is left to do: no file operation is under way, no callback waits for its turn, and nobody has said that he is busy. Node tells
 * what it still has to do, so this is a level that is looked at, not a number of turns that is hoped to be enough. Timers do not count: what
 * waits for time waits for the world's.
 */

/** A world that does not come to rest for so long has hung: something in it waits for real time, or for a time that cannot come. */
const REST_MS_MAX = 60_000

const WORK: ReadonlySet<string> = new Set(['Immediate', 'FSReqCallback', 'FSReqPromise', 'CloseReq'])

export class Stillness {
  #busy = 0

  /** Time stands until the work has ended. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await work
    } finally {
      this.#busy--
    }
  }

  readonly reached = async (): Promise<void> => {
    const since = performance.now()
    for (let turns = 1; ; turns++) {
      // All promises that can go on have done so when a turn ends.
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (this.#busy === 0 && !process.getActiveResourcesInfo().some((name) => WORK.has(name))) return
      if (turns % 1_000 === 0 && performance.now() - since > REST_MS_MAX)
        throw new Error(`The simulated world did not come to rest within ${REST_MS_MAX} ms`)
    }
  }
}
