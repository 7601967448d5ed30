/** Writes plans into the memory of the WASM kernel, in the layout that assembly/project.ts describes. */

import type { KernelMemory } from './memory.ts'
import type { Plan } from './plan.ts'

type Rest = NonNullable<Plan['steps'][number]['rest']>

const STEP_WORDS = 8
const CHILD_WORDS = 4
const SLOT_BYTES = 8
const ENTRY_BYTES = 32
const TABLE_HEAD_BYTES = 16

/** The program's address. It stays for the life of the memory. */
export function writeProgram(memory: KernelMemory, plan: Plan): number {
  return new Writer(memory, plan).program()
}

class Writer {
  readonly #memory: KernelMemory
  readonly #plan: Plan
  readonly #slots: number
  readonly #children: number
  readonly #parents: readonly string[]

  constructor(memory: KernelMemory, plan: Plan) {
    this.#memory = memory
    this.#plan = plan
    this.#slots = memory.keep(plan.slots * SLOT_BYTES)
    this.#parents = [...plan.children.keys()]
    this.#children = memory.keep(this.#parents.length * CHILD_WORDS * 4)
  }

  program(): number {
    const { steps, root, children, slots } = this.#plan
    for (const [parent, child] of children) {
      const table = this.#table(child.slots, () => 0)
      this.#memory.write(this.#childOf(parent), [table, child.isSpliced ? 1 : 0, 0, 0])
    }
    const table = this.#table(root, (key) => (children.has(key) ? this.#childOf(key) : 0))
    const stepsAt = this.#memory.keep(steps.length * STEP_WORDS * 4)
    for (const [i, step] of steps.entries()) {
      this.#memory.write(stepsAt + i * STEP_WORDS * 4, this.#stepWords(step))
    }
    const program = this.#memory.keep(8 * 4)
    this.#memory.write(program, [
      slots,
      this.#slots,
      table,
      stepsAt,
      steps.length,
      this.#children,
      children.size,
    ])
    return program
  }

  #childOf(parent: string): number {
    return this.#children + this.#parents.indexOf(parent) * CHILD_WORDS * 4
  }

  #slotAt(slot: number): number {
    return this.#slots + slot * SLOT_BYTES
  }

  #table(keys: ReadonlyMap<string, number>, childOf: (key: string) => number): number {
    // At most half full, so that a search always meets a free entry.
    let size = 4
    while (size < keys.size * 2) size *= 2
    const table = this.#memory.keep(TABLE_HEAD_BYTES + size * ENTRY_BYTES)
    this.#memory.write(table, [size - 1])
    for (const [key, slot] of keys) {
      const [at, length] = this.#memory.keepText(key)
      this.#memory.insert(table, at, length, this.#slotAt(slot), childOf(key))
    }
    return table
  }

  #stepWords(step: Plan['steps'][number]): number[] {
    const head = [step.kind, ...this.#memory.keepText(step.text)]
    if (step.rest !== undefined) {
      return [...head, this.#childOf(step.rest.parent), this.#actions(step.rest), step.rest.object]
    }
    const slot = step.slot === undefined ? 0 : this.#slotAt(step.slot)
    return [...head, slot, ...this.#memory.keepText(step.suffix ?? '')]
  }

  #actions(rest: Rest): number {
    const words = new Array<number>(this.#plan.slots).fill(0)
    for (const [slot, action] of rest.actions) {
      words[slot] = action === 'leave out' ? 1 : this.#action(action)
    }
    const at = this.#memory.keep(words.length * 4)
    this.#memory.write(at, words)
    return at
  }

  #action({
    rename,
    blockers,
  }: Exclude<Rest['actions'] extends ReadonlyMap<number, infer A> ? A : never, string>): number {
    const text = rename === undefined ? [0, 0] : this.#memory.keepText(`,${JSON.stringify(rename)}:`)
    const words = [...text, blockers.length]
    for (const blocker of blockers) words.push(this.#slotAt(blocker.slot), blocker.string ? 1 : 0)
    const at = this.#memory.keep(words.length * 4)
    this.#memory.write(at, words)
    return at
  }
}
