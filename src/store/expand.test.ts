/** Migrations expand: nodes of the release before go on working on what they leave. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Before there could be several nodes. */
const ALONE: Readonly<Record<string, number>> = { migrations: 14, 'profile-migrations': 3 }
const TAKES_AWAY =
  /\.(drop(Table|Column|View|Schema)|rename(To|Column)|setNotNull|setDataType)\(|\b(drop\s+(table|column)|rename\s+(to|column)|set\s+not\s+null|alter\s+column\s+\w+\s+type)\b/i
/** A column that must be given a value, and has no default: the release before does not give it one. */
const MUST_BE_GIVEN = /addColumn\((?:(?!addColumn)[\s\S])*?notNull\(\)(?!\s*\.defaultTo)/

interface Step {
  readonly name: string
  readonly number: number
  readonly text: string
}

function stepsIn(folder: string): Step[] {
  return readdirSync(join(import.meta.dirname, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      name,
      number: Number(name.slice(0, 4)),
      text: readFileSync(join(import.meta.dirname, folder, name), 'utf8'),
    }))
}

function breachOf({ text }: { readonly text: string }): string | undefined {
  const found = TAKES_AWAY.exec(text) ?? MUST_BE_GIVEN.exec(text)
  return found === null || /export const contracts = '[^']{20,}'/.test(text) ? undefined : found[0]
}

describe.each(Object.entries(ALONE))('%s', (folder, alone) => {
  test.each(stepsIn(folder).filter(({ number }) => number > alone))('$name only expands', (step) => {
    expect(breachOf(step)).toBeUndefined()
  })
})

test('what takes away, renames or demands is found', () => {
  for (const text of [
    "await db.schema.alterTable('a').dropColumn('b').execute()",
    "await db.schema.alterTable('a').renameTo('b').execute()",
    'await sql`alter table a drop column b`.execute(db)',
    "await db.schema.alterTable('a').addColumn('b', text, (column) => column.notNull()).execute()",
  ])
    expect(breachOf({ text })).toBeDefined()
  const expands =
    "await db.schema.alterTable('a').addColumn('b', text, (column) => column.notNull().defaultTo('')).execute()"
  expect(breachOf({ text: expands })).toBeUndefined()
  const contracts = "export const contracts = 'b: nobody reads it since 0.2'\n.dropColumn('b')"
  expect(breachOf({ text: contracts })).toBeUndefined()
})
