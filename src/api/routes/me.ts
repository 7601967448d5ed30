/** What is the caller's own: name, password, sessions. For people only; tokens have none of it. */

import * as z from 'zod'
import { personIn } from '../../access/access.ts'
import { PASSWORD_CHARS_MAX, Password } from '../../access/passwords.ts'
import { PersonName } from '../../access/people.ts'
import { callerIn } from '../access.ts'
import type { Api } from '../app.ts'
import type { ApiParts } from '../parts.ts'
import { Count, ErrorAnswer, NOTHING, Time } from '../schemas.ts'
import { PersonView } from './people.ts'

const MySession = z
  .object({
    id: z.string(),
    agent: z.string().describe('What the browser says it is.'),
    address: z.string().describe('From which it was signed in.'),
    createdAt: Time,
    seenAt: Time.describe('To the minute.'),
    current: z.boolean().describe('The one of this request.'),
  })
  .meta({ id: 'MySession' })

export type MySessionsAnswer = { sessions: z.output<typeof MySession>[] }

const TAGS = ['Me']

export function meRoutes(app: Api, { access }: ApiParts): void {
  const { sessions } = access

  app.patch(
    '/me',
    {
      config: { role: 'viewer', audit: { object: 'person', own: true, told: ownChange } },
      schema: {
        tags: TAGS,
        operationId: 'updateMe',
        summary: 'Change your name or your password; with a new password all your other sessions end',
        body: z.strictObject({
          name: PersonName.optional(),
          password: z
            .strictObject({ old: z.string().min(1).max(PASSWORD_CHARS_MAX), new: Password })
            .optional(),
        }),
        response: { 200: PersonView, default: ErrorAnswer },
      },
    },
    (request) => access.changeOwn(callerIn(request), request.body, request.ip),
  )

  app.get(
    '/sessions',
    {
      config: { role: 'viewer' },
      schema: {
        tags: TAGS,
        operationId: 'listMySessions',
        summary: 'Where you are signed in, the one used last first',
        response: { 200: z.object({ sessions: z.array(MySession) }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const me = personIn(callerIn(request))
      const mine = await sessions.list(me.id)
      return { sessions: mine.map((session) => ({ ...session, current: session.id === me.session })) }
    },
  )

  app.delete(
    '/sessions',
    {
      config: { role: 'viewer', audit: { object: 'session', own: true, told: endedOf } },
      schema: {
        tags: TAGS,
        operationId: 'endMyOtherSessions',
        summary: 'End all your sessions but this one',
        response: { 200: z.object({ ended: Count }), default: ErrorAnswer },
      },
    },
    async (request) => {
      const me = personIn(callerIn(request))
      return { ended: await sessions.endOthers(me.id, me.session) }
    },
  )

  app.delete(
    '/sessions/:session',
    {
      config: { role: 'viewer', audit: { object: 'session', own: true, param: 'session' } },
      schema: {
        tags: TAGS,
        operationId: 'endMySession',
        summary: 'End one of your sessions',
        params: z.object({ session: z.string().min(1).max(64) }),
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await sessions.end(personIn(callerIn(request)).id, request.params.session)
      return reply.code(204).send()
    },
  )
}

function ownChange({ password }: { password?: object }, { id, name, email }: z.output<typeof PersonView>) {
  return { id, name, email, passwordChanged: password !== undefined }
}

function endedOf(_body: never, answer: { ended: number }) {
  return answer
}
