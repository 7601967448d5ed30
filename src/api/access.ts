/**
 * Who may call what. Every route declares the least role it takes, and one that changes something what the trail keeps of it; a
 * route that does not cannot be added. Who calls is told by an API token or by the cookie of a session, on the request's head,
 * before its body is read.
 *
 * viewer reads; operator changes what flows; admin holds what gives or takes access: people, tokens, authorizations, and the
 * making of sources.
 *
 * A browser sends a cookie whoever made it ask. So what comes without a token and may change something must carry a header that no
 * foreign page can send without being allowed to, which we allow nobody, and must not come from another origin.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../access/access.ts'
import type { Caller } from '../access/caller.ts'
import { allows, type Role } from '../access/roles.ts'
import type { From } from '../access/sessions.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Api } from './app.ts'
import type { AuditRule } from './audited.ts'

/** `open`: answers without a caller. */
export type RouteRole = Role | 'open'

declare module 'fastify' {
  interface FastifyContextConfig {
    role?: RouteRole
    /** Of every route with another method than GET. */
    audit?: AuditRule
  }
  interface FastifyRequest {
    /** Whose token or session the request carries; undefined on open routes. */
    caller: Caller | undefined
  }
}

export const SESSION_COOKIE = 'thalweg_session'
export const CONSOLE_HEADER = 'x-thalweg-console'

const BEARER = /^Bearer +([\x21-\x7e]{1,1024}) *$/i
const COOKIE = new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([\\w-]{1,128})(?:;|$)`)
const SAFE = new Set(['GET', 'HEAD'])

export function guard(app: Api, access: Access): void {
  app.decorateRequest('caller', undefined)

  app.addHook('onRoute', (route) => {
    const { role, audit } = route.config ?? {}
    const where = `The route ${String(route.method)} ${route.url}`
    if (role === undefined) throw new ThalwegError('DEFECT', `${where} declares no role`)
    const changes = !SAFE.has(String(route.method))
    if (changes !== (audit !== undefined))
      throw new ThalwegError(
        'DEFECT',
        changes ? `${where} does not declare what the trail keeps of it` : `${where} changes nothing`,
      )
    if (role === 'viewer' && typeof audit === 'object' && audit.own !== true)
      throw new ThalwegError('DEFECT', `${where} would let a viewer change something`)
    if (route.schema === undefined) return
    const { description = '' } = route.schema
    const needs = role === 'open' ? 'Needs no token.' : `Needs the role ${role}.`
    const leaves = typeof audit === 'object' ? ' Leaves an entry in the trail of changes.' : ''
    route.schema = {
      ...route.schema,
      security: role === 'open' ? [] : [{ bearer: [] }, { session: [] }],
      description: `${description} ${needs}${leaves}`.trim(),
    }
  })

  app.addHook('onRequest', async (request) => {
    const { role } = request.routeOptions.config
    if (request.is404) return
    if (role !== 'open') request.caller = await callerOf(request, access)
    if (request.caller?.kind !== 'token' && !SAFE.has(request.method)) refuseForeign(request)
    if (role === 'open' || request.caller === undefined) return
    if (role !== undefined && allows(request.caller.role, role)) return
    throw new ThalwegError(
      'TOKEN_FORBIDDEN',
      `This needs the role ${role}; ${nameOf(request.caller)} has the role ${request.caller.role}`,
    )
  })
}

/** Who calls an open route, if anybody; what is wrong counts as nobody. Throws TOKEN_ATTEMPTS. */
export async function whoeverCalls(request: FastifyRequest, access: Access): Promise<Caller | undefined> {
  const { token, session } = credentialsOf(request)
  if (token !== undefined) return access.byToken(token, request.ip)
  return session === undefined ? undefined : access.bySession(session)
}

/** What the histories of objects call whoever asks. */
export function callerName({ caller }: Pick<FastifyRequest, 'caller'>): string {
  return caller?.name ?? ''
}

/** The caller of a route that is not open. */
export function callerIn({ caller }: Pick<FastifyRequest, 'caller'>): Caller {
  if (caller === undefined) throw new ThalwegError('DEFECT', 'The request has no caller')
  return caller
}

export function comesFrom(request: FastifyRequest): From {
  return { agent: request.headers['user-agent'] ?? '', address: request.ip }
}

/** Lasts as long as the browser: when it ends is for the hub to say. An empty secret takes the cookie away. */
export function setSession(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  const parts = [`${SESSION_COOKIE}=${secret}`, 'HttpOnly', 'SameSite=Strict', 'Path=/']
  if (request.protocol === 'https') parts.push('Secure')
  if (secret === '') parts.push('Max-Age=0')
  reply.header('set-cookie', parts.join('; '))
}

async function callerOf(request: FastifyRequest, access: Access): Promise<Caller> {
  const caller = await whoeverCalls(request, access)
  if (caller !== undefined) return caller
  const { token, session } = credentialsOf(request)
  if (token !== undefined)
    throw new ThalwegError(
      'TOKEN_REFUSED',
      token === ''
        ? 'The Authorization header is not of the form "Bearer <token>"'
        : 'The API token is wrong or was revoked',
    )
  if (session !== undefined) throw new ThalwegError('SESSION_ENDED', 'Your session has ended: sign in again')
  throw new ThalwegError(
    'TOKEN_MISSING',
    'Sign in, or send an API token: "Authorization: Bearer <token>". The first one was printed at the first start',
  )
}

/** A token that cannot be one is empty. Where a proxy asks browsers for a password of its own, its header stands beside our cookie. */
function credentialsOf({ headers }: FastifyRequest): { token?: string; session?: string } {
  const { authorization, cookie } = headers
  const session = COOKIE.exec(cookie ?? '')?.[1]
  if (authorization === undefined || (session !== undefined && !/^Bearer\b/i.test(authorization)))
    return session === undefined ? {} : { session }
  return { token: BEARER.exec(authorization)?.[1] ?? '' }
}

/** Throws REQUEST_FOREIGN. */
function refuseForeign(request: FastifyRequest): void {
  const { origin } = request.headers
  if (request.headers[CONSOLE_HEADER] !== '1')
    throw new ThalwegError(
      'REQUEST_FOREIGN',
      `Without an API token, a change needs the header "${CONSOLE_HEADER}: 1"`,
    )
  if (origin !== undefined && hostOf(origin) !== request.host.toLowerCase())
    throw new ThalwegError(
      'REQUEST_FOREIGN',
      `The request comes from a page of ${origin.slice(0, 200)}, which is not this console`,
    )
}

/** With its port, unless that is the scheme's own, as in a Host header; undefined for `null` and what is no origin. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function nameOf({ kind, name }: Caller): string {
  return kind === 'token' ? `the token "${name}"` : name
}
