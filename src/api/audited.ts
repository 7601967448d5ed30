/**
 * The trail of changes, kept by construction: a route names its object and how the trail reads it; everything else happens here.
 * Before the handler the object is read and the entry begun; before the answer leaves, the object is read again and the entry says
 * what became of it. A route that lets somebody in begins its entry as nobody's, and ends it as theirs.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../access/access.ts'
import type { Attempt, AuditObject, Outcome } from '../access/audit.ts'
import { Trickle } from '../access/trickle.ts'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, ThalwegError } from '../core/errors.ts'
import type { Api } from './app.ts'
import type { ApiLogger } from './parts.ts'

/** `reads`: for all its method, the route changes nothing that lasts. */
export type AuditRule = 'reads' | Audited

/** What the trail keeps of a route's change. */
export interface Audited {
  /** What is changed, in our words. */
  readonly object: string
  /** Parameter of the address that names it. In an address without it the route makes one, and its answer names it. */
  readonly param?: string
  /** There is but one, which needs no name. */
  readonly only?: true
  /**
   * The object as the trail may keep it for years: what is set of it, without what moves by itself, without secrets, and without
   * anybody's personal data but that of the people who work here. Its `number`, `id` or `name` is how it is named in the trail.
   * A refusal of 404 says that there is none.
   */
  read?(key: string, params: Params): unknown
  /** What an answer names as made; its `number`, `id` or `name` unless told. */
  made?(answer: never): string | number
  /** Where there is no one object to be read: what was done, by the rules of `read`. Kept as what was after. */
  told?(body: never, answer: never): unknown
  /** Whether the request only asks what would be. */
  rehearses?(body: never): boolean
  /** It changes only what is the caller's own, so that a viewer may. */
  readonly own?: true
}

export type Params = Readonly<Record<string, string>>

interface Begun {
  readonly entry: number
  readonly key: string | undefined
  readonly before: unknown
}

declare module 'fastify' {
  interface FastifyRequest {
    /** It only asks what would be. */
    rehearsing: boolean
    /** The entry that was begun for this request. */
    begun: Begun | undefined
    /** What the handler answers with, before it is written. */
    answered: unknown
    /** With which the request was refused. */
    refusal: ErrorCode | undefined
  }
}

export function keepTrail(app: Api, access: Access, clock: Clock, logger: ApiLogger): void {
  const { audit } = access
  const trickle = new Trickle(clock)
  app.decorateRequest('rehearsing', false)
  app.decorateRequest('begun', undefined)
  app.decorateRequest('answered', undefined)
  app.decorateRequest('refusal', undefined)

  app.addHook('preHandler', async (request) => {
    const rule = ruleOf(request)
    if (rule === undefined) return
    request.rehearsing = rule.rehearses?.(request.body as never) === true
    if (request.rehearsing) return
    // Anybody may ask to be let in: what of it is not kept now is kept if they are.
    if (request.caller === undefined && !trickle.passes('')) return
    const params = request.params as Params
    const key = keyIn(rule, params)
    const before = await stateOf(rule, key, params)
    const entry = await audit.begin(attemptOf(request, objectOf(rule, key, before)), before)
    request.begun = { entry, key, before }
  })

  app.addHook('preSerialization', async (request, _reply, payload) => {
    if (request.refusal === undefined) request.answered = payload
    return payload
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const rule = ruleOf(request)
    if (rule !== undefined && !request.rehearsing)
      await end(request, reply, rule).catch((error: unknown) => {
        logger.error({ err: error, request: request.id }, 'the trail could not keep what became of a change')
      })
    return payload
  })

  async function end(request: FastifyRequest, reply: FastifyReply, rule: Audited): Promise<void> {
    const { begun, refusal: code } = request
    const outcome = outcomeOf(reply.statusCode)
    if (begun === undefined) {
      if (outcome !== 'done' && !trickle.passes(request.caller?.id ?? '')) return
      const key = keyIn(rule, request.params as Params)
      await audit.note(attemptOf(request, objectOf(rule, key, undefined)), outcome, code ?? '')
      return
    }
    const { key, after } =
      outcome === 'done' ? await afterwards(request, rule, begun) : { key: begun.key, after: undefined }
    const state = begun.before ?? after
    await audit.finish(begun.entry, attemptOf(request, objectOf(rule, key, state)), {
      outcome,
      after,
      ...(code === undefined ? {} : { code }),
    })
  }
}

/** The rule of a request that may change something. */
function ruleOf(request: FastifyRequest): Audited | undefined {
  const rule = request.is404 ? undefined : request.routeOptions.config.audit
  return rule === 'reads' ? undefined : rule
}

function keyIn({ object, only, param }: Audited, params: Params): string | undefined {
  if (only) return object
  return param === undefined ? undefined : textOf(params[param])
}

async function afterwards(
  request: FastifyRequest,
  rule: Audited,
  { key, before }: Begun,
): Promise<{ key: string | undefined; after: unknown }> {
  const answer = request.answered as never
  if (rule.told !== undefined) return { key, after: rule.told(request.body as never, answer) }
  // By what stays when the name changes.
  const known =
    key === undefined ? textOf(rule.made?.(answer) ?? idOf(answer)) : (textOf(idOf(before)) ?? key)
  return { key: known, after: await stateOf(rule, known, request.params as Params) }
}

async function stateOf(rule: Audited, key: string | undefined, params: Params): Promise<unknown> {
  if (key === undefined) return undefined
  try {
    return await rule.read?.(key, params)
  } catch (error) {
    if (error instanceof ThalwegError && error.status === 404) return undefined
    throw error
  }
}

function attemptOf(request: FastifyRequest, object: AuditObject): Attempt {
  const operation = request.routeOptions.schema as { operationId?: string } | undefined
  return {
    caller: request.caller,
    address: request.ip,
    operation: operation?.operationId ?? '',
    object,
    request: request.id,
  }
}

function objectOf({ object: kind }: Audited, key: string | undefined, state: unknown): AuditObject {
  const { name, label, slug } = membersOf(state)
  const id = textOf(idOf(state)) ?? key ?? ''
  return { kind, id, name: textOf(name ?? label ?? slug) ?? key ?? id }
}

function idOf(state: unknown): unknown {
  const { number, id, name } = membersOf(state)
  return number ?? id ?? name
}

function membersOf(state: unknown): Readonly<Record<string, unknown>> {
  return typeof state === 'object' && state !== null ? { ...state } : {}
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

function outcomeOf(status: number): Outcome {
  return status < 400 ? 'done' : status < 500 ? 'refused' : 'failed'
}
