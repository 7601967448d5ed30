/**
 * Lays a projection out as a program for the WASM kernel: which keys matter and in which slots their values are noted, and the
 * steps that write the output. assembly/project.ts describes the layout word by word.
 */

import type { Member, Path, Projection } from './kernel.ts'

/** Objects within objects of one projection; assembly/project.ts has room for as many starts. */
export const OBJECTS_MAX = 16
/** Keys that one projection may name. */
export const KEYS_MAX = 4096

const TEXT = 0
const COPY = 1
const SUFFIXED = 2
const ISO_TIME = 3
const OPEN = 4
const CLOSE = 5
const REST = 6

/** An object at the top of an event with the slots of the keys that matter in it. */
interface Child {
  readonly slots: Map<string, number>
  isSpliced: boolean
}

interface Step {
  readonly kind: number
  readonly text: string
  readonly slot?: number
  readonly suffix?: string
  readonly rest?: Rest
}

interface Rest {
  readonly parent: string
  readonly actions: ReadonlyMap<number, Action>
  /** Number of the output object + 1 when it splices several objects, else 0. */
  readonly object: number
}

/** What happens to a known key of a spliced object; keys without an action stay. */
type Action = 'leave out' | { readonly rename: string | undefined; readonly blockers: readonly Blocker[] }

/** The member is dropped when this slot holds a value, or, with `string`, when it holds a string. */
interface Blocker {
  readonly slot: number
  readonly string: boolean
}

export interface Plan {
  readonly slots: number
  /** Keys at the top: their slots and, where keys inside matter, the child. */
  readonly root: ReadonlyMap<string, number>
  readonly children: ReadonlyMap<string, Child>
  readonly steps: readonly Step[]
}

/** Throws TypeError when the projection does not hold together. */
export function planOf(projection: Projection): Plan {
  const planner = new Planner()
  planner.declare(projection.members, 0)
  planner.members(projection.members)
  return planner.plan()
}

class Planner {
  #slots = 0
  readonly #root = new Map<string, number>()
  readonly #children = new Map<string, Child>()
  readonly #steps: Step[] = []
  #objects = 0

  plan(): Plan {
    if (this.#slots > KEYS_MAX) {
      throw new TypeError(`A projection names ${this.#slots} keys; at most ${KEYS_MAX} are allowed`)
    }
    return { slots: this.#slots, root: this.#root, children: this.#children, steps: this.#steps }
  }

  /** First pass: a slot for every key that matters, so that the second knows them all. */
  declare(members: readonly Member[], depth: number): void {
    if (depth >= OBJECTS_MAX) throw new TypeError(`A projection nests more than ${OBJECTS_MAX} objects`)
    const fixed = members.flatMap((member) => ('rest' in member ? [] : [member.key]))
    if (new Set(fixed).size < fixed.length) {
      throw new TypeError(`A projection gives one object the same key twice: ${fixed.join(', ')}`)
    }
    for (const member of members) {
      if ('rest' in member) this.#declareRest(member, fixed)
      else if ('object' in member) this.declare(member.object, depth + 1)
      else if (!('constant' in member)) this.#slotOf(pathOf(member))
    }
  }

  #declareRest(member: RestMember, fixed: readonly string[]): void {
    this.#slotAt(this.#root, member.rest)
    const child = this.#child(member.rest)
    child.isSpliced = true
    const names = [...member.except, ...Object.keys(member.rename), ...Object.values(member.rename), ...fixed]
    for (const name of names) this.#slotAt(child.slots, name)
  }

