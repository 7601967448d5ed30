/**
 * The fields that rules ask for, each read once from a profile and then known by a number: many rules ask for the same ones,
 * and names cost more than places in an array.
 */

import type { Fields, Value } from '../values.ts'
import type { FieldRef } from './tree.ts'

/** Values by slot; undefined: the profile does not have it. */
export type Slots = readonly (Value | undefined)[]

interface Asked extends Name {
  /** Slot of the field itself, when a rule asks for it whole. */
  whole: number
  readonly keys: (Name & { readonly slot: number })[]
}

/** A name is data: `constructor` is no field of a profile that does not have it. */
interface Name {
  readonly name: string
  readonly isOfObjects: boolean
}

function nameOf(name: string): Name {
  return { name, isOfObjects: name in Object.prototype }
}

/** What a function makes of the text in another slot. */
interface Made {
  readonly from: number
  readonly name: string
  readonly apply: (text: string) => string | undefined
  readonly slot: number
}

const NONE = -1

export class SlotPlan {
  readonly #fields = new Map<string, Asked>()
  readonly #asked: Asked[] = []
  /** Each after what it is made from. */
  readonly #made: Made[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Names of the fields, each once. */
  get fields(): string[] {
    return this.#asked.map(({ name }) => name)
  }

  slotOf({ field, key }: FieldRef): number {
    let asked = this.#fields.get(field)
    if (asked === undefined) {
      asked = { ...nameOf(field), whole: NONE, keys: [] }
      this.#fields.set(field, asked)
      this.#asked.push(asked)
    }
    if (key === undefined) {
      if (asked.whole === NONE) asked.whole = this.#size++
      return asked.whole
    }
    const known = asked.keys.find((other) => other.name === key)
    if (known !== undefined) return known.slot
    const slot = this.#size++
    asked.keys.push({ ...nameOf(key), slot })
    return slot
  }

  /** One for all rules that ask the same function, by its name, of the same slot. */
  slotThrough(from: number, name: string, apply: Made['apply']): number {
    const known = this.#made.find((other) => other.from === from && other.name === name)
    if (known !== undefined) return known.slot
    const slot = this.#size++
    this.#made.push({ from, name, apply, slot })
    return slot
  }

  /** An array for `read` to fill. */
  makeSlots(): (Value | undefined)[] {
    return new Array<Value | undefined>(this.#size).fill(undefined)
  }

  /** `slots`: of this plan's size; every one is written. */
  read(fields: Fields, slots: (Value | undefined)[]): Slots {
    for (const asked of this.#asked) {
      const value = ownValue(fields, asked)
      if (asked.whole !== NONE) slots[asked.whole] = value
      if (asked.keys.length === 0) continue
      const map = typeof value === 'object' && !Array.isArray(value) ? value : undefined
      for (const key of asked.keys)
        slots[key.slot] =
          map === undefined ? undefined : ownValue(map as Readonly<Record<string, Value>>, key)
    }
    for (const { from, apply, slot } of this.#made) {
      const text = slots[from]
      slots[slot] = typeof text === 'string' ? apply(text) : undefined
    }
    return slots
  }
}

function ownValue(object: Readonly<Record<string, Value>>, { name, isOfObjects }: Name): Value | undefined {
  return isOfObjects && !Object.hasOwn(object, name) ? undefined : object[name]
}
