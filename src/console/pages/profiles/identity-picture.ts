/** What the picture of an identity shows: identifiers as nodes, and between them what brought them together or keeps them apart. */

import type {
  ConflictAnswer,
  MergeAnswer,
  NeverLinkAnswer,
  ProfileAnswer,
} from '../../../api/routes/profiles.ts'
import { count, dateTime, day } from '../../elements/words.ts'
import { reasonOf } from './naming.ts'

export interface PictureNode {
  readonly id: string
  readonly kind: 'held' | 'retired' | 'conflict'
  readonly field: string
  readonly value: string
  readonly rank: number
  /** Which of the kinds, from 0, the strongest first: its colour. */
  readonly namespace: number
  readonly note: string
  /** Said with the note to whoever points at it. */
  readonly more: string
  readonly shared: boolean
  /** Whose it is instead; a conflict's only. */
  readonly owner: number | null
}

export interface PictureEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly kind: 'seen' | 'joined' | 'conflict' | 'apart'
  readonly label: string
}

export interface Picture {
  readonly nodes: readonly PictureNode[]
  readonly edges: readonly PictureEdge[]
}

export interface Around {
  readonly merges: readonly MergeAnswer[]
  readonly conflicts: readonly ConflictAnswer[]
  readonly apart: readonly NeverLinkAnswer[]
}

const keyOf = (field: string, value: string): string => `${field} ${value}`

/** `ranks`: by field; the strongest is 1. */
export function pictureOf(
  profile: ProfileAnswer,
  { merges, conflicts, apart }: Around,
  ranks: ReadonlyMap<string, number>,
): Picture {
  const rankOf = (field: string): number => ranks.get(field) ?? 0
  const namespaces = [...ranks].filter(([, rank]) => rank > 0).sort((a, b) => a[1] - b[1])
  const about = (field: string, value: string) => ({
    id: keyOf(field, value),
    field,
    value,
    rank: rankOf(field),
    namespace: Math.max(
      0,
      namespaces.findIndex(([name]) => name === field),
    ),
  })
  const nodes: PictureNode[] = [
    ...profile.identifiers.map(({ field, value, records, firstAt, streams, sharedAt }) => ({
      ...about(field, value),
      kind: 'held' as const,
      note: `${count(records)} ${records === 1 ? 'record' : 'records'} since ${day(firstAt)}`,
      more: streams.length === 0 ? '' : `, by ${streams.join(', ')}`,
      shared: sharedAt !== null,
      owner: null,
    })),
    ...profile.retired.map(({ field, value, lastAt }) => ({
      ...about(field, value),
      id: `retired ${keyOf(field, value)}`,
      kind: 'retired' as const,
      note: `retired, last ${day(lastAt)}`,
      more: '',
      shared: false,
      owner: null,
    })),
  ]
  const held = new Map(profile.identifiers.map(({ field, value }, i) => [keyOf(field, value), i]))
  const strongest = [...profile.identifiers].sort((a, b) => rankOf(a.field) - rankOf(b.field))[0]
  const center = strongest === undefined ? undefined : keyOf(strongest.field, strongest.value)
  const edges: PictureEdge[] = []
  const standing = merges.filter(({ undoneAt }) => undoneAt === null)
  for (const [i, { a, b, records, firstAt, stream }] of profile.links.entries()) {
    const [one, two] = [profile.identifiers[a], profile.identifiers[b]]
    if (one === undefined || two === undefined) continue
    const [from, to] = rankOf(one.field) <= rankOf(two.field) ? [one, two] : [two, one]
    const join = standing.find((merge) => merge.at === firstAt && isLoser(merge, one) !== isLoser(merge, two))
    edges.push({
      id: `link ${i}`,
      from: keyOf(from.field, from.value),
      to: keyOf(to.field, to.value),
      kind: join === undefined ? 'seen' : 'joined',
      label: join === undefined ? `${count(records)}× ${stream}` : `join ${count(join.id)}, ${stream}`,
    })
  }
  edges.push(...joinsWithoutLink(standing, edges, held, center))
  const shown = new Set<string>()
  for (const { id, field, value, reason, kept, other, at } of conflicts) {
    const key = keyOf(field, value)
    if (shown.has(key) || held.has(key)) continue
    shown.add(key)
    const owner = other === profile.id ? kept : other
    nodes.push({
      ...about(field, value),
      id: `conflict ${key}`,
      kind: 'conflict',
      note: reasonOf(reason),
      more: `, ${dateTime(at)}`,
      shared: false,
      owner,
    })
    if (center !== undefined)
      edges.push({
        id: `conflict ${id}`,
        from: center,
        to: `conflict ${key}`,
        kind: 'conflict',
        label: 'conflict',
      })
  }
  for (const { a, b } of apart) {
    const [one, two] = [keyOf(...a), keyOf(...b)]
    if (held.has(one) && held.has(two))
      edges.push({ id: `apart ${one} ${two}`, from: one, to: two, kind: 'apart', label: 'kept apart' })
  }
  return { nodes, edges }
}

function isLoser({ identifiers }: MergeAnswer, { field, value }: { field: string; value: string }): boolean {
  return identifiers.some(([name, one]) => name === field && one === value)
}

/** A join whose link is gone, or is older than it, is drawn between the strongest of both sides. */
function joinsWithoutLink(
  merges: readonly MergeAnswer[],
  drawn: readonly PictureEdge[],
  held: ReadonlyMap<string, number>,
  center: string | undefined,
): PictureEdge[] {
  const told = new Set(drawn.filter(({ kind }) => kind === 'joined').map(({ label }) => label.split(',')[0]))
  return merges.flatMap(({ id, identifiers }) => {
    const label = `join ${count(id)}`
    const loser = identifiers.map((pair) => keyOf(...pair)).find((key) => held.has(key) && key !== center)
    if (center === undefined || loser === undefined || told.has(label)) return []
    return [{ id: `merge ${id}`, from: center, to: loser, kind: 'joined' as const, label }]
  })
}
