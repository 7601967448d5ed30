/**
 * How choices in the event picker become patterns. A channel that is chosen whole is written as `channel:…`, so that types which Braze adds
 * later flow too; a few of its types are written by name. What the boxes show is read from the patterns here, so that they follow the hand at
 * once; what flows in the end, of types outside the catalog too, is what the API says.
 */

import type { CatalogAnswer } from '../../../../api/routes/catalog.ts'
import type { Definition } from './definition.ts'

export type SelectionRule = Definition['selection']
export type PickerCategory = CatalogAnswer['picker'][number]
export type PickerChannel = PickerCategory['channels'][number]

/** Types of one channel of the catalog that a selection lets flow. */
export function flowingIn(
  { include, exclude }: SelectionRule,
  { category }: Pick<PickerCategory, 'category'>,
  { channel, types }: PickerChannel,
): readonly string[] {
  const covered = (patterns: readonly string[], name: string): boolean =>
    patterns.some(
      (pattern) =>
        pattern === '*' ||
        pattern === name ||
        pattern === `channel:${channel}` ||
        pattern === `category:${category}` ||
        (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1))),
    )
  return types.flatMap(({ name }) => (covered(include, name) && !covered(exclude, name) ? [name] : []))
}

/**
 * The selection that lets exactly `wanted` of the types of `picked` flow, and everything else as before. Some channels stand in both
 * categories: a pattern of the channel speaks of all their types, so these are decided together.
 */
export function withChannel(
  selection: SelectionRule,
  picker: readonly PickerCategory[],
  picked: PickerChannel,
  wanted: ReadonlySet<string>,
): SelectionRule {
  const parts = picker.flatMap((category) =>
    category.channels.filter(({ channel }) => channel === picked.channel).map((part) => ({ category, part })),
  )
  const flowingBy = (rule: SelectionRule): ReadonlySet<string> =>
    new Set(parts.flatMap(({ category, part }) => flowingIn(rule, category, part)))
  const here = new Set(picked.types.map(({ name }) => name))
  const present = flowingBy(selection)
  const names = parts.flatMap(({ part }) => part.types.map(({ name }) => name))
  const chosen = names.filter((name) => (here.has(name) ? wanted : present).has(name))
  const unwanted = names.filter((name) => !chosen.includes(name))
  const whole = `channel:${picked.channel}`
  const own = new Set([whole, ...names])
  const include = selection.include.filter((pattern) => !own.has(pattern))
  const exclude = selection.exclude.filter((pattern) => !own.has(pattern))
  // What broader patterns say of the channel:
  const flowing = flowingBy({ include, exclude })
  const missing = chosen.filter((name) => !flowing.has(name))
  const surplus = unwanted.filter((name) => flowing.has(name))
  if (chosen.length === 0) return { include, exclude: surplus.length === 0 ? exclude : [...exclude, whole] }
  if (missing.length === 0) return { include, exclude: [...exclude, ...surplus] }
  if (chosen.length * 2 <= names.length)
    return { include: [...include, ...missing], exclude: [...exclude, ...surplus] }
  return { include: [...include, whole], exclude: [...exclude, ...unwanted] }
}

/** The selection with one type that the catalog does not know put in or taken out. */
export function withType({ include, exclude }: SelectionRule, name: string, flows: boolean): SelectionRule {
  const without = (patterns: readonly string[]): string[] => patterns.filter((pattern) => pattern !== name)
  return flows
    ? { include: [...without(include), name], exclude: without(exclude) }
    : { include: without(include), exclude: [...without(exclude), name] }
}
