/**
 * What readers of all hubs still need. A name belongs to one reader, whichever hub it runs on at the time; its newest word counts. A word that
 * holds more than before is told at once, one that holds less now and then.
 */

import type { Word } from './remote.ts'

const FORWARD_MS = 2_000

export interface HoldsParts {
  readonly hub: string
  say(reader: string, from: number | undefined, hub: string): Promise<void>
  said(): Promise<Word[]>
  /** Names that are each hub's own, and no other's business. */
  readonly own: ReadonlySet<string>
  onTrouble(error: unknown): void
}

export class Holds {
  readonly #parts: HoldsParts
  /** What readers of this hub said; undefined: they need nothing any more. */
  readonly #mine = new Map<string, number | undefined>()
  /** Names whose word is not with the servers yet. */
  readonly #untold = new Set<string>()
  #others = new Map<string, number>()
  #telling: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: HoldsParts) {
    this.#parts = parts
  }

  hold(reader: string, from: number): void {
    const before = this.#mine.get(reader)
    const next = from === Number.POSITIVE_INFINITY ? undefined : from
    if (before === next && this.#mine.has(reader)) return
    this.#mine.set(reader, next)
    if (this.#parts.own.has(reader)) return
    this.#untold.add(reader)
    if (before === undefined || next === undefined || next < before) void this.tell()
    else this.#timer ??= setTimeout(() => void this.tell(), FORWARD_MS).unref()
  }

  /** By name, of all hubs as far as is known here. */
  get all(): ReadonlyMap<string, number> {
    const all = new Map(this.#others)
    for (const [reader, from] of this.#mine) {
      // Told words are among the others' already, unless another hub has said something newer.
      if (!this.#parts.own.has(reader) && !this.#untold.has(reader) && this.#others.has(reader)) continue
      if (from === undefined) all.delete(reader)
      else all.set(reader, from)
    }
    return all
  }

  /** Asks what the readers of all hubs need. */
  async refresh(): Promise<void> {
    await this.tell()
    const words = await this.#parts.said()
    this.#others = new Map(words.map(({ reader, from }) => [reader, from]))
    // Taken back by whoever has the reader now.
    for (const reader of this.#mine.keys())
      if (!this.#others.has(reader) && !this.#untold.has(reader) && !this.#parts.own.has(reader))
        this.#mine.delete(reader)
  }

  /** Resolves when the servers have every word, or it is known that they do not take them now. */
  tell(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#telling = this.#telling.then(() => this.#tellAll())
    return this.#telling
  }

  async #tellAll(): Promise<void> {
    const { say, hub, onTrouble } = this.#parts
    for (const reader of [...this.#untold]) {
      const from = this.#mine.get(reader)
      try {
        await say(reader, from, hub)
        if (this.#mine.get(reader) !== from) continue
        this.#untold.delete(reader)
        if (from === undefined) this.#others.delete(reader)
        else this.#others.set(reader, from)
      } catch (error) {
        // It stays untold, and holds here meanwhile.
        onTrouble(error)
        return
      }
    }
  }
}
