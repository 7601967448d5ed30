/** What the API is given. Everything is explicit; nothing is looked up globally. */

import type { Access } from '../access/access.ts'
import type { Role } from '../access/roles.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { Channels } from '../alerts/channels.ts'
import type { Dispatcher } from '../alerts/dispatcher.ts'
import type { Audiences } from '../audiences/audiences.ts'
import type { Backups } from '../backup/backups.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Configuration } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import type { Provider } from '../core/provider.ts'
import type { Settings } from '../core/settings.ts'
import type { Currents } from '../currents/registry.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Erasures } from '../erasure/erasures.ts'
import type { Dedupe, Log } from '../log/log.ts'
import type { Exports } from '../profiles/exports/exports.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { Counters } from '../sources/counters.ts'
import type { Drift } from '../sources/drift/drift.ts'
import type { Imports } from '../sources/files/imports.ts'
import type { Sources } from '../sources/registry.ts'
import type { Verdicts } from '../sources/verdicts.ts'
import type { Authorizations } from '../store/authorizations.ts'
import type { Store } from '../store/store.ts'
import type { EmbeddedWarehouse } from '../warehouse/duckdb/duckdb.ts'
import type { Engines } from '../warehouse/engines.ts'
import type { Queries } from '../warehouse/queries.ts'
import type { SavedQueries } from '../warehouse/saved-queries.ts'

export interface ApiParts {
  /** Of this program, as in package.json. */
  readonly version: string
  readonly clock: Clock
  readonly logger: ApiLogger
  readonly settings: Settings
  readonly dataDir: string
  /** What the build of the console made; it need not be there. */
  readonly consoleFolder: string
  readonly store: Store
  readonly cluster: Cluster
  readonly log: Log
  readonly dedupe: Dedupe
  /** Keys the identity of event ids that are not UUIDs. */
  readonly identityKey: Uint8Array
  /** By which the nodes of this store know each other. */
  readonly nodeKey: Uint8Array
  readonly sources: Sources
  /** What came through the doors since the start. */
  readonly counters: Counters
  /** What became of the messages at the doors that tell their senders little. */
  readonly verdicts: Verdicts
  readonly drift: Drift
  readonly imports: Imports
  readonly authorizations: Authorizations
  /** Whose credentials an authorization can keep. */
  readonly providers: readonly Provider[]
  readonly alerts: Alerts
  readonly alertChannels: Channels
  readonly alertDispatcher: Dispatcher
  readonly currents: Currents
  readonly delivery: Delivery
  readonly engines: Engines
  readonly queries: Queries
  readonly savedQueries: SavedQueries
  readonly warehouse: EmbeddedWarehouse
  /** Least role that may run queries and see tables. */
  readonly queryRole: Role
  readonly audiences: Audiences
  readonly profiles: Profiles
  readonly erasures: Erasures
  readonly exports: Exports
  readonly backups: Backups
  readonly configuration: Configuration
  readonly access: Access
  /** Addresses and networks of proxies whose X-Forwarded headers are believed. */
  readonly trustedProxies?: readonly string[]
  /**
   * The doubles of the sandbox by name, when this process runs them. Absent: the API has no sandbox
   * addresses.
   */
  readonly sandbox?: ReadonlyMap<string, SandboxDouble>
}

/** The part of pino that the API uses. */
export interface ApiLogger {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What the API shows of one double, and the switches it passes on. */
export interface SandboxDouble {
  readonly url: string
  state(): Record<string, unknown>
  /** What time it is for the double, in milliseconds since the epoch. */
  now(): number
  /** What it keeps, to be looked through. */
  holdings(): readonly {
    readonly name: string
    readonly title: string
    readonly total: number
    page(offset: number, limit: number): readonly unknown[]
  }[]
  /** The last requests that it saw. */
  readonly seen: {
    readonly length: number
    newest(offset: number, limit: number): readonly unknown[]
  }
  readonly faults: {
    /** Takes `{"faults":[…]}`. Throws INPUT_INVALID. */
    setJson(json: unknown): void
    state(): unknown
  }
  reset(): void
}
