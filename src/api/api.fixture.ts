/** For tests: the API over a whole Thalweg, with one token for each role. */

import { onTestFinished } from 'vitest'
import { type Stack, type StackOptions, startStack } from '../../test/support/stack.ts'
import { apiPartsOf } from '../hub-api.ts'
import { createApi, type MountedApi } from './api.ts'
import { openTokens, ROLES, type Role } from './tokens.ts'

export interface ApiStack extends Stack {
  readonly api: MountedApi
  readonly secrets: Readonly<Record<Role, string>>
  /** Without a role: without a token. */
  call(as: Role | undefined, method: Method, url: string, body?: unknown): Promise<Answered>
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Answered {
  readonly status: number
  /** Parsed; undefined when there is no body or it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly json: any
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
}

export async function startApi(options: StackOptions = {}): Promise<ApiStack> {
  const stack = await startStack(options)
  const { hub, sandbox } = stack
  const { tokens, first = '' } = await openTokens(hub.store, hub.clock)
  const secrets: Record<Role, string> = { viewer: '', operator: '', admin: first }
  for (const role of ROLES.filter((one) => one !== 'admin'))
    secrets[role] = (await tokens.create(`test ${role}`, role)).secret
  const api = await createApi({
    version: '0.0.0-test',
    ...apiPartsOf(hub, sandbox),
    tokens,
  })
  onTestFinished(() => api.close())
  return {
    ...stack,
    api,
    secrets,
    call: async (as, method, url, body) => {
      const answer = await api.app.inject({
        method,
        url,
        headers: as === undefined ? {} : { authorization: `Bearer ${secrets[as]}` },
        ...(body === undefined ? {} : { payload: body as object }),
      })
      const isJson = String(answer.headers['content-type']).includes('json') && answer.body !== ''
      return {
        status: answer.statusCode,
        json: isJson ? answer.json() : undefined,
        text: answer.body,
        headers: answer.headers,
      }
    },
  }
}