  #child(key: string): Child {
    let child = this.#children.get(key)
    if (child === undefined) {
      child = { slots: new Map(), isSpliced: false }
      this.#children.set(key, child)
    }
    return child
  }

  #slotAt(slots: Map<string, number>, key: string): number {
    if (!key.isWellFormed())
      throw new TypeError(`A projection names a key that is no Unicode text: ${JSON.stringify(key)}`)
    const known = slots.get(key)
    if (known !== undefined) return known
    slots.set(key, this.#slots)
    return this.#slots++
  }

  #slotOf(path: Path): number {
    const slot = this.#slotAt(this.#root, path[0])
    return path.length === 1 ? slot : this.#slotAt(this.#child(path[0]).slots, path[1])
  }

  members(members: readonly Member[]): void {
    const object = ++this.#objects
    const severalRests = members.filter((member) => 'rest' in member).length > 1
    for (const member of members) {
      if ('rest' in member) this.#rest(member, members, severalRests ? object : 0)
      else this.#fixed(member)
    }
  }

  #fixed(member: Exclude<Member, RestMember>): void {
    const text = `,${JSON.stringify(member.key)}:`
    if ('constant' in member) {
      const constant = JSON.stringify(member.constant)
      if (constant !== undefined) this.#steps.push({ kind: TEXT, text: text + constant })
    } else if ('object' in member) {
      this.#steps.push({ kind: OPEN, text })
      this.members(member.object)
      this.#steps.push({ kind: CLOSE, text: '' })
    } else if ('suffixed' in member) {
      if (!/^[ !#-[\]-~]*$/.test(member.suffix)) {
        throw new TypeError(
          `A suffix must be plain ASCII without quotes and backslashes: ${JSON.stringify(member.suffix)}`,
        )
      }
      this.#steps.push({ kind: SUFFIXED, text, slot: this.#slotOf(member.suffixed), suffix: member.suffix })
    } else {
      this.#steps.push({ kind: 'copy' in member ? COPY : ISO_TIME, text, slot: this.#slotOf(pathOf(member)) })
    }
  }

  #rest(member: RestMember, siblings: readonly Member[], object: number): void {
    const actions = new Map<number, Action>()
    const left = new Set(member.except)
    for (const [key, slot] of this.#child(member.rest).slots) {
      const action = left.has(key) ? 'leave out' : this.#action(key, member, siblings)
      if (action !== undefined) actions.set(slot, action)
    }
    this.#steps.push({ kind: REST, text: '', rest: { parent: member.rest, actions, object } })
  }

  /** By the rule at the top of project.ts: what comes before `key` in the contest for its output name blocks it. */
  #action(key: string, member: RestMember, siblings: readonly Member[]): Action | undefined {
    const isRenamed = Object.hasOwn(member.rename, key)
    const name = isRenamed ? (member.rename[key] ?? key) : key
    const sibling = siblings.find((other) => !('rest' in other) && other.key === name && !isNothing(other))
    if (sibling !== undefined && isAlwaysPresent(sibling)) return 'leave out'
    const blockers = sibling === undefined ? [] : [this.#blockerOf(sibling)]
    const { slots } = this.#child(member.rest)
    for (const rival of isRenamed ? rivals(key, name, member) : []) {
      const slot = slots.get(rival)
      if (slot !== undefined) blockers.push({ slot, string: false })
    }
    return !isRenamed && blockers.length === 0
      ? undefined
      : { rename: isRenamed ? name : undefined, blockers }
  }

  #blockerOf(sibling: Member): Blocker {
    return { slot: this.#slotOf(pathOf(sibling)), string: 'suffixed' in sibling }
  }
}

type RestMember = Extract<Member, { rest: string }>

/** The keys of the same object that win the name over the renamed `key`. */
function rivals(key: string, name: string, { except, rename }: RestMember): string[] {
  const renamed = Object.entries(rename).filter(([, other]) => other === name)
  const earlier = renamed.slice(
    0,
    renamed.findIndex(([other]) => other === key),
  )
  const ownName = Object.hasOwn(rename, name) ? [] : [name]
  return [...ownName, ...earlier.map(([other]) => other)].filter((rival) => !except.includes(rival))
}

function isAlwaysPresent(member: Member): boolean {
  return 'object' in member || 'constant' in member
}

function isNothing(member: Member): boolean {
  return 'constant' in member && member.constant === undefined
}

function pathOf(member: Member): Path {
  if ('copy' in member) return member.copy
  if ('isoTime' in member) return member.isoTime
  if ('suffixed' in member) return member.suffixed
  throw new TypeError('A member of a projection has no path')
}
