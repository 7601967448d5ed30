/** inbox: what came in lately. */

import type { Command } from 'commander'
import type { InboxAnswer } from '../../api/routes/inbox.ts'
import type { Session } from '../session.ts'
import { bytes, clean, grouped, moment, wholeFrom } from '../words.ts'

export function inboxCommand(program: Command, session: Session): void {
  program
    .command('inbox')
    .description('what came in lately: by type, quarantined items, types met for the first time')
    .option('--minutes <n>', 'counts of so many minutes', wholeFrom(1, 527_040), 60)
    .option('--limit <n>', 'of quarantine and new types', wholeFrom(1, 500), 20)
    .action(async (options: { minutes: number; limit: number }) => {
      const inbox = await (await session.client()).get<InboxAnswer>('/inbox', { ...options })
      session.out.show(inbox, () => showInbox(session, inbox, options.minutes))
    })
}

function showInbox({ out }: Session, inbox: InboxAnswer, minutes: number): void {
  out.line(out.colour('bold', `Accepted in the last ${minutes} minutes`))
  out.table(
    [
      { title: 'SOURCE' },
      { title: 'TYPE' },
      { title: 'EVENTS', right: true },
      { title: 'BYTES', right: true },
    ],
    inbox.counts.map((row) => [
      clean(row.source ?? '–'),
      clean(row.eventType) || '–',
      grouped(row.accepted),
      bytes(row.bytes),
    ]),
    'Nothing.',
  )
  out.line(`\n${out.colour('bold', 'Quarantined: items that are not events')}`)
  out.table(
    [
      { title: 'OFFSET', right: true },
      { title: 'SOURCE' },
      { title: 'WHEN' },
      { title: 'REASON' },
      { title: 'BEGINS' },
    ],
    inbox.quarantine.map((row) => [
      String(row.offset),
      clean(row.source ?? '–'),
      moment(row.receivedAt),
      row.reason,
      clean(row.excerpt, 60),
    ]),
    'None.',
  )
  out.line(`\n${out.colour('bold', 'Types met for the first time')}`)
  out.table(
    [{ title: 'WHEN' }, { title: 'SOURCE' }, { title: 'TYPE' }, { title: 'IN THE CATALOG' }],
    inbox.firstSeen.map((row) => [
      moment(row.at),
      clean(row.source ?? '–'),
      clean(row.eventType) || '–',
      row.known ? 'yes' : out.colour('yellow', 'no'),
    ]),
    'None.',
  )
  if (inbox.unacknowledgedFindings > 0)
    out.line(
      `\n${out.colour('yellow', `${grouped(inbox.unacknowledgedFindings)} findings of the drift radar wait`)}: thalweg drift list`,
    )
}
