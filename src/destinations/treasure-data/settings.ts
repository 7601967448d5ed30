/** What an operator says about a Treasure Data table, and what secret opens it. */

import * as z from 'zod'
import { treasureDataSites } from '../../catalog/instances.ts'
import { Address, BaseAddress } from '../address.ts'
import { Secret } from '../credential.ts'
import { placeProblem } from './place.ts'

/**
 * Treasure Data, naming: lower-case letters, digits and underscores; 3 to 128 characters today, up to 255 for
 * names made long ago.
 */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9_]{3,255}$/,
    'A name at Treasure Data is 3 to 255 lower-case letters, digits and underscores',
  )

export const TreasureDataSettings = z
  .strictObject({
    form: z
      .enum(['postback-v3', 'postback-v2', 'records'])
      .default('postback-v3')
      .describe(
        'How rows are written. postback-v3 and postback-v2: one row per batch, all events in its column "events". records: one row per event, with a receipt for each.',
      ),
    url: Address.optional().describe(
      'The Treasure Data URL as copied from its console, without the key, for example https://in.treasuredata.com/postback/v3/event/my_database/my_table. Instead of it: region or host, with database and table.',
    ),
    region: z
      .enum(treasureDataSites.map((site) => site.name))
      .optional()
      .describe(
        `Site of the Treasure Data account, when no url is given: ${treasureDataSites.map(({ name, title }) => `${name} (${title})`).join(', ')}.`,
      ),
    host: BaseAddress.optional().describe(
      'Base address instead of a region, for a proxy or a self-hosted receiver, for example http://127.0.0.1:7081.',
    ),
    database: Name.optional().describe('Database, when no url is given.'),
    table: Name.optional().describe('Table, when no url is given. Treasure Data makes it at the first row.'),
    keyIn: z
      .enum(['header', 'query'])
      .default('header')
      .describe('Where the write key travels. query (td_write_key in the URL) exists in postback-v3 only.'),
    layout: z
      .enum(['nested', 'flat'])
      .default('nested')
      .describe(
        'Form records only. nested: the event unchanged, its time being the time of the row. flat: one column per field, such as user_external_user_id and properties_campaign_name; the time of the event in event_time.',
      ),
    verifyHost: BaseAddress.optional().describe(
      'Base address of a records API where the check may try the key without leaving a row. Known for the hosts of Treasure Data itself.',
    ),
  })
  .superRefine((settings, context) => {
    const problem = placeProblem(settings)
    if (problem !== undefined)
      context.addIssue({ code: 'custom', path: [problem.field], message: problem.message })
  })
export type TreasureDataSettings = z.infer<typeof TreasureDataSettings>

export const TreasureDataCredentials = z.strictObject({
  writeKey: Secret.describe(
    'Write-only API key, "<account number>/<40 hexadecimal digits>". A master key works too but opens far more than needed.',
  ),
  apiKey: Secret.optional().describe(
    'Master or query key, only for asking Treasure Data queries: a write-only key cannot. Not used to deliver events.',
  ),
})
export type TreasureDataCredentials = z.infer<typeof TreasureDataCredentials>
