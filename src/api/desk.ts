/**
 * The API asked from within, as whoever asks it from outside: for what does many of its changes in a row. Each goes through the same
 * doors as one that comes by the network: who it is, what they may, what fits, and what the trail keeps.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { Desk } from '../config/desk.ts'
import { refusalFrom } from '../core/errors.ts'
import { CONSOLE_HEADER } from './access.ts'
import type { Api } from './app.ts'

const STEP_HEADER = 'x-thalweg-step'

/** Ids of requests that are steps of something larger, so that the trail names it. Nobody outside of this process can make one. */
export class StepIds {
  readonly #key = randomBytes(32).toString('hex')
  #made = 0

  /** `apply-7.42`, as the header of a request from within. */
  header(of: string): string {
    return `${this.#key} ${of}.${++this.#made}`
  }

  /** undefined: the request is no step. */
  of({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
    const given = headers[STEP_HEADER]
    if (typeof given !== 'string') return undefined
    const [key = '', id] = given.split(' ')
    const isOurs =
      key.length === this.#key.length && timingSafeEqual(Buffer.from(key), Buffer.from(this.#key))
    return isOurs ? id : undefined
  }
}

/** Asks with the rights of `request`. `step`: of what its requests are a part. */
export function deskOf(app: Api, request: FastifyRequest, stepIds: StepIds, step: string | undefined): Desk {
  const { authorization, cookie, origin } = request.headers
  const headers = {
    host: request.host,
    ...(authorization === undefined ? {} : { authorization }),
    ...(cookie === undefined ? {} : { cookie, [CONSOLE_HEADER]: '1' }),
    ...(origin === undefined ? {} : { origin }),
  }
  const ask = async <Answer>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    where: string,
    body?: unknown,
  ) => {
    const answer = await app.inject({
      method,
      url: `/api/v1${where}`,
      headers: { ...headers, ...(step === undefined ? {} : { [STEP_HEADER]: stepIds.header(step) }) },
      remoteAddress: request.ip,
      ...(body === undefined ? {} : { payload: body as object }),
    })
    const value: unknown = answer.body === '' ? undefined : JSON.parse(answer.body)
    if (answer.statusCode < 400) return value as Answer
    throw refusalFrom((value as { error: { code: string; message: string; details?: unknown } }).error)
  }
  return {
    get: (where) => ask('GET', where),
    send: (method, where, body) => ask(method, where, body),
  }
}
