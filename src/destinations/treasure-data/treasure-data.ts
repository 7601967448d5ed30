/**
 * Treasure Data as a destination, in the three ways it takes pushed events. The room describes requests and
 * reads answers; it never talks to Treasure Data, and it never changes an event unless the operator chose the
 * flat layout.
 *
 * | form        | one row is           | key goes               | the answer tells           |
 * |-------------|----------------------|------------------------|----------------------------|
 * | postback-v3 | one request (a batch)| header, or in the URL  | nothing about the key      |
 * | postback-v2 | one request (a batch)| header                 | nothing about the key      |
 * | records     | one event            | header (TD1)           | one receipt for each event |
 *
 * Both Postback forms answer 200 before they look at the key: rows sent with a wrong key vanish at Treasure
 * Data, and no sender can see it (Treasure Data, Postback API). That is why `check` also asks the records
 * endpoint, which does look.
 */

import type { Destination } from '../destination.ts'
import { checkTreasureData } from './check.ts'
import { POSTBACK_LIMITS, postbackWriter } from './postback.ts'
import { recordsLimits, recordsWriter } from './records.ts'
import { TreasureDataCredentials, TreasureDataSettings } from './settings.ts'

export const treasureData: Destination<TreasureDataSettings, TreasureDataCredentials> = {
  name: 'treasure-data',
  title: 'Treasure Data',
  description:
    'Rows in a Treasure Data table: one per batch through the Postback API (as a Braze "Treasure Data Export" writes them), or one per event through the records API.',
  settings: TreasureDataSettings,
  credentials: TreasureDataCredentials,
  check: checkTreasureData,
  events: {
    limits: (settings) => (settings.form === 'records' ? recordsLimits(settings.layout) : POSTBACK_LIMITS),
    writer(target) {
      return target.settings.form === 'records' ? recordsWriter(target) : postbackWriter(target)
    },
  },
}
