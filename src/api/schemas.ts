/** Shapes that several resources share. What one resource alone has stands beside its routes. */

import * as z from 'zod'
import { ERROR_CODES } from '../core/errors.ts'

export const Time = z.int().describe('Milliseconds since the Unix epoch.')
export const TimeOrNull = z.int().nullable().describe('Milliseconds since the Unix epoch; null: never.')
export const Count = z.int()
export const Offset = z.int().min(0).describe('Position of a record in the log.')

export const ErrorAnswer = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(ERROR_CODES) as [string, ...string[]]),
      message: z.string().describe('What, where and how to mend it.'),
      details: z
        .unknown()
        .optional()
        .describe(
          'For INPUT_INVALID, CURRENT_INVALID: every field that does not fit. For a query: the position in its text.',
        ),
    }),
  })
  .meta({ id: 'Error', description: 'What every refusal looks like.' })

export const JsonSchema = z.record(z.string(), z.unknown()).describe('JSON Schema.')

export const NOTHING = z.undefined().describe('Done; there is nothing to say.')

export const CurrentParams = z.object({
  current: z.string().min(1).max(63).describe('Name or number of the current.'),
})

export const Note = z.string().max(2_000).describe('Why, for those who come later.')

/** Query of a route that makes what has versions. */
export const FirstNote = z.object({ note: Note.default('created') })
