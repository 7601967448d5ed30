/** For tests: the API over a whole Thalweg, with one token for each role. */

import { onTestFinished } from 'vitest'
import { type Stack, type StackOptions, startStack } from '../../test/support/stack.ts'
import { type Access, openAccess } from '../access/access.ts'
import { ROLES, type Role } from '../access/roles.ts'
import { apiPartsOf } from '../hub-api.ts'
import { CONSOLE_HEADER, SESSION_COOKIE } from './access.ts'
import { createApi, type MountedApi } from './api.ts'

export interface ApiStack extends Stack {
  readonly api: MountedApi
  readonly access: Access
  /** With which the owner can be made. */
  readonly setupCode: string
  readonly secrets: Readonly<Record<Role, string>>
  /** Somebody new. */
  somebody(role: Role): Promise<Somebody>
  /** Without a role: without a token. */
  call(as: Role | undefined, method: Method, url: string, body?: unknown): Promise<Answered>
}

/** Somebody who has signed in, at the console. */
export interface Somebody {
  readonly id: string
  readonly cookie: string
  /** `headers` beside those that the console sends; undefined takes one away. */
  call(
    method: Method,
    url: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<Answered>
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

export interface ApiStackOptions extends StackOptions {
  readonly demo?: boolean
  readonly trustedProxies?: readonly string[]
}

export async function startApi(options: ApiStackOptions = {}): Promise<ApiStack> {
  const stack = await startStack(options)
  const { hub, sandbox } = stack
  const {
    access,
    firstToken = '',
    setupCode = '',
  } = await openAccess({
    store: hub.store,
    clock: hub.clock,
    logger: hub.logger,
    dataDir: hub.settings.dataDir,
    limits: hub.settings,
    demo: options.demo ?? false,
  })
  onTestFinished(() => access.stop())
  const secrets: Record<Role, string> = { viewer: '', operator: '', admin: firstToken }
  for (const role of ROLES.filter((one) => one !== 'admin'))
    secrets[role] = (await access.tokens.create(`test ${role}`, role)).secret
  const api = await createApi({
    version: '0.0.0-test',
    ...apiPartsOf(hub, sandbox),
    ...(options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies }),
    access,
  })
  onTestFinished(() => api.close())
  let people = 0
  return {
    ...stack,
    api,
    access,
    setupCode,
    secrets,
    call: (as, method, url, body) =>
      asked(api, method, url, body, as === undefined ? {} : { authorization: `Bearer ${secrets[as]}` }),
    somebody: async (role) => {
      const name = `test ${role} ${++people}`
      const { link } = await access.people.invite({ email: `${people}@example.com`, name, role })
      const password = `the password of ${name}`
      const { caller, secret } = await access.accept(
        { code: link.code, password },
        { agent: 'test', address: '127.0.0.1' },
      )
      const cookie = `${SESSION_COOKIE}=${secret}`
      return {
        id: caller.id,
        cookie,
        call: (method, url, body, headers) =>
          asked(api, method, url, body, { cookie, [CONSOLE_HEADER]: '1', ...headers }),
      }
    },
  }
}

async function asked(
  { app }: MountedApi,
  method: Method,
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<Answered> {
  const answer = await app.inject({
    method,
    url,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    ...(body === undefined ? {} : { payload: body as object }),
  })
  const isJson = String(answer.headers['content-type']).startsWith('application/json') && answer.body !== ''
  return {
    status: answer.statusCode,
    json: isJson ? answer.json() : undefined,
    text: answer.body,
    headers: answer.headers,
  }
}
