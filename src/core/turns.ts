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

/** The same for each key by itself. Keys without a turn under way cost nothing. */
export class TurnsByKey<Key> {
  readonly #last = new Map<Key, Promise<unknown>>()

  take<T>(key: Key, work: () => T | Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work).finally(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    })
    const ended: Promise<unknown> = turn.catch(() => undefined)
    this.#last.set(key, ended)
    return turn
  }

  /** Whether a turn of the key is under way or waits. */
  has(key: Key): boolean {
    return this.#last.has(key)
  }

  /** Resolves when everything that was asked for by now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
