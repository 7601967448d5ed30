/** Coming in and going out: sign-in, the first owner, one-time links. What is given out is a cookie that scripts cannot read. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { SignedIn } from '../../access/access.ts'
import type { Caller } from '../../access/caller.ts'
import { PASSWORD_CHARS_MAX, Password } from '../../access/passwords.ts'
import { Email, PersonName } from '../../access/people.ts'
import { ROLES } from '../../access/roles.ts'
import { ThalwegError } from '../../core/errors.ts'
import { callerIn, comesFrom, setSession, whoeverCalls } from '../access.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, NOTHING } from '../schemas.ts'

const CallerView = z
  .object({
    kind: z.enum(['person', 'token']),
    id: z.string(),
    name: z.string().describe('Of a token: its label.'),
    email: z.string().nullable().describe('null: a token.'),
    role: z.enum(ROLES),
  })
  .meta({ id: 'Caller' })

const SessionView = z
  .object({
    caller: CallerView.nullable().describe('null: nobody has signed in.'),
    setup: z.enum(['needed', 'done']).describe('needed: nobody can sign in yet.'),
    demo: z.boolean().describe('Whether POST /session/demo lets anybody in who sits at the machine.'),
    version: z.string(),
  })
  .meta({ id: 'Session' })

export type SessionAnswer = z.output<typeof SessionView>

const Entered = z.object({ caller: CallerView })
export type EnteredAnswer = z.output<typeof Entered>

const Code = z.string().min(1).max(200)
const TAGS = ['Session']

export function sessionRoutes(app: Api, { access, version }: ApiParts): void {
  app.get(
    '/session',
    {
      config: { role: 'open' },
      schema: {
        tags: TAGS,
        operationId: 'getSession',
        summary: 'Who you are, and how you can come in',
        response: { 200: SessionView, default: ErrorAnswer },
      },
    },
    async (request) => {
      const caller = await whoeverCalls(request, access)
      return {
        caller: caller === undefined ? null : viewOf(caller),
        setup: (await access.people.needsOwner()) ? ('needed' as const) : ('done' as const),
        demo: access.demo,
        version,
      }
    },
  )

  app.post(
    '/session',
    {
      config: { role: 'open', audit: SESSION },
      schema: {
        tags: TAGS,
        operationId: 'signIn',
        summary: 'Sign in with a password',
        body: z.strictObject({ email: Email, password: z.string().min(1).max(PASSWORD_CHARS_MAX) }),
        response: { 200: Entered, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      const { email, password } = request.body
      return entered(request, reply, await access.signIn(email, password, comesFrom(request)))
    },
  )

  app.delete(
    '/session',
    {
      config: { role: 'viewer', audit: { ...SESSION, own: true } },
      schema: {
        tags: TAGS,
        operationId: 'signOut',
        summary: 'End this session',
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await access.signOut(callerIn(request))
      setSession(request, reply, '')
      return reply.code(204).send()
    },
  )

  app.post(
    '/session/demo',
    {
      config: { role: 'open', audit: SESSION },
      schema: {
        tags: TAGS,
        operationId: 'signInToDemo',
        summary: 'Come in as the owner of the demo; only from the machine that it runs on',
        response: { 200: Entered, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      refuseRemote(request)
      return entered(request, reply, await access.signInToDemo(comesFrom(request)))
    },
  )

  app.post(
    '/setup',
    {
      config: { role: 'open', audit: { object: 'person', told } },
      schema: {
        tags: TAGS,
        operationId: 'setUp',
        summary:
          'Make the first admin, with the code that the first start printed; refused when there is one',
        body: z.strictObject({ code: Code, name: PersonName, email: Email, password: Password }),
        response: { 200: Entered, default: ErrorAnswer },
      },
    },
    async (request, reply) => entered(request, reply, await access.setUp(request.body, comesFrom(request))),
  )

  app.post(
    '/session/accept',
    {
      config: { role: 'open', audit: { object: 'person', told } },
      schema: {
        tags: TAGS,
        operationId: 'acceptLink',
        summary: 'Choose a password by a one-time link, and sign in; all earlier sessions end',
        body: z.strictObject({ code: Code, password: Password, name: PersonName.optional() }),
        response: { 200: Entered, default: ErrorAnswer },
      },
    },
    async (request, reply) => entered(request, reply, await access.accept(request.body, comesFrom(request))),
  )
}

function told(_body: never, { caller }: EnteredAnswer) {
  return caller
}

/** Whoever tries is not known before; whoever came in is named by the entry itself. */
const SESSION = { object: 'session' } as const

function entered(request: FastifyRequest, reply: FastifyReply, { caller, secret }: SignedIn): EnteredAnswer {
  request.caller = caller
  setSession(request, reply, secret)
  return { caller: viewOf(caller) }
}

function viewOf({ kind, id, name, email, role }: Caller): z.output<typeof CallerView> {
  return { kind, id, name, email, role }
}

const LOOPBACK_ADDRESS = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/
const LOOPBACK_HOST = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i

/**
 * Throws DEMO_REFUSED. The host, too: a page of anybody's can have its own name lead to this machine (DNS rebinding), and would then
 * count as of the same origin.
 */
function refuseRemote({ raw, ip, headers }: FastifyRequest): void {
  const addresses = [raw.socket.remoteAddress ?? '', ip]
  if (addresses.every((address) => LOOPBACK_ADDRESS.test(address)) && LOOPBACK_HOST.test(headers.host ?? ''))
    return
  throw new ThalwegError(
    'DEMO_REFUSED',
    'Only from the machine that the demo runs on, by its loopback address, can anybody come in without a password',
  )
}
