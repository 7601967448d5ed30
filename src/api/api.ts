/**
 * The API: the surface for people and programs. The same Zod schemas validate a request, shape the answer and
 * document both; every route says which role it needs and what the trail keeps of it, and nothing is open but health and
 * the ways in. This room translates
 * between HTTP and the other rooms' own words; it must never decide what happens to a record, never name
 * another room's table, and never show a secret.
 */

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import Fastify from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { guard } from './access.ts'
import { type Api, FASTIFY_OPTIONS } from './app.ts'
import { keepTrail } from './audited.ts'
import { consoleRoutes } from './console-files.ts'
import { StepIds } from './desk.ts'
import { DiskWatch } from './disk.ts'
import { documented } from './document.ts'
import { answerFailures } from './failures.ts'
import { Forwarding } from './forwarding.ts'
import { healthRoutes } from './health.ts'
import { LiveStreams } from './live.ts'
import type { ApiParts } from './parts.ts'
import { Pulse } from './pulse.ts'
import { activationPreviewRoutes } from './routes/activation-previews.ts'
import { activationRoutes } from './routes/activations.ts'
import { alertChannelRoutes } from './routes/alert-channels.ts'
import { alertRoutes } from './routes/alerts.ts'
import { audienceRoutes } from './routes/audiences.ts'
import { auditRoutes } from './routes/audit.ts'
import { authorizationRoutes } from './routes/authorizations.ts'
import { backupRoutes } from './routes/backups.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { currentEventRoutes } from './routes/current-events.ts'
import { currentStateRoutes } from './routes/current-state.ts'
import { currentRoutes } from './routes/currents.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { destinationRoutes } from './routes/destinations.ts'
import { driftRoutes } from './routes/drift.ts'
import { engineRoutes } from './routes/engines.ts'
import { erasureRoutes } from './routes/erasures.ts'
import { eventRoutes } from './routes/events.ts'
import { exportRoutes } from './routes/exports.ts'
import { importRoutes } from './routes/imports.ts'
import { inboxRoutes } from './routes/inbox.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { liveRoutes } from './routes/live.ts'
import { meRoutes } from './routes/me.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { peopleRoutes } from './routes/people.ts'
import { profileRoutes } from './routes/profiles.ts'
import { providerRoutes } from './routes/providers.ts'
import { queryRoutes } from './routes/queries.ts'
import { replayRoutes } from './routes/replays.ts'
import { runRoutes } from './routes/runs.ts'
import { sandboxRoutes } from './routes/sandbox.ts'
import { segmentRoutes } from './routes/segments.ts'
import { sessionRoutes } from './routes/session.ts'
import { sourceRoutes } from './routes/sources.ts'
import { sqlRoutes } from './routes/sql.ts'
import { streamRoutes } from './routes/streams.ts'
import { systemRoutes } from './routes/system.ts'
import { tokenRoutes } from './routes/tokens.ts'

/** Of a request body. The largest that is meant: a preview with a hundred events. */
export const BODY_BYTES_MAX = 4_194_304
/** Of one part of an address, percent-encoded: event ids are the longest. */
const PARAMETER_CHARS_MAX = 2_048
const PREFIX = '/api/v1'

export interface MountedApi {
  /** Answers a request that no door took. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** For tests: the routes, and requests without a socket. */
  readonly app: Api
  /**
   * Ends live streams and refuses what comes later (503). Call it before closing the server: streams would
   * hold it open.
   */
  close(): Promise<void>
}

export async function createApi(parts: ApiParts): Promise<MountedApi> {
  const stepIds = new StepIds()
  const app: Api = Fastify({
    ...FASTIFY_OPTIONS,
    bodyLimit: BODY_BYTES_MAX,
    genReqId: (request) => stepIds.of(request) ?? randomBytes(8).toString('hex'),
    trustProxy: parts.trustedProxies === undefined ? false : [...parts.trustedProxies],
    routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
  }).withTypeProvider<ZodTypeProvider>()
  // First, so that refusals have them, too.
  app.addHook('onRequest', async (request, reply) => {
    reply
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .header('x-request-id', request.id)
  })
  guard(app, parts.access)
  keepTrail(app, parts.access, parts.clock, parts.logger)
  answerFailures(app, parts.logger)
  app.addHook('preValidation', async (request) => {
    // No body is the same as an empty object, so that `curl -X POST` does for actions.
    if (request.routeOptions.schema?.body !== undefined) request.body ??= {}
  })
  const document = documented(app, parts.version)
  const pulse = new Pulse(parts)
  const streams = new LiveStreams(parts, pulse)
  const disk = new DiskWatch(parts.dataDir, parts.clock)
  disk.start()
  await app.register(async (scope) => {
    healthRoutes(scope.withTypeProvider<ZodTypeProvider>(), parts)
    metricsRoutes(scope.withTypeProvider<ZodTypeProvider>(), async () => {
      const { createMetrics } = await import('./metrics.ts')
      return createMetrics(parts, pulse)
    })
  })
  await app.register(
    async (scope) => {
      const api = scope.withTypeProvider<ZodTypeProvider>()
      systemRoutes(api, parts, pulse, disk)
      for (const routes of RESOURCES) routes(api, parts)
      configurationRoutes(api, parts, stepIds)
      liveRoutes(api, streams, parts.access)
      openApiRoutes(api, document)
    },
    { prefix: PREFIX },
  )
  consoleRoutes(app, parts.consoleFolder)
  const forwarding = new Forwarding(parts, PREFIX)
  const takesApi = parts.settings.roles.includes('api')
  await app.ready()
  return {
    handle: (request, response) => {
      if (!takesApi && !forwarding.isForAll(request)) return refuseRole(response)
      const wanted = forwarding.wants(request)
      if (wanted === undefined) app.routing(request, response)
      else
        void forwarding.take(request, response, wanted).then((taken) => {
          if (!taken) app.routing(request, response)
        })
    },
    app,
    close: async () => {
      streams.close()
      disk.stop()
      await app.close()
    },
  }
}

function refuseRole(response: ServerResponse): void {
  const message = 'This node has not the role api: ask another one'
  response
    .writeHead(404, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { code: 'NODE_STATE', message } }))
}

/** In the order in which the document lists them. */
const RESOURCES: readonly ((app: Api, parts: ApiParts) => void)[] = [
  nodeRoutes,
  backupRoutes,
  sourceRoutes,
  inboxRoutes,
  driftRoutes,
  importRoutes,
  catalogRoutes,
  destinationRoutes,
  providerRoutes,
  authorizationRoutes,
  currentRoutes,
  currentEventRoutes,
  currentStateRoutes,
  deadLetterRoutes,
  replayRoutes,
  activationRoutes,
  activationPreviewRoutes,
  runRoutes,
  segmentRoutes,
  streamRoutes,
  profileRoutes,
  audienceRoutes,
  exportRoutes,
  ledgerRoutes,
  eventRoutes,
  erasureRoutes,
  sqlRoutes,
  queryRoutes,
  engineRoutes,
  alertRoutes,
  alertChannelRoutes,
  sessionRoutes,
  meRoutes,
  peopleRoutes,
  tokenRoutes,
  auditRoutes,
  sandboxRoutes,
]
