/** What an operator says of files that hold rows of people. */

import * as z from 'zod'
import { STREAM } from '../addresses.ts'

export const RowsSettings = z.strictObject({
  stream: z
    .string()
    .regex(STREAM, 'A stream is named as in the address that it could be sent to')
    .describe('Stream that the rows are of, as if they were sent to it'),
  timestampField: z
    .string()
    .min(1)
    .max(1_024)
    .optional()
    .describe('Column that holds the time of a row. Unset: rows are of the moment when they are read'),
  delimiter: z
    .string()
    .regex(/^[^"\r\n]$/, 'A delimiter is one character, or t for a tab')
    .default(',')
    .describe('Between the cells of a CSV; t is a tab'),
  onlyChanged: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(10)
    .optional()
    .describe(
      'Columns that tell rows apart. With them only rows are taken that are new, or say something else than when they were last imported; nothing follows from rows that are gone',
    ),
})
export type RowsSettings = z.output<typeof RowsSettings>
