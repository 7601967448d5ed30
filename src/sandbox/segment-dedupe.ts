/** "At least 24 hours" (Segment docs, duplicate data). */
export const DEDUPE_WINDOW_MS = 24 * 3_600_000
export const DEDUPE_IDS_MAX_DEFAULT = 2_000_000

/**
 * Message ids of the last 24 hours, over all sources and write keys: Segment's window is global, so two pipes
 * that send the same id lose one copy. Holds at most `idsMax`; beyond that the oldest are forgotten early,
 * and counted.
 */
export class DedupeWindow {
  readonly #idsMax: number
  /**
   * A Map iterates in the order of insertion, which is the order of time here: ids are never touched again.
   */
  readonly #seenAtMs = new Map<string, number>()
  forgottenEarly = 0

  constructor(idsMax: number = DEDUPE_IDS_MAX_DEFAULT) {
    this.#idsMax = idsMax
  }

  /** True when the id is new in the window, which it enters hereby. */
  enter(id: string, nowMs: number): boolean {
    this.#expire(nowMs)
    if (this.#seenAtMs.has(id)) return false
    this.#seenAtMs.set(id, nowMs)
    if (this.#seenAtMs.size > this.#idsMax) {
      this.#forgetOldest()
      this.forgottenEarly++
    }
    return true
  }

  get size(): number {
    return this.#seenAtMs.size
  }

  clear(): void {
    this.#seenAtMs.clear()
    this.forgottenEarly = 0
  }

  #expire(nowMs: number): void {
    for (const [id, atMs] of this.#seenAtMs) {
      if (nowMs - atMs < DEDUPE_WINDOW_MS) return
      this.#seenAtMs.delete(id)
    }
  }

  #forgetOldest(): void {
    for (const id of this.#seenAtMs.keys()) {
      this.#seenAtMs.delete(id)
      return
    }
  }
}
