/** The one shape of every error that the API answers, made from whatever was thrown. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod'
import { ERROR_CODES, type ErrorCode, ThalwegError } from '../core/errors.ts'
import type { Api } from './app.ts'
import type { ApiLogger } from './parts.ts'

export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly details?: unknown
}

/** Problems of one request that are listed. */
const PROBLEMS_MAX = 50
const URL_CHARS_MAX = 200

/** Where a value came from, as a person would say it. */
const PLACES: Readonly<Record<string, string>> = {
  body: 'body',
  params: 'address',
  querystring: 'query',
  headers: 'headers',
}

export function answerFailures(app: Api, logger: ApiLogger): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error)
    request.refusal = failure.code
    if (ERROR_CODES[failure.code][0] >= 500)
      logger.error(
        { err: error, method: request.method, route: request.routeOptions.url, request: request.id },
        failure.message,
      )
    return answer(reply, failure)
  })
  app.setNotFoundHandler((request, reply) =>
    answer(reply, {
      code: 'ROUTE_UNKNOWN',
      message: `Nothing answers at ${request.method} ${addressOf(request)}: the API is described at /api/v1/openapi.json`,
    }),
  )
}

function answer(reply: FastifyReply, failure: Failure) {
  const [status] = ERROR_CODES[failure.code]
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="thalweg"')
  if (status === 429 || status === 503) reply.header('retry-after', '5')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error: failure })
}

/** For answers that are under way already, too. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ThalwegError) {
    const { code, message, details } = error
    return details === undefined ? { code, message } : { code, message, details }
  }
  if (hasZodFastifySchemaValidationErrors(error)) return misfit(error)
  if (error instanceof Error && !isResponseSerializationError(error)) {
    const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown }
    if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
      return { code: 'BODY_OVERSIZED', message: 'The body is larger than the API takes (4 MB)' }
    if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
      return { code: 'BODY_MEDIA', message: 'Send the body as JSON, with "Content-Type: application/json"' }
    // What Fastify refuses by itself: a body that is no JSON, a wrong Content-Length, a malformed address.
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
      return { code: 'INPUT_INVALID', message: error.message }
  }
  return {
    code: 'DEFECT',
    message: 'Thalweg failed in a way that it should not; the log of the program says how',
  }
}

interface Misfit {
  readonly validation: readonly { readonly instancePath: string; readonly message?: string }[]
  readonly validationContext?: string
}

function misfit(error: unknown): Failure {
  const { validation, validationContext = 'body' } = error as Misfit
  const place = PLACES[validationContext] ?? validationContext
  const problems = validation.slice(0, PROBLEMS_MAX).map(({ instancePath, message = 'does not fit' }) => ({
    in: place,
    field: instancePath.slice(1).replaceAll('/', '.'),
    problem: message,
  }))
  const words = problems.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`))
  return {
    code: 'INPUT_INVALID',
    message: `The ${place} does not fit: ${words.slice(0, 5).join('; ')}${words.length > 5 ? '; …' : ''}`,
    details: problems,
  }
}

function addressOf(request: FastifyRequest): string {
  const [path = ''] = request.url.split('?')
  return path.slice(0, URL_CHARS_MAX)
}
