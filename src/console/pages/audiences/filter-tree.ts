/**
 * Between the tree of a rule, as the API gives and takes it, and what the builder shows. What the builder has no words for is told as
 * such: the rule is then edited as text. A tree that is drawn and read back means the same, and is the same but for groups of one.
 */

import type { AudienceRuleAnswer } from '../../../api/routes/audiences.ts'
import {
  type Condition,
  type Drawn,
  drawing,
  type Query,
  type Subject,
  Undrawable,
  type Values,
} from '../../elements/rule-builder/vocabulary.ts'
import { AUDIENCE, COUNTED, KEYS } from './filter-vocabulary.ts'

type RuleJson = AudienceRuleAnswer['tree']

export function drawnFilter(tree: RuleJson, subjects: readonly Subject[]): Drawn {
  const known = new Map(subjects.map((subject) => [subject.name, subject]))
  return drawing(() => groupOf(tree, [], known))
}

type Known = ReadonlyMap<string, Subject>

function groupOf(tree: RuleJson, path: readonly number[], known: Known): Query {
  const id = `g${path.join('.')}`
  const op = tree.op?.toLowerCase()
  if (op === '*') return { id, combinator: 'and', rules: [] }
  if (op === 'and' || op === 'or')
    return { id, combinator: op, rules: (tree.args ?? []).map((arg, i) => partOf(arg, [...path, i], known)) }
  const [inner] = tree.args ?? []
  if (op === 'not' && inner !== undefined && isGroup(inner)) {
    const group = groupOf(inner, path, known)
    // A group is negated once; a negation of a negation is a group around it.
    if (group.not === true) return { id, combinator: 'and', not: true, rules: [{ ...group, id: `${id}.0` }] }
    return { ...group, not: true }
  }
  return { id, combinator: 'and', rules: [partOf(tree, [...path, 0], known)] }
}

function isGroup({ op }: RuleJson): boolean {
  return op === 'and' || op === 'or' || op === 'not' || op === '*'
}

function partOf(tree: RuleJson, path: readonly number[], known: Known): Condition | Query {
  const [inner] = tree.args ?? []
  if (tree.op !== 'not' || inner === undefined)
    return isGroup(tree) ? groupOf(tree, path, known) : conditionOf(tree, '', path, known)
  return isGroup(inner) ? groupOf(tree, path, known) : conditionOf(inner, 'not ', path, known)
}

function conditionOf(
  tree: RuleJson,
  negation: '' | 'not ',
  path: readonly number[],
  known: Known,
): Condition {
  const { field, test, value } = plainCondition(tree, known)
  const operator = `${negation}${test}`
  if (known.get(field)?.tests.some(({ name }) => name === operator) !== true)
    throw new Undrawable(`the test “${operator}” of ${field.trim()}`)
  return { id: `c${path.join('.')}`, field, operator, value }
}

interface Plain {
  readonly field: string
  readonly test: string
  readonly value: Values
}

function plainCondition(tree: RuleJson, known: Known): Plain {
  const { op, args = [] } = tree
  if (op === undefined && tree.ident !== undefined) return about(tree, 'holds', {}, known)
  if (op === undefined) throw new Undrawable('a rule that is only true or false')
  const [of, ...rest] = args
  if (of === undefined) throw new Undrawable(`“${op}”`)
  switch (op) {
    case 'include':
      return { field: AUDIENCE, test: 'include', value: { audience: of.seg ?? '' } }
    case 'expr':
      return counted(of.ident, rest)
    case 'exists':
      return about(of, op, {}, known)
    case 'between':
      return about(of, op, { from: literal(rest[0]), to: literal(rest[1]) }, known)
    case 'in':
    case 'intersects':
      return about(of, op, { values: rest.map(literal) }, known)
    default: {
      const value = literal(rest[0])
      return about(of, op, { value: typeof value === 'boolean' ? String(value) : value }, known)
    }
  }
}

