/** catalog: event types to choose from, and kinds of destinations. */

import type { Command } from 'commander'
import type { DestinationAnswer } from '../../api/routes/destinations.ts'
import { eventTypes } from '../../catalog/catalog.ts'
import type { Session } from '../session.ts'
import { clean } from '../words.ts'

export function catalogCommands(program: Command, session: Session): void {
  const group = program.command('catalog').description('event types, and kinds of destinations')

  group
    .command('types')
    .description('all event types of Currents')
    .option('--channel <channel>', 'only of this channel')
    .action(({ channel }: { channel?: string }) => {
      const { out } = session
      const types = eventTypes
        .filter((type) => channel === undefined || type.channel === channel)
        .map(({ name, title, channel: of, category, status }) => ({
          name,
          title,
          channel: of,
          category,
          status,
        }))
      out.show({ types }, () =>
        out.table(
          [{ title: 'TYPE' }, { title: 'CHANNEL' }, { title: 'TITLE' }, { title: 'STATUS' }],
          types.map((type) => [type.name, type.channel, type.title, type.status]),
          'There is no such channel.',
        ),
      )
    })

  group
    .command('destinations')
    .description('kinds of destinations with their settings and credentials')
    .action(async () => {
      const { out } = session
      const client = await session.client()
      const answer = await client.get<{ destinations: DestinationAnswer[] }>('/destinations')
      out.show(answer, () => {
        for (const destination of answer.destinations) showDestination(session, destination)
      })
    })
}

function showDestination({ out }: Session, destination: DestinationAnswer): void {
  out.line(`${out.colour('bold', destination.name)}  ${clean(destination.title)}`)
  out.line(clean(destination.description, 1_000))
  const forms = { setting: destination.settings, credential: destination.credentials }
  for (const [what, form] of Object.entries(forms)) {
    const fields = Object.entries((form.properties ?? {}) as Record<string, { description?: string }>)
    for (const [name, { description = '' }] of fields)
      out.line(`  ${what} ${out.colour('cyan', name)}: ${clean(description, 500)}`)
  }
  out.line()
}
