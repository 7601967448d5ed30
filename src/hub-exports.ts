/** What exports need of the rest of the hub: the book in the process of the profiles, and the way out. */

import type { Alerts } from './alerts/alerts.ts'
import type { Clock } from './core/clock.ts'
import type { Random } from './core/random.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { Transport } from './delivery/transport.ts'
import { Exports, type ExportsLogger } from './profiles/exports/exports.ts'
import type { Profiles } from './profiles/profiles.ts'
import type { Authorizations } from './store/authorizations.ts'
import type { Lease } from './store/leases.ts'
import type { Store } from './store/store.ts'

interface Parts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly lease: Lease
  readonly delivery: Delivery
  readonly alerts: Alerts
  readonly authorizations: Authorizations
  readonly profiles: Profiles
  readonly logger: ExportsLogger
  readonly haltedRetryMs?: number | undefined
  readonly watchMs?: number | undefined
}

export function exportsOf({ delivery, profiles, haltedRetryMs, ...parts }: Parts): Exports {
  return new Exports({
    ...parts,
    blueprints: delivery.blueprints,
    book: profiles.client.book,
    slugs: async () => new Map(profiles.audiences.rules.map(({ number, slug }) => [number, slug])),
    identifierFields: async () => {
      const { fields } = profiles.schemas.present.definition
      return new Set(fields.filter(({ identifier }) => identifier !== undefined).map(({ name }) => name))
    },
    ...(haltedRetryMs === undefined ? {} : { haltedRetryMs }),
  })
}
