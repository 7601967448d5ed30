/**
 * Who may call what. Every route declares the least role it takes; one that declares none cannot be added.
 * The token is checked on the request's head, before its body is read.
 *
 * viewer reads; operator changes what flows; admin holds what gives or takes access: tokens, authorizations,
 * and the making of sources.
 */

import type { FastifyRequest } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Api } from './app.ts'
import { Attempts } from './attempts.ts'
import type { ApiLogger } from './parts.ts'
import { type ApiToken, type ApiTokens, allows, type Role } from './tokens.ts'

/** `open`: answers without a token. */
export type RouteRole = Role | 'open'

declare module 'fastify' {
  interface FastifyContextConfig {
    role?: RouteRole
  }
  interface FastifyRequest {
    /** Whose token the request carries; undefined on open routes. */
    caller: ApiToken | undefined
  }
}

const BEARER = /^Bearer +([\x21-\x7e]{1,1024}) *$/i

export function guard(app: Api, tokens: ApiTokens, clock: Clock, logger: ApiLogger): void {
  const attempts = new Attempts(clock)
  app.decorateRequest('caller', undefined)

  app.addHook('onRoute', (route) => {
    const role = route.config?.role
    if (role === undefined)
      throw new ThalwegError('DEFECT', `The route ${String(route.method)} ${route.url} declares no role`)
    if (route.schema !== undefined) {
      route.schema = { ...route.schema, security: role === 'open' ? [] : [{ bearer: [] }] }
      const { description = '' } = route.schema
      const needs = role === 'open' ? 'Needs no token.' : `Needs the role ${role}.`
      route.schema.description = `${description} ${needs}`.trim()
    }
  })

  app.addHook('onRequest', async (request) => {
    const role = request.routeOptions.config.role
    if (request.is404 || role === 'open') return
    request.caller = await callerOf(request, tokens, attempts)
    if (role === undefined || !allows(request.caller.role, role)) {
      throw new ThalwegError(
        'TOKEN_FORBIDDEN',
        `This needs the role ${role}; the token "${request.caller.label}" has the role ${request.caller.role}`,
      )
    }
    tokens.used(request.caller).catch((error: unknown) => {
      logger.warn({ err: error }, 'could not note the use of an API token')
    })
  })
}

async function callerOf(request: FastifyRequest, tokens: ApiTokens, attempts: Attempts): Promise<ApiToken> {
  const header = request.headers.authorization
  if (header === undefined) {
    throw new ThalwegError(
      'TOKEN_MISSING',
      'Send an API token: "Authorization: Bearer <token>". The first one was printed at the first start',
    )
  }
  const secret = BEARER.exec(header)?.[1]
  const caller = secret === undefined ? undefined : await tokens.holder(secret)
  if (caller !== undefined) return caller
  // Holders of a good token behind the same address are never shut out: only wrong tokens are answered 429.
  attempts.failed(request.ip)
  const waitSeconds = attempts.waitSeconds(request.ip)
  if (waitSeconds > 0) {
    throw new ThalwegError(
      'TOKEN_ATTEMPTS',
      `Too many wrong API tokens came from ${request.ip}: wait ${waitSeconds} s`,
    )
  }
  throw new ThalwegError(
    'TOKEN_REFUSED',
    secret === undefined
      ? 'The Authorization header is not of the form "Bearer <token>"'
      : 'The API token is wrong or was revoked',
  )
}
