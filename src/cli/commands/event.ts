/** event list, show: what came in last, and the lineage of one event, readable. */

import type { Command } from 'commander'
import type { RecentEventsAnswer, RecordAnswer } from '../../api/routes/events.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, cleanLines, grouped, moment, wholeFrom } from '../words.ts'
import { pretty } from './dead-letters.ts'

type Row = RecordAnswer['currents'][number]

export function eventCommands(program: Command, session: Session): void {
  const group = program.command('event').alias('events').description('what became of one event')

  group
    .command('list')
    .description('what came in last, newest first')
    .option('--source <name>', 'by this source')
    .option('--type <type>', 'of this event type; an asterisk at its end: of all that begin so')
    .option('--limit <n>', 'at most so many', wholeFrom(1, 200), 50)
    .option('--before <offset>', 'where the page before ended', wholeFrom(0, Number.MAX_SAFE_INTEGER))
    .action(async (options: { source?: string; type?: string; limit: number; before?: number }) => {
      const { out } = session
      const answer = await (await session.client()).get<RecentEventsAnswer>('/events', { ...options })
      out.show(answer, () => {
        out.table(
          [
            { title: 'OFFSET', right: true },
            { title: 'ACCEPTED' },
            { title: 'SOURCE' },
            { title: 'TYPE' },
            { title: 'ID' },
          ],
          answer.events.map((event) => [
            String(event.offset),
            moment(event.receivedAt),
            clean(event.source ?? '–'),
            clean(event.type, 50) || '–',
            event.quarantined ? 'quarantined' : clean(event.eventId, 40) || '–',
          ]),
          'Nothing.',
        )
        if (answer.next !== null) out.line(`More: --before ${answer.next}`)
      })
    })

  group
    .command('show')
    .description('raw bytes, and for every current: selection, mapping, batch, answer')
    .argument('[id]', 'the id of the event')
    .option('--offset <n>', 'the place in the log instead of an id', wholeFrom(0, Number.MAX_SAFE_INTEGER))
    .option('--mapped', 'also what each destination gets to see')
    .action(
      async (
        id: string | undefined,
        { offset, mapped = false }: { offset?: number; mapped?: boolean },
        command: Command,
      ) => {
        if ((id === undefined) === (offset === undefined))
          command.error('error: name an event id or give --offset', { exitCode: 2 })
        const client = await session.client()
        const answer =
          offset === undefined
            ? await client.get<{ records: RecordAnswer[] }>(path`/events/${id ?? ''}`)
            : { records: [await client.get<RecordAnswer>(path`/records/${offset}`)] }
        session.out.show(answer, () => {
          for (const record of answer.records) showRecord(session, record, mapped)
        })
      },
    )
}

export function showRecord({ out }: Session, record: RecordAnswer, mapped: boolean): void {
  const type = record.type === '' ? 'no type' : clean(record.type)
  out.facts([
    ['offset', grouped(record.offset)],
    ['type', `${type}${record.inCatalog ? '' : ' (not in the catalog)'}`],
    ['accepted', `${moment(record.receivedAt)} from ${clean(record.source ?? 'a source that was deleted')}`],
    ['size', `${grouped(record.bytes)} bytes${record.quarantined ? ', quarantined: not an event' : ''}`],
  ])
  out.line(cleanLines(pretty(record.raw)))
  for (const row of record.currents) {
    out.line(`\n${out.colour('bold', clean(row.current))}  ${fateText(row)}`)
    for (const replay of row.replays)
      out.line(`  sent again by replay ${clean(replay.replay ?? '')} at ${moment(replay.settledAt)}`)
    if (mapped && row.mapped !== null) out.line(cleanLines(JSON.stringify(row.mapped, null, 2)))
  }
  out.line()
}

const OUT_OF_SCOPE = {
  not_launched: 'is a draft',
  before_launch: 'was launched later',
  other_source: 'does not read from this source',
} as const

function fateText({ fate }: Row): string {
  switch (fate.outcome) {
    case 'out-of-scope':
      return `not concerned: it ${OUT_OF_SCOPE[fate.why]}`
    case 'pending':
      return 'pending: not sent yet, or not answered yet'
    case 'filtered':
      return `filtered: ${clean(fate.reason)} (version ${fate.version})`
    case 'delivered':
      return `delivered at ${moment(fate.batch.settledAt)} in batch ${clean(fate.batch.id)} of ${fate.batch.count}, ${attempts(fate.batch.attempts)}, status ${fate.batch.status} (version ${fate.version})`
    case 'dead':
      return `dead letter ${fate.deadLetter}, ${fate.state}: ${clean(fate.message, 500)} (version ${fate.version})`
    case 'missing':
      return 'MISSING: no outcome covers it. Run: thalweg ledger check'
  }
}

function attempts(count: number): string {
  return count === 1 ? '1 attempt' : `${count} attempts`
}
