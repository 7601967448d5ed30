/** People: who may sign in, and as what. */

import * as z from 'zod'
import { Email, LINK_MS, type Link, PERSON_STATES, type Person, PersonName } from '../../access/people.ts'
import { ROLES } from '../../access/roles.ts'
import type { Api } from '../app.ts'
import type { Audited } from '../audited.ts'
import type { ApiParts } from '../parts.ts'
import { ErrorAnswer, NOTHING, Time, TimeOrNull } from '../schemas.ts'

export const PersonView = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    state: z.enum(PERSON_STATES).describe('invited: has not chosen a password yet.'),
    linkUntil: TimeOrNull.describe('Until when a one-time link that was not used yet works; null: none.'),
    seenAt: TimeOrNull.describe('To the minute.'),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Person' })

export type PersonAnswer = z.output<typeof PersonView>

const LinkView = z
  .object({
    path: z.string().describe('Shown this once. With the address of the console before it, it is the link.'),
    until: Time,
  })
  .meta({ id: 'OneTimeLink' })

const WithLink = z.object({ person: PersonView, link: LinkView })
export type PersonWithLinkAnswer = z.output<typeof WithLink>

const RoleGiven = z
  .enum(ROLES)
  .describe('viewer reads; operator changes what flows; admin gives and takes access.')
const Params = z.object({
  person: z.string().min(1).max(254).describe('Id or e-mail address of the person.'),
})
const TAGS = ['People']

export function peopleRoutes(app: Api, { access }: ApiParts): void {
  const { people } = access
  const person: Audited = {
    object: 'person',
    param: 'person',
    read: async (which) => keptOf(await people.get(which)),
    made: ({ person: { id } }: PersonWithLinkAnswer) => id,
  }

  app.get(
    '/people',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'listPeople',
        summary: 'All people',
        response: { 200: z.object({ people: z.array(PersonView) }), default: ErrorAnswer },
      },
    },
    async () => ({ people: await people.list() }),
  )

  app.post(
    '/people',
    {
      config: { role: 'admin', audit: person },
      schema: {
        tags: TAGS,
        operationId: 'invitePerson',
        summary: 'Invite somebody; the link is shown this once',
        description: `The link works once, for ${LINK_MS / 3_600_000} hours; no mail is sent.`,
        body: z.strictObject({ email: Email, name: PersonName, role: RoleGiven }),
        response: { 201: WithLink, default: ErrorAnswer },
      },
    },
    async (request, reply) => reply.code(201).send(withLink(await people.invite(request.body))),
  )

  app.get(
    '/people/:person',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'getPerson',
        summary: 'One person',
        params: Params,
        response: { 200: PersonView, default: ErrorAnswer },
      },
    },
    (request) => people.get(request.params.person),
  )

  app.patch(
    '/people/:person',
    {
      config: { role: 'admin', audit: person },
      schema: {
        tags: TAGS,
        operationId: 'updatePerson',
        summary:
          'Change address, name or role, disable or enable; it counts at once. The last admin stays one',
        params: Params,
        body: z.strictObject({
          email: Email.optional(),
          name: PersonName.optional(),
          role: RoleGiven.optional(),
          disabled: z.boolean().optional().describe('true: their sessions end, and they cannot sign in.'),
        }),
        response: { 200: PersonView, default: ErrorAnswer },
      },
    },
    (request) => {
      const { email, name, role, disabled } = request.body
      return people.change(request.params.person, {
        ...(email === undefined ? {} : { email }),
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
      })
    },
  )

  app.delete(
    '/people/:person',
    {
      config: { role: 'admin', audit: person },
      schema: {
        tags: TAGS,
        operationId: 'removePerson',
        summary: 'Remove somebody for ever; the trail keeps what they did. The last admin stays',
        params: Params,
        response: { 204: NOTHING, default: ErrorAnswer },
      },
    },
    async (request, reply) => {
      await people.remove(request.params.person)
      return reply.code(204).send()
    },
  )

  app.post(
    '/people/:person/link',
    {
      config: { role: 'admin', audit: person },
      schema: {
        tags: TAGS,
        operationId: 'linkPerson',
        summary: 'A new one-time link to choose a password, in place of any before it; shown this once',
        params: Params,
        response: { 200: WithLink, default: ErrorAnswer },
      },
    },
    async (request) => withLink(await people.newLink(request.params.person)),
  )
}

/** Behind the `#`, so that browsers send the code to no server, and no proxy writes it down. */
function withLink({ person, link }: { person: Person; link: Link }): PersonWithLinkAnswer {
  return { person, link: { path: `/accept#code=${link.code}`, until: link.until } }
}

/** What the trail keeps of a person: not when they were last here. */
function keptOf({ id, name, email, role, state, linkUntil }: Person) {
  return { id, name, email, role, state, linkUntil }
}
