/** people: who may sign in to the console, and as what. */

import type { Command } from 'commander'
import type { PersonAnswer, PersonWithLinkAnswer } from '../../api/routes/people.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, moment } from '../words.ts'

const ROLE_OF = 'viewer reads; operator changes what flows; admin gives and takes access'
const WHICH = 'e-mail address or id'

export function peopleCommands(program: Command, session: Session): void {
  const group = program
    .command('people')
    .alias('person')
    .description('people who may sign in to the console, and their roles')

  group
    .command('list')
    .description('all people')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<{ people: PersonAnswer[] }>('/people')
      out.show(answer, () =>
        out.table(
          [
            { title: 'E-MAIL' },
            { title: 'NAME' },
            { title: 'ROLE' },
            { title: 'STATE' },
            { title: 'LAST SEEN' },
          ],
          answer.people.map(({ email, name, role, state, seenAt }) => [
            clean(email),
            clean(name),
            role,
            state,
            moment(seenAt),
          ]),
          'There is nobody yet. The first start printed a link for the owner; it is also in the file setup-code of the data folder.',
        ),
      )
    })

  group
    .command('invite')
    .description('let somebody choose a password, by a link that works once; the link is shown this once')
    .argument('<email>', 'e-mail address')
    .requiredOption('--name <name>', 'what they are called')
    .option('--role <role>', ROLE_OF, 'viewer')
    .action(async (email: string, { name, role }: { name: string; role: string }) => {
      const client = await session.client()
      const made = await client.send<PersonWithLinkAnswer>('POST', '/people', { email, name, role })
      showLink(session, made, client.address)
    })

  group
    .command('link')
    .description('a new link to choose a password, in place of any before it; shown this once')
    .argument('<person>', WHICH)
    .action(async (person: string) => {
      const client = await session.client()
      const made = await client.send<PersonWithLinkAnswer>('POST', path`/people/${person}/link`)
      showLink(session, made, client.address)
    })

  group
    .command('role')
    .description('give somebody another role; it counts at once')
    .argument('<person>', WHICH)
    .argument('<role>', ROLE_OF)
    .action((person: string, role: string) =>
      change(session, person, { role }, (one) => `is ${one.role} now`),
    )

  group
    .command('disable')
    .description('let somebody in no more; their sessions end at once')
    .argument('<person>', WHICH)
    .action((person: string) =>
      change(session, person, { disabled: true }, () => 'is disabled and signed out everywhere'),
    )

  group
    .command('enable')
    .description('let somebody in again who was disabled')
    .argument('<person>', WHICH)
    .action((person: string) =>
      change(session, person, { disabled: false }, ({ state }) => `is ${state} again`),
    )

  group
    .command('remove')
    .description('remove somebody for ever; the trail keeps what they did')
    .argument('<person>', WHICH)
    .option('--yes', 'do not ask')
    .action(async (person: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const { name, email } = await client.get<PersonAnswer>(path`/people/${person}`)
      if (!(await session.agreed(yes, `Remove ${clean(name)} (${clean(email)})?`)))
        return session.out.aside('Nobody was removed.')
      await client.remove(path`/people/${person}`)
      session.out.show({ removed: email }, () => session.out.line(`Removed ${clean(email)}.`))
    })
}

async function change(
  session: Session,
  person: string,
  wanted: object,
  words: (person: PersonAnswer) => string,
): Promise<void> {
  const client = await session.client()
  const changed = await client.send<PersonAnswer>('PATCH', path`/people/${person}`, wanted)
  session.out.show(changed, () => session.out.line(`${clean(changed.email)} ${words(changed)}.`))
}

function showLink({ out }: Session, { person, link }: PersonWithLinkAnswer, address: string): void {
  const url = `${address}${link.path}`
  out.show({ person, link: { ...link, url } }, () => {
    out.line(`For ${clean(person.email)} (${person.role}), until ${moment(link.until)}, shown this once:`)
    out.line(url)
  })
}
