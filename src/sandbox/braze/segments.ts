/**
 * Segments of the workspace: a filter over profiles with a size that is always of now. The filter that matters here is
 * the partner's, for example "Treasure Data Cohorts" with includes or does not include; the others are what the tests
 * and the tour need.
 */

import * as z from 'zod'
import type { Cohorts } from './cohorts.ts'
import type { Profile, Profiles } from './profiles.ts'

export type Filter =
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly cohort: { readonly partner: string; readonly id: string; readonly includes: boolean } }
  /** Array attributes: whether they hold the value. */
  | { readonly attribute: { readonly name: string; readonly has: string | number | boolean } }
  | { readonly identified: boolean }

const Name = z.string().min(1).max(500)

export const Filter: z.ZodType<Filter> = z.lazy(() =>
  z.union([
    z.strictObject({ all: z.array(Filter).max(100) }),
    z.strictObject({ any: z.array(Filter).max(100) }),
    z.strictObject({ cohort: z.strictObject({ partner: Name, id: Name, includes: z.boolean() }) }),
    z.strictObject({
      attribute: z.strictObject({ name: Name, has: z.union([z.string(), z.number(), z.boolean()]) }),
    }),
    z.strictObject({ identified: z.boolean() }),
  ]),
)

export const NewSegment = z.strictObject({ name: Name, filter: Filter })
export type NewSegment = z.infer<typeof NewSegment>

export interface Segment extends NewSegment {
  readonly id: string
}

export const SEGMENTS_MAX = 1000

export class Segments {
  readonly #profiles: Profiles
  readonly #cohorts: Cohorts
  readonly #segments = new Map<string, Segment>()

  constructor(profiles: Profiles, cohorts: Cohorts) {
    this.#profiles = profiles
    this.#cohorts = cohorts
  }

  add(id: string, segment: NewSegment): Segment {
    const made = { id, ...segment }
    this.#segments.set(id, made)
    return made
  }

  get(id: string): Segment | undefined {
    return this.#segments.get(id)
  }

  /** Oldest first. */
  list(): Segment[] {
    return [...this.#segments.values()]
  }

  *members({ filter }: Segment): Generator<Profile> {
    for (const profile of this.#profiles.all()) if (this.#fits(profile, filter)) yield profile
  }

  size(segment: Segment): number {
    let size = 0
    for (const _ of this.members(segment)) size++
    return size
  }

  clear(): void {
    this.#segments.clear()
  }

  #fits(profile: Profile, filter: Filter): boolean {
    if ('all' in filter) return filter.all.every((one) => this.#fits(profile, one))
    if ('any' in filter) return filter.any.some((one) => this.#fits(profile, one))
    if ('identified' in filter) return profile.identified === filter.identified
    if ('cohort' in filter) {
      const { partner, id, includes } = filter.cohort
      return (this.#cohorts.get(partner, id)?.members.has(profile) ?? false) === includes
    }
    const { name, has } = filter.attribute
    const value = profile.custom?.get(name) ?? profile.fields?.get(name)
    return Array.isArray(value) ? value.includes(has) : value === has
  }
}
