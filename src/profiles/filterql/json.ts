/**
 * The same tree as JSON, as Lytics writes it and a console edits it: `{"op":"and","args":[…]}` with the leaves `{"val":…}`,
 * `{"ident":"field.key"}` and `{"seg":"slug"}`.
 *
 *   and, or, not            rules
 *   = == != < <= > >=       ident and val, either first
 *   contains, like          ident, val
 *   between                 ident, val, val
 *   in, intersects          ident, val, val, …; a list may also be one argument, {"val":[…]} or {"args":[{"val":…},…]}
 *   exists                  ident
 *   include                 seg
 *   expr                    ident with the name of a function, then its arguments; where an ident may stand, and as a rule
 *   *                       nothing
 *
 * A bare ident is a field that is true or false; a bare val is true or false.
 */

import * as z from 'zod'
import { ThalwegError } from '../../core/errors.ts'
import { printField } from './print.ts'
import {
  COMPARISONS,
  CONDITIONS_MAX,
  type Comparison,
  DEPTH_MAX,
  type FieldRef,
  type Literal,
  type Operand,
  type Rule,
  type Subject,
  TURNED,
  VALUES_MAX,
} from './tree.ts'

const Leaf = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()])

export interface RuleJson {
  op?: string | undefined
  args?: RuleJson[] | undefined
  val?: Literal | Literal[] | undefined
  ident?: string | undefined
  seg?: string | undefined
}

export const RuleJson: z.ZodType<RuleJson> = z
  .lazy(() =>
    z.strictObject({
      op: z.string().max(20).optional(),
      args: z
        .array(RuleJson)
        .max(VALUES_MAX + 1)
        .optional(),
      val: z.union([Leaf, z.array(Leaf).max(VALUES_MAX)]).optional(),
      ident: z.string().min(1).max(1_000).optional().describe('field, or field.key of a map'),
      seg: z.string().min(1).max(200).optional().describe('slug or number of an audience'),
    }),
  )
  .meta({ id: 'FilterRule' })

export function toJson(rule: Rule): RuleJson {
  switch (rule.kind) {
    case 'all':
      return { op: '*' }
    case 'constant':
      return { val: rule.value }
    case 'and':
    case 'or':
      return { op: rule.kind, args: rule.rules.map(toJson) }
    case 'not':
      return { op: 'not', args: [toJson(rule.rule)] }
    case 'include':
      return { op: 'include', args: [{ seg: rule.audience }] }
    case 'exists':
      return { op: 'exists', args: [operandJson(rule.of)] }
    case 'holds':
      return operandJson(rule.of)
    case 'compare':
      return { op: rule.operator, args: [operandJson(rule.of), { val: rule.value }] }
    case 'contains':
    case 'like':
      return { op: rule.kind, args: [operandJson(rule.of), { val: rule.value }] }
    case 'between':
      return { op: 'between', args: [operandJson(rule.of), { val: rule.from }, { val: rule.to }] }
    case 'in':
    case 'intersects':
      return { op: rule.kind, args: [operandJson(rule.of), ...rule.values.map((val) => ({ val }))] }
  }
}

function operandJson(operand: Operand): RuleJson {
  if (operand.kind === 'value') return { val: operand.value }
  if (operand.kind === 'field') return { ident: identOf(operand) }
  return { op: 'expr', args: [{ ident: operand.name }, ...operand.args.map(operandJson)] }
}

