/** An expression as a closure: compiled once, then asked of each record. */

import { type Argument, FUNCTIONS, type Kind } from './functions.ts'
import { compared, type Evaluate, given, holds, isEqual, isObject, type Row } from './scope.ts'
import { type Comparison, expressionError, type Node, parseExpression } from './syntax.ts'

export interface Compiled {
  readonly evaluate: Evaluate
  readonly kind: Kind
}

/** Other names of a member, by the name that expressions use: the first that has a value counts. */
export type OtherNames = Readonly<Record<string, readonly string[]>>

/** Throws PROFILE_SCHEMA_INVALID with line and column. */
export function compileExpression(text: string, otherNames: OtherNames = {}): Compiled {
  return new Compiler(text, otherNames).compile(parseExpression(text))
}

class Compiler {
  readonly #text: string
  readonly #otherNames: OtherNames

  constructor(text: string, otherNames: OtherNames) {
    this.#text = text
    this.#otherNames = otherNames
  }

  compile(node: Node): Compiled {
    switch (node.kind) {
      case 'literal': {
        const value = given(node.value)
        return { kind: kindOf(value), evaluate: () => value }
      }
      case 'name':
        return { kind: 'any', evaluate: this.#lookup(node.path) }
      case 'call':
        return this.#call(node.name, node.args, node.at)
      case 'compare':
        return compareOf(node.operator, this.compile(node.left).evaluate, this.compile(node.right).evaluate)
      case 'in': {
        const needle = this.compile(node.needle).evaluate
        const list = node.list.map((one) => this.compile(one).evaluate)
        return {
          kind: 'bool',
          evaluate(scope) {
            const value = given(needle(scope))
            return list.some((one) => isEqual(value, given(one(scope))))
          },
        }
      }
      case 'and': {
        const parts = node.parts.map((part) => this.compile(part).evaluate)
        return { kind: 'bool', evaluate: (scope) => parts.every((part) => holds(part(scope))) }
      }
      case 'or': {
        const parts = node.parts.map((part) => this.compile(part).evaluate)
        return { kind: 'bool', evaluate: (scope) => parts.some((part) => holds(part(scope))) }
      }
      case 'not': {
        const part = this.compile(node.part).evaluate
        return { kind: 'bool', evaluate: (scope) => !holds(part(scope)) }
      }
    }
  }

  /** `a.b` is the member b of the object a, or a member whose name is `a.b`, as flattened rows have it. */
  #lookup(path: readonly string[]): Evaluate {
    const [first = ''] = path
    const name = path.join('.')
    const others = (Object.hasOwn(this.#otherNames, name) ? (this.#otherNames[name] ?? []) : []).map(
      (other) => ({ name: other, path: other.split('.') }),
    )
    const inside = path.length > 1 ? path : undefined
    if (inside === undefined && others.length === 0) return ({ row }) => memberOf(row, first)
    return ({ row }) => {
      const own = (inside === undefined ? undefined : nestedOf(row, inside)) ?? memberOf(row, name)
      if (own !== undefined) return own
      for (const other of others) {
        const value = memberOf(row, other.name) ?? nestedOf(row, other.path)
        if (value !== undefined) return value
      }
      return undefined
    }
  }

  #call(name: string, args: readonly Node[], at: number): Compiled {
    const rule = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (rule === undefined) {
      const why =
        name === 'json.jmespath'
          ? 'json.jmespath is not supported: name the member by its path, a.b.c'
          : undefined
      throw expressionError(this.#text, at, why ?? `there is no function ${name}`)
    }
    const { least, most, form, gives } = rule
    if (args.length < least || args.length > most)
      throw expressionError(this.#text, at, `${name} takes ${countOf(least, most)}: ${form}`)
    const compiled = args.map(
      (arg): Argument => ({
        evaluate: this.compile(arg).evaluate,
        literal: arg.kind === 'literal' ? arg.value : undefined,
      }),
    )
    try {
      return { kind: gives, evaluate: rule.make(compiled) }
    } catch (error) {
      if (error instanceof TypeError) throw expressionError(this.#text, at, `${name}: ${error.message}`)
      throw error
    }
  }
}

function countOf(least: number, most: number): string {
  if (least === most) return least === 0 ? 'no argument' : least === 1 ? 'one argument' : `${least} arguments`
  return `${least} to ${most} arguments`
}

function kindOf(value: unknown): Kind {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'bool' : 'any'
}

function memberOf(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? given(row[name]) : undefined
}

function nestedOf(row: Row, path: readonly string[]): unknown {
  let value: unknown = row
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return given(value)
}

/** A value that is missing is equal to nothing, and neither less nor more. */
function compareOf(operator: Comparison, left: Evaluate, right: Evaluate): Compiled {
  const test = ORDERS[operator]
  if (test === undefined) {
    const isWanted = operator === '=='
    return {
      kind: 'bool',
      evaluate: (scope) => isEqual(given(left(scope)), given(right(scope))) === isWanted,
    }
  }
  return {
    kind: 'bool',
    evaluate(scope) {
      const order = compared(given(left(scope)), given(right(scope)))
      return order !== undefined && test(order)
    },
  }
}

const ORDERS: Readonly<Partial<Record<Comparison, (sign: number) => boolean>>> = {
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
}
