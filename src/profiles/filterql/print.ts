/** From a tree to FilterQL: one spelling for each tree, which reads back as the same tree. */

import { KEYWORDS } from './tokens.ts'
import type { FieldRef, Literal, Operand, Rule, Statement } from './tree.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*$/
const ID = /^\d{1,15}$/
const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/
const KEY = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/

export function printStatement(statement: Statement): string {
  const { rule, from, limit, alias } = statement
  const lines = [`FILTER ${printRule(rule)}`]
  if (from !== undefined) lines.push(`FROM ${printName(from)}`)
  if (limit !== undefined) lines.push(`LIMIT ${limit}`)
  const pairs = (statement.with ?? []).map(([name, value]) => `${printName(name)} = ${printLiteral(value)}`)
  if (pairs.length > 0) lines.push(`WITH ${pairs.join(', ')}`)
  if (alias !== undefined) lines.push(`ALIAS ${printName(alias)}`)
  return lines.join('\n')
}

/** Lists have a line for each part; `indent` goes before all lines but the first. */
export function printRule(rule: Rule, indent = ''): string {
  switch (rule.kind) {
    case 'all':
      return '*'
    case 'constant':
      return String(rule.value)
    case 'and':
    case 'or': {
      const inner = `${indent}  `
      const parts = rule.rules.map((part) => `${inner}${printRule(part, inner)}`)
      return `${rule.kind.toUpperCase()} (\n${parts.join(',\n')}\n${indent})`
    }
    case 'not':
      return printNegation(rule.rule, indent)
    case 'include':
      return `INCLUDE ${printName(rule.audience)}`
    case 'exists':
      return `EXISTS ${printOperand(rule.of)}`
    case 'holds':
      return printOperand(rule.of)
    case 'compare':
      return `${printOperand(rule.of)} ${rule.operator} ${printLiteral(rule.value)}`
    default:
      return `${printOperand(rule.of)} ${printTest(rule)}`
  }
}

/** Words that stand between the field and what it is tested by take the NOT before them. */
type Test = Extract<Rule, { kind: 'between' | 'contains' | 'like' | 'in' | 'intersects' }>

function printNegation(rule: Rule, indent: string): string {
  switch (rule.kind) {
    case 'between':
    case 'contains':
    case 'like':
    case 'in':
    case 'intersects':
      return `${printOperand(rule.of)} NOT ${printTest(rule)}`
    default:
      return `NOT ${printRule(rule, indent)}`
  }
}

function printTest(rule: Test): string {
  switch (rule.kind) {
    case 'between':
      return `BETWEEN ${printLiteral(rule.from)} AND ${printLiteral(rule.to)}`
    case 'contains':
    case 'like':
      return `${rule.kind.toUpperCase()} ${printLiteral(rule.value)}`
    case 'in':
    case 'intersects':
      return `${rule.kind.toUpperCase()} (${rule.values.map(printLiteral).join(', ')})`
  }
}

export function printOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'value':
      return printLiteral(operand.value)
    case 'call':
      return `${operand.name}(${operand.args.map(printOperand).join(', ')})`
    case 'field':
      return printField(operand)
  }
}

export function printField({ field, key }: FieldRef): string {
  const name = FIELD.test(field) && !isKeyword(field) ? field : ticked(field)
  if (key === undefined) return name
  return `${name}.${KEY.test(key) ? key : ticked(key)}`
}

/** Of an audience, a table, an attribute. */
export function printName(name: string): string {
  return (NAME.test(name) && !isKeyword(name)) || ID.test(name) ? name : ticked(name)
}

export function printLiteral(value: Literal): string {
  if (value === null) return 'NULL'
  if (typeof value !== 'string') return String(value)
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`
}

function ticked(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function isKeyword(name: string): boolean {
  return KEYWORDS.has(name.toUpperCase())
}
