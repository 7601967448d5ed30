/** alerts: what a contact should know. */

import type { Command } from 'commander'
import type { AlertAnswer } from '../../api/routes/alerts.ts'
import type { Session } from '../session.ts'
import { clean, moment } from '../words.ts'

export function alertCommands(program: Command, session: Session): void {
  program
    .command('alerts')
    .description('alerts, newest first')
    .option('--open', 'only those not resolved')
    .option('--current <current>', 'of this current')
    .action(async ({ open = false, current }: { open?: boolean; current?: string }) => {
      const { out } = session
      const answer = await (await session.client()).get<{ alerts: AlertAnswer[] }>('/alerts', {
        open,
        current,
      })
      out.show(answer, () =>
        out.table(
          [
            { title: 'RAISED' },
            { title: 'RESOLVED' },
            { title: 'KIND' },
            { title: 'CONTACT' },
            { title: 'SUBJECT' },
          ],
          answer.alerts.map((alert) => [
            moment(alert.createdAt),
            moment(alert.resolvedAt),
            alert.resolvedAt === null ? out.colour('red', alert.kind) : alert.kind,
            clean(alert.contact),
            clean(alert.subject, 100),
          ]),
          open ? 'Nothing is open.' : 'There are no alerts.',
        ),
      )
    })
}
