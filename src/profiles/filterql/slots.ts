/**
 * The fields that rules ask for, each read once from a profile and then known by a number: many rules ask for the same ones,
 * and names cost more than places in an array.
 */

import type { Fields, Value } from '../values.ts'
import type { FieldRef } from './tree.ts'

/** Values by slot; undefined: the profile does not have it. */
export type Slots = readonly (Value | undefined)[]

interface Asked {
  readonly field: string
  /** Slot of the field itself, when a rule asks for it whole. */
  whole: number
  readonly keys: { readonly key: string; readonly slot: number }[]
}

const NONE = -1

export class SlotPlan {
  readonly #fields = new Map<string, Asked>()
  readonly #asked: Asked[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Names of the fields, each once. */
  get fields(): string[] {
    return this.#asked.map(({ field }) => field)
  }

  slotOf({ field, key }: FieldRef): number {
    let asked = this.#fields.get(field)
    if (asked === undefined) {
      asked = { field, whole: NONE, keys: [] }
      this.#fields.set(field, asked)
      this.#asked.push(asked)
    }
    if (key === undefined) {
      if (asked.whole === NONE) asked.whole = this.#size++
      return asked.whole
    }
    const known = asked.keys.find((other) => other.key === key)
    if (known !== undefined) return known.slot
    const slot = this.#size++
    asked.keys.push({ key, slot })
    return slot
  }

  /** An array for `read` to fill. */
  makeSlots(): (Value | undefined)[] {
    return new Array<Value | undefined>(this.#size).fill(undefined)
  }

  /** `slots`: of this plan's size; every one is written. */
  read(fields: Fields, slots: (Value | undefined)[]): Slots {
    for (const { field, whole, keys } of this.#asked) {
      const value = ownValue(fields, field)
      if (whole !== NONE) slots[whole] = value
      if (keys.length === 0) continue
      const map = typeof value === 'object' && !Array.isArray(value) ? value : undefined
      for (const { key, slot } of keys)
        slots[slot] = map === undefined ? undefined : ownValue(map as Readonly<Record<string, Value>>, key)
    }
    return slots
  }
}

/** A name is data: `constructor` is no field of a profile that does not have it. */
function ownValue(object: Readonly<Record<string, Value>>, name: string): Value | undefined {
  const value = object[name]
  return value === undefined || (name in Object.prototype && !Object.hasOwn(object, name)) ? undefined : value
}
