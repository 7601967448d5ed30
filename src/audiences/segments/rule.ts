/**
 * The rule tree of a segment: what a person must be, over one row per person, and what they did or did not do, over a
 * related table of events. It says nothing of SQL; compile.ts does.
 *
 * A comparison with a value that is not there is false, and its negation is true: there is no third truth.
 */

import * as z from 'zod'

export const RULES_MAX = 200
export const VALUES_MAX = 1_000

const Name = z.string().min(1).max(255)
const Scalar = z.union([z.string().max(4_000), z.number(), z.boolean()])
const Day = z.number().positive().max(36_500)

/** Comparisons of a column with one value. */
export const COMPARISONS = ['is', 'is_not', 'less', 'less_or_equal', 'greater', 'greater_or_equal'] as const
/** Of texts; case counts. */
export const TEXT_TESTS = ['contains', 'starts_with', 'ends_with'] as const

const Condition = z.union([
  z.strictObject({ column: Name, test: z.enum(COMPARISONS), value: Scalar }),
  z.strictObject({ column: Name, test: z.enum(TEXT_TESTS), value: z.string().min(1).max(4_000) }),
  z.strictObject({
    column: Name,
    test: z.enum(['in', 'not_in']),
    values: z.array(Scalar).min(1).max(VALUES_MAX),
  }),
  z.strictObject({ column: Name, test: z.literal('between'), from: Scalar, to: Scalar }),
  z.strictObject({ column: Name, test: z.enum(['is_set', 'is_not_set']) }),
  // Of moments: days counted back from now.
  z.strictObject({ column: Name, test: z.enum(['within_days', 'before_days']), days: Day }),
])
export type Condition = z.infer<typeof Condition>

/** How often an event happened, within days back from now or ever. `did not` is `exactly 0`. */
const Events = z.strictObject({
  events: z.strictObject({
    times: z.enum(['at_least', 'at_most', 'exactly']),
    count: z.int().min(0).max(1_000_000),
    withinDays: Day.optional(),
    get where() {
      return Rule.optional()
    },
  }),
})

export type Rule =
  | { all: Rule[] }
  | { any: Rule[] }
  | { not: Rule }
  | Condition
  | {
      events: {
        times: 'at_least' | 'at_most' | 'exactly'
        count: number
        withinDays?: number | undefined
        where?: Rule | undefined
      }
    }

export const Rule: z.ZodType<Rule> = z
  .lazy(() =>
    z.union([
      z.strictObject({ all: z.array(Rule).max(RULES_MAX) }),
      z.strictObject({ any: z.array(Rule).max(RULES_MAX) }),
      z.strictObject({ not: Rule }),
      Condition,
      Events,
    ]),
  )
  .meta({ id: 'SegmentRule' })

/** The tables that a segment is made of: Treasure Data's parent segment. */
export const ParentSegment = z.strictObject({
  engine: Name.default('warehouse').describe('Name of the query engine.'),
  table: Name.describe('Table with one row per person, perhaps with its schema: main.people.'),
  events: z
    .strictObject({
      table: Name.describe('Table with one row per event.'),
      key: Name.describe('Its column that names the person.'),
      time: Name.describe('Its column with the moment.'),
    })
    .optional()
    .describe('What people did, for rules about events.'),
  key: Name.describe('Column of the people that the events name.'),
})
export type ParentSegment = z.infer<typeof ParentSegment>

export const SegmentDefinition = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, at most 63'),
  description: z.string().max(2_000).default(''),
  parent: ParentSegment,
  rule: Rule,
})
export type SegmentDefinition = z.infer<typeof SegmentDefinition>
