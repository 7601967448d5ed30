/** Work that must not overlap happens one after another, in the order in which it was asked for; a failure is its asker's alone. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Resolves when everything that was asked for by now has ended. */
  async ended(): Promise<void> {
    await this.#last
  }
}
