/**
 * What was changed through one node reaches the others: a counter per kind of configuration moves with every change, and who sees it moved
 * reads again. Looking at the counters is all that is needed; being told when to look only makes it soon. Owns the table changes.
 */

import type { Store } from '../store/store.ts'
import type { ChangeKind } from './cluster.ts'

export class Changes {
  readonly #store: Store
  readonly #onTrouble: (kind: string, error: unknown) => void
  readonly #listeners = new Map<string, (() => Promise<void>)[]>()
  readonly #seen = new Map<string, number>()

  constructor(store: Store, onTrouble: (kind: string, error: unknown) => void) {
    this.#store = store
    this.#onTrouble = onTrouble
  }

  on(kind: ChangeKind, changed: () => Promise<void>): void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), changed])
  }

  async tell(kind: ChangeKind): Promise<void> {
    await this.#store.db
      .updateTable('changes')
      .set((e) => ({ number: e('number', '+', 1) }))
      .where('kind', '=', kind)
      .execute()
  }

  /**
   * Resolves when everybody has read what had changed. Who could not is asked again at the next look. The first look tells nobody: what
   * was read before is what there was. What changes before somebody listens waits for them.
   */
  async look(): Promise<void> {
    const rows = await this.#store.db.selectFrom('changes').selectAll().execute()
    for (const { kind, number } of rows) {
      const seen = this.#seen.get(kind)
      const listeners = this.#listeners.get(kind)
      if (seen === number || (seen !== undefined && listeners === undefined)) continue
      try {
        if (seen !== undefined) for (const changed of listeners ?? []) await changed()
        this.#seen.set(kind, number)
      } catch (error) {
        this.#onTrouble(kind, error)
      }
    }
  }
}
