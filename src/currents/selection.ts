/** Whether an event flows through a current, decided from the header of its row alone: type and flags, no parsing. */

import { compilePattern } from '../catalog/catalog.ts'
import { ROW_HAS_EXTERNAL_ID } from '../log/frame.ts'
import type { CurrentDefinition } from './current.ts'

/** Why a record did not flow; the ledger's reasons for `filtered`. */
export type FilterReason = 'type_not_selected' | 'no_external_user_id'

/** What a reader asks of a selection; a replay narrows it further. */
export interface Selects {
  selects(type: string): boolean
  /** undefined: it flows. `flags` are the ROW_ bits of the log. */
  reasonAgainst(type: string, flags: number): FilterReason | undefined
}

export class Selection implements Selects {
  readonly #include: readonly ((type: string) => boolean)[]
  readonly #exclude: readonly ((type: string) => boolean)[]
  readonly #externalIdRequired: boolean
  readonly #verdicts = new Map<string, boolean>()

  constructor(definition: Pick<CurrentDefinition, 'selection' | 'externalId'>) {
    this.#include = definition.selection.include.map(compilePattern)
    this.#exclude = definition.selection.exclude.map(compilePattern)
    this.#externalIdRequired = definition.externalId === 'required'
  }

  reasonAgainst(type: string, flags: number): FilterReason | undefined {
    if (!this.selects(type)) return 'type_not_selected'
    if (this.#externalIdRequired && (flags & ROW_HAS_EXTERNAL_ID) === 0) return 'no_external_user_id'
    return undefined
  }

  selects(type: string): boolean {
    let verdict = this.#verdicts.get(type)
    if (verdict === undefined) {
      verdict =
        this.#include.some((matches) => matches(type)) && !this.#exclude.some((matches) => matches(type))
      // Types are data from outside: a flood of invented names must not become a leak.
      if (this.#verdicts.size < 20_000) this.#verdicts.set(type, verdict)
    }
    return verdict
  }
}
