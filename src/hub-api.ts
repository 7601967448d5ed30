/** What of a running hub the API is given. */

import { join } from 'node:path'
import type { ApiParts, SandboxDouble } from './api/parts.ts'
import { Configuration } from './config/config.ts'
import type { Hub } from './hub.ts'
import type { Sandbox } from './sandbox/sandbox.ts'

/** Made by scripts/build-console.ts. */
const CONSOLE_FOLDER = join(import.meta.dirname, '../dist/console')

type GivenElsewhere = 'version' | 'access'

/** `sandbox`: its doubles can be looked into and told to fail. */
export function apiPartsOf(hub: Hub, sandbox?: Sandbox): Omit<ApiParts, GivenElsewhere> {
  const { trustedProxies } = hub.settings
  return {
    clock: hub.clock,
    logger: hub.logger,
    settings: hub.settings,
    dataDir: hub.settings.dataDir,
    consoleFolder: CONSOLE_FOLDER,
    store: hub.store,
    cluster: hub.cluster,
    log: hub.log,
    dedupe: hub.dedupe,
    identityKey: hub.identityKey,
    nodeKey: hub.nodeKey,
    sources: hub.sources,
    counters: hub.doors.counters,
    verdicts: hub.doors.verdicts,
    drift: hub.drift,
    imports: hub.imports,
    authorizations: hub.authorizations,
    providers: hub.providers,
    alerts: hub.alerts,
    alertChannels: hub.alertChannels,
    alertDispatcher: hub.alertDispatcher,
    currents: hub.currents,
    delivery: hub.delivery,
    audiences: hub.audiences,
    profiles: hub.profiles,
    erasures: hub.erasures,
    exports: hub.exports,
    backups: hub.backups,
    engines: hub.engines,
    queries: hub.queries,
    savedQueries: hub.savedQueries,
    warehouse: hub.warehouse,
    configuration: new Configuration(hub),
    queryRole: hub.settings.queryRole,
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    ...(sandbox === undefined ? {} : { sandbox: doublesOf(sandbox) }),
  }
}

function doublesOf({ braze, treasureData, segment, http }: Sandbox): NonNullable<ApiParts['sandbox']> {
  return new Map<string, SandboxDouble>([
    ['braze', braze],
    ['treasure-data', treasureData],
    ['segment', segment],
    ['http', http],
  ])
}