/** Names of fields hold no dot, so a key needs no quotes; those of FilterQL are for what would read otherwise. */
function identOf(ref: FieldRef): string {
  const plain = ref.key === undefined ? ref.field : `${ref.field}.${ref.key}`
  return /`|^\.|^$/.test(plain) || ref.field.includes('.') || ref.key === '' ? printField(ref) : plain
}

/** Throws FILTERQL_INVALID, which names the place by its way from the root. */
export function fromJson(json: RuleJson): Rule {
  let conditions = 0
  return read(json, [])

  function read(node: RuleJson, path: readonly number[]): Rule {
    if (path.length >= DEPTH_MAX) throw invalid(path, `rules nest at most ${DEPTH_MAX} deep`)
    const { args = [] } = node
    const op = node.op?.toLowerCase()
    const part = (i: number): RuleJson => {
      const arg = args[i]
      if (arg === undefined) throw invalid(path, `${op} has too few arguments`)
      return arg
    }
    const exactly = (count: number) => {
      if (args.length !== count) throw invalid(path, `${op} takes ${count} arguments, not ${args.length}`)
    }
    switch (op) {
      case 'and':
      case 'or':
        part(0)
        return { kind: op, rules: args.map((arg, i) => read(arg, [...path, i])) }
      case 'not':
        exactly(1)
        return { kind: 'not', rule: read(part(0), [...path, 0]) }
    }
    if (++conditions > CONDITIONS_MAX) throw invalid(path, `a rule has at most ${CONDITIONS_MAX} conditions`)
    switch (op) {
      case undefined:
        if (typeof node.val === 'boolean') return { kind: 'constant', value: node.val }
        return { kind: 'holds', of: subjectOf(node, path) }
      case 'expr':
        return { kind: 'holds', of: subjectOf(node, path) }
      case '*':
      case 'match_all':
        exactly(0)
        return { kind: 'all' }
      case 'include': {
        exactly(1)
        const { seg } = part(0)
        if (seg === undefined) throw invalid([...path, 0], 'include takes a seg')
        return { kind: 'include', audience: seg }
      }
      case 'exists':
        exactly(1)
        return { kind: 'exists', of: subjectOf(part(0), [...path, 0]) }
      case 'contains':
      case 'like':
        exactly(2)
        return { kind: op, of: subjectOf(part(0), [...path, 0]), value: literalOf(part(1), [...path, 1]) }
      case 'between': {
        exactly(3)
        const of = subjectOf(part(0), [...path, 0])
        return { kind: op, of, from: literalOf(part(1), [...path, 1]), to: literalOf(part(2), [...path, 2]) }
      }
      case 'in':
      case 'intersects':
        return among(op, part(0), args.slice(1), path)
    }
    const operator: Comparison | undefined = op === '==' ? '=' : COMPARISONS.find((known) => known === op)
    if (operator === undefined) throw invalid(path, `there is no op ${JSON.stringify(node.op)}`)
    exactly(2)
    if (part(0).val !== undefined)
      return {
        kind: 'compare',
        operator: TURNED[operator],
        of: subjectOf(part(1), [...path, 1]),
        value: literalOf(part(0), [...path, 0]),
      }
    return {
      kind: 'compare',
      operator,
      of: subjectOf(part(0), [...path, 0]),
      value: literalOf(part(1), [...path, 1]),
    }
  }
}

function among(
  kind: 'in' | 'intersects',
  first: RuleJson,
  rest: readonly RuleJson[],
  path: readonly number[],
): Rule {
  const [of] = rest
  if (first.val !== undefined && of !== undefined && rest.length === 1)
    return { kind, of: subjectOf(of, [...path, 1]), values: [literalOf(first, [...path, 0])] }
  const values = rest.flatMap((arg, i) => literalsOf(arg, [...path, i + 1]))
  if (values.length === 0) throw invalid(path, `${kind} has no values`)
  if (values.length > VALUES_MAX) throw invalid(path, `a list has at most ${VALUES_MAX} values`)
  return { kind, of: subjectOf(first, [...path, 0]), values }
}

function subjectOf(node: RuleJson, path: readonly number[]): Subject {
  if (node.op?.toLowerCase() === 'expr') return callOf(node, path)
  if (node.ident === undefined) throw invalid(path, 'expected an ident')
  return fieldOf(node.ident, path)
}

function callOf({ args = [] }: RuleJson, path: readonly number[]): Subject {
  const [name, ...rest] = args
  if (name?.ident === undefined || !/^[A-Za-z_]\w*$/.test(name.ident))
    throw invalid(path, 'expr begins with the ident of a function')
  const operands = rest.map((arg, i): Operand => {
    const at = [...path, i + 1]
    return arg.val === undefined ? subjectOf(arg, at) : { kind: 'value', value: literalOf(arg, at) }
  })
  return { kind: 'call', name: name.ident.toLowerCase(), args: operands }
}

const TICKED = /^(?:`((?:[^`]|``)+)`|([^`.]+))(?:\.(?:`((?:[^`]|``)*)`|([^`]+)))?$/

function fieldOf(ident: string, path: readonly number[]): FieldRef {
  if (!ident.includes('`')) {
    const dot = ident.indexOf('.')
    if (dot === -1) return { kind: 'field', field: ident }
    if (dot > 0 && dot < ident.length - 1)
      return { kind: 'field', field: ident.slice(0, dot), key: ident.slice(dot + 1) }
  }
  const found = TICKED.exec(ident)
  if (found === null) throw invalid(path, `${JSON.stringify(ident)} names no field`)
  const untick = (text: string | undefined) => text?.replaceAll('``', '`')
  const field = untick(found[1]) ?? found[2] ?? ''
  const key = untick(found[3]) ?? found[4]
  return key === undefined ? { kind: 'field', field } : { kind: 'field', field, key }
}

function literalsOf(node: RuleJson, path: readonly number[]): Literal[] {
  if (Array.isArray(node.val)) return node.val.map(withoutSign)
  if (node.args !== undefined) return node.args.map((arg, i) => literalOf(arg, [...path, i]))
  return [literalOf(node, path)]
}

function literalOf({ val }: RuleJson, path: readonly number[]): Literal {
  if (val === undefined || Array.isArray(val)) throw invalid(path, 'expected one val')
  return withoutSign(val)
}

/** Zero has no sign here, as in parse.ts. */
function withoutSign(value: Literal): Literal {
  return value === 0 ? 0 : value
}

function invalid(path: readonly number[], what: string): ThalwegError {
  const place = path.length === 0 ? 'the rule' : `args ${path.join(' / ')} of the rule`
  return new ThalwegError('FILTERQL_INVALID', `In ${place}: ${what}`, { details: { path } })
}