function counted(name: string | undefined, args: readonly RuleJson[]): Plain {
  const [of, times, days] = args
  if (name !== 'timewindow' || of?.ident === undefined) throw new Undrawable(`the function ${name}`)
  const { field, key } = partsOf(of.ident)
  const value = { ...(key === undefined ? {} : { key }), times: times?.val, days: days?.val }
  return { field: `${COUNTED}${field}`, test: 'timewindow', value }
}

function about({ ident }: RuleJson, test: string, value: Values, known: Known): Plain {
  if (ident === undefined) throw new Undrawable('a function of a field')
  const { field, key } = partsOf(ident)
  if (key !== undefined) return { field, test, value: { key, ...value } }
  return { field: known.has(`${KEYS}${field}`) ? `${KEYS}${field}` : field, test, value }
}

function partsOf(ident: string): { field: string; key?: string } {
  if (ident.includes('`')) throw new Undrawable(`the name ${ident}`)
  const dot = ident.indexOf('.')
  return dot === -1 ? { field: ident } : { field: ident.slice(0, dot), key: ident.slice(dot + 1) }
}

function literal(node: RuleJson | undefined): string | number | boolean {
  const value = node?.val
  if (value === undefined || value === null || Array.isArray(value)) throw new Undrawable('NULL')
  return value
}

/** The tree of what was built. It is checked by the API: what is not complete yet is refused there. */
export function filterOf(query: Query, types: ReadonlyMap<string, string>): RuleJson {
  const parts = query.rules.map((part) =>
    'rules' in part ? filterOf(part as Query, types) : conditionTree(part as Condition, types),
  )
  const [only] = parts
  const isBare = parts.length === 1 && only !== undefined && !('rules' in (query.rules[0] ?? {}))
  const group: RuleJson =
    only === undefined ? { op: '*' } : isBare ? only : { op: query.combinator, args: parts }
  return query.not === true ? { op: 'not', args: [group] } : group
}

function conditionTree({ field, operator, value }: Condition, types: ReadonlyMap<string, string>): RuleJson {
  const negated = operator.startsWith('not ')
  const test = negated ? operator.slice(4) : operator
  const rule = plainTree(field, test, value, types)
  return negated ? { op: 'not', args: [rule] } : rule
}

function plainTree(field: string, test: string, value: Values, types: ReadonlyMap<string, string>): RuleJson {
  if (field === AUDIENCE) return { op: 'include', args: [{ seg: String(value.audience ?? '') }] }
  const name = field.replace(COUNTED, '').replace(KEYS, '')
  const ident = { ident: identOf(name, value.key) }
  const type = types.get(name) ?? 'string'
  const leaf = (of: unknown): RuleJson => ({ val: literalOf(of, type) })
  switch (test) {
    case 'timewindow':
      return { op: 'expr', args: [{ ident: test }, ident, leaf(value.times), leaf(value.days)] }
    case 'holds':
      return ident
    case 'exists':
      return { op: test, args: [ident] }
    case 'between':
      return { op: test, args: [ident, leaf(value.from), leaf(value.to)] }
    case 'in':
    case 'intersects':
      return { op: test, args: [ident, ...(value.values as unknown[]).map(leaf)] }
    default:
      return { op: test, args: [ident, leaf(value.value)] }
  }
}

function identOf(field: string, key: unknown): string {
  if (key === undefined) return field
  const text = String(key)
  return text === '' || text.includes('`') ? `${field}.\`${text.replaceAll('`', '``')}\`` : `${field}.${text}`
}

/** Forms give texts; fields of numbers and truths are asked by numbers and truths. */
function literalOf(value: unknown, type: string): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  const text = String(value ?? '')
  if (/bool/.test(type) && /^(true|false)$/.test(text)) return text === 'true'
  const isNumeric = /^(int|number)$|map\[string\](int|intsum|number)$/.test(type)
  return isNumeric && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
